internal import CSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Nanoseconds of a clock that only goes forward and goes on while the machine sleeps.
///
/// CLOCK_BOOTTIME on Linux: a lease that lapsed while a laptop slept has lapsed.
package func monotonicNanoseconds() -> Int64 {
    var time = timespec()
    #if os(Linux)
        clock_gettime(CLOCK_BOOTTIME, &time)
    #else
        clock_gettime(CLOCK_MONOTONIC, &time)
    #endif
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// The monotonic time a duration from now, and never an overflow: "for ever" is allowed.
package func monotonicDeadline(after duration: Duration) -> Int64 {
    let (time, overflow) = monotonicNanoseconds().addingReportingOverflow(duration.nanoseconds)
    return overflow ? .max : time
}

extension Duration {
    /// Whole nanoseconds, rounded towards zero, saturating after 292 years.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow || carry ? (seconds < 0 ? .min : .max) : sum
    }

    /// Whole milliseconds, rounded towards zero.
    package var milliseconds: Int { Int(nanoseconds / 1_000_000) }
}

/// The text of an errno.
package func errorText(_ code: Int32) -> String {
    String(cString: strerror(code))
}

/// Starts a detached OS thread; `body` runs on it once.
///
/// For what blocks: sockets, heartbeats, blocking handlers. The cooperative pool
/// is as wide as the machine has cores and must never be blocked.
///
/// - Parameter name: At most 15 bytes are shown by the system.
/// - Throws: `RedisError.unreachable` when the system gives no more threads.
package func startThread(_ name: String, _ body: @escaping @Sendable () -> Void)
    throws(RedisError)
{
    let box = Unmanaged.passRetained(ThreadBody(name: name, run: body))
    #if os(Linux)
        var thread = pthread_t()
        let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { raw in
            guard let raw else { return nil }
            ThreadBody.enter(raw)
            return nil
        }
    #else
        var thread: pthread_t?
        let entry: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { raw in
            ThreadBody.enter(raw)
            return nil
        }
    #endif
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // 512 KiB of address space: the deepest user is a handler's own code.
    pthread_attr_setstacksize(&attributes, 512 << 10)
    defer { pthread_attr_destroy(&attributes) }
    let code = pthread_create(&thread, &attributes, entry, box.toOpaque())
    guard code != 0 else { return }
    box.release()
    throw .unreachable(
        address: "this process",
        reason: "no thread: \(errorText(code)) (see ulimit -u and the container's pids limit)")
}

/// What a new thread runs, carried through C.
private final class ThreadBody: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.run = run
    }

    static func enter(_ raw: UnsafeMutableRawPointer) {
        let body = Unmanaged<ThreadBody>.fromOpaque(raw).takeRetainedValue()
        jr_name_thread(String(body.name.prefix(15)))
        body.run()
    }
}

/// A file descriptor that another thread can make readable: ends a `poll`.
///
/// A pipe works everywhere; the eventfd of Linux is one descriptor instead of two.
package final class Wakeup: Sendable {
    /// Becomes readable after `signal`.
    package let descriptor: Int32
    private let writer: Int32

    /// - Throws: The errno, when the process is out of descriptors.
    package init() throws(RedisError) {
        #if os(Linux)
            descriptor = jr_eventfd()
            writer = descriptor
            let failed = descriptor < 0
        #else
            var ends: [Int32] = [-1, -1]
            let failed = pipe(&ends) < 0
            descriptor = ends[0]
            writer = ends[1]
            for end in ends where end >= 0 {
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
                _ = fcntl(end, F_SETFL, O_NONBLOCK)
            }
        #endif
        if failed {
            throw .unreachable(
                address: "this process", reason: "no descriptor: \(errorText(errno))")
        }
    }

    deinit {
        close(descriptor)
        if writer != descriptor { close(writer) }
    }

    /// Makes the descriptor readable; from any thread.
    package func signal() {
        var one: UInt64 = 1
        _ = write(writer, &one, 8)
    }

    /// Makes it unreadable again; on the thread that polls.
    package func clear() {
        var bytes: UInt64 = 0
        while read(descriptor, &bytes, 8) == 8, writer != descriptor {}
    }
}
