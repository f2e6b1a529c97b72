internal import RedisLink
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A worker's sense of time: a thread of its own, so that a handler that blocks the
/// cooperative pool costs neither a lease nor a time limit.
final class WorkerClock: Sendable {
    private struct State {
        /// The earliest time somebody asked for, monotonic ns.
        var wakeAt = Int64.max
        var ticksNow = false
        var isStopped = false
        var isRunning = false
        /// Resumed when the thread is over.
        var stopping: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())
    private let wakeup: Wakeup

    init() throws(RedisError) {
        wakeup = try Wakeup()
    }

    /// Calls `onWake` at that time, or a little later.
    func wake(at time: Int64) {
        let isEarlier = state.withLock { state in
            guard time < state.wakeAt else { return false }
            state.wakeAt = time
            return true
        }
        if isEarlier { wakeup.signal() }
    }

    /// Calls `onTick` at once.
    func tickNow() {
        state.withLock { $0.ticksNow = true }
        wakeup.signal()
    }

    /// Ends the thread; returns when neither closure is running any more.
    ///
    /// Once only.
    func stop() async {
        await withCheckedContinuation { continuation in
            let isRunning = state.withLock { state in
                state.isStopped = true
                if state.isRunning { state.stopping = continuation }
                return state.isRunning
            }
            if isRunning { wakeup.signal() } else { continuation.resume() }
        }
    }

    private func over() {
        let stopping = state.withLock { state in
            state.isRunning = false
            return state.stopping
        }
        stopping?.resume()
    }

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - interval: Between two calls of `onTick`.
    ///   - onWake: Returns the next time it wants to be called.
    /// - Throws: `RedisError.unreachable` when the system gives no thread.
    func start(
        every interval: Duration, onTick: @escaping @Sendable () -> Void,
        onWake: @escaping @Sendable (_ now: Int64) -> Int64
    ) throws(RedisError) {
        state.withLock { $0.isRunning = true }
        do throws(RedisError) { try serve(interval, onTick, onWake) } catch {
            state.withLock { $0.isRunning = false }
            throw error
        }
    }

    private func serve(
        _ interval: Duration, _ onTick: @escaping @Sendable () -> Void,
        _ onWake: @escaping @Sendable (_ now: Int64) -> Int64
    ) throws(RedisError) {
        try startThread("heartbeat") {
            defer { self.over() }
            var nextTick = monotonicNanoseconds()
            while true {
                let now = monotonicNanoseconds()
                let (ticks, wakes, isStopped) = self.state.withLock { state in
                    let wakes = state.wakeAt <= now
                    if wakes { state.wakeAt = .max }
                    defer { state.ticksNow = false }
                    return (state.ticksNow, wakes, state.isStopped)
                }
                if isStopped { return }
                if ticks || now >= nextTick {
                    onTick()
                    nextTick = now + interval.nanoseconds
                }
                if wakes {
                    let next = onWake(now)
                    self.state.withLock { $0.wakeAt = min($0.wakeAt, next) }
                }
                self.sleep(until: nextTick)
            }
        }
    }

    private func sleep(until nextTick: Int64) {
        let (wakeAt, isDue) = state.withLock { ($0.wakeAt, $0.ticksNow || $0.isStopped) }
        if isDue { return }
        let left = min(nextTick, wakeAt) - monotonicNanoseconds()
        var entry = pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0)
        let milliseconds = max(0, (left + 999_999) / 1_000_000)
        if poll(&entry, 1, Int32(clamping: milliseconds)) > 0 { wakeup.clear() }
    }
}
