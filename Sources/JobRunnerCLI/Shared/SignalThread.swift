internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Delivers signals to a closure on a thread of its own, where it may lock and allocate.
///
/// A handler that only writes the signal's number to a pipe: what is allowed inside one.
/// DispatchSource is not used, because a signal that arrives before its source is set up
/// would end the process.
enum SignalThread {
    /// Installs the handlers, then returns; they stay for the life of the process.
    ///
    /// - Parameter body: Called for each signal, one at a time.
    static func start(_ signals: [Int32], _ body: @escaping @Sendable (Int32) -> Void) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let reader = ends[0]
        signalPipe = ends[1]
        startCommandThread("signals") {
            var number: UInt8 = 0
            while true {
                let count = read(reader, &number, 1)
                if count == 1 { body(Int32(number)) }
                if count == 0 || (count < 0 && errno != EINTR) { return }
            }
        }
        for number in signals { signal(number, writeSignal) }
    }
}

/// Where the handler writes.
///
/// Set once, before any handler is installed, and only read then.
nonisolated(unsafe) private var signalPipe: Int32 = -1

/// Runs inside a signal: `write` only, and errno as it was.
private func writeSignal(_ number: Int32) {
    let saved = errno
    var byte = UInt8(truncatingIfNeeded: number)
    _ = write(signalPipe, &byte, 1)
    errno = saved
}
