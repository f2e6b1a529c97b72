internal import Dispatch
internal import RedisLink
internal import Synchronization

/// Threads for handlers that block: made as needed, kept for the next, at most one a slot.
final class BlockingThreads: Sendable {
    /// Called with why it cannot run, or nil to run.
    private typealias Body = @Sendable (_ obstacle: (any Error)?) -> Void

    private struct State {
        var waiting = Fifo<Body>()
        var idle = 0
        /// Threads there are, idle ones and those about to start included.
        var count = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let ready = DispatchSemaphore(value: 0)

    /// Runs `body` on one of the threads; the caller's task waits without holding its own.
    ///
    /// `Task.isCancelled` is of no use on such a thread: ask the context. What has not begun when
    /// the threads are stopped throws `CancellationError`; when the system gives no thread and
    /// there is none to wait for, `RedisError.unreachable` says so.
    func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            submit { obstacle in
                let result = Result {
                    if let obstacle { throw obstacle }
                    return try body()
                }
                continuation.resume(with: result)
            }
        }
    }

    /// Runs a piece of a task, whatever happens: after a stop, or without a thread to be had, on
    /// the caller's.
    func run(_ piece: @escaping @Sendable () -> Void) {
        submit { _ in piece() }
    }

    private func submit(_ body: @escaping Body) {
        let needsThread = state.withLock { state in
            state.waiting.append(body)
            if state.idle >= state.waiting.count { return false }
            state.idle += 1
            state.count += 1
            return true
        }
        if needsThread {
            do throws(RedisError) { try startThread("jobs") { self.serve() } } catch {
                return refuse(error)
            }
        }
        ready.signal()
    }

    /// No thread could be made: the job waits for one that there is, or hears why it cannot run.
    private func refuse(_ error: RedisError) {
        let body = state.withLock { state in
            state.idle -= 1
            state.count -= 1
            return state.count == 0 ? state.waiting.popFirst() : nil
        }
        if let body { body(error) } else { ready.signal() }
    }

    private func serve() {
        while true {
            ready.wait()
            let (body, isStopped): (Body?, Bool) = state.withLock { state in
                let body = state.waiting.popFirst()
                if body != nil { state.idle -= 1 } else { state.count -= 1 }
                return (body, state.isStopped)
            }
            // Only a stop signals without a body.
            guard let body else { return }
            body(isStopped ? CancellationError() : nil)
            let ends = state.withLock { state in
                state.idle += state.isStopped ? 0 : 1
                state.count -= state.isStopped ? 1 : 0
                return state.isStopped
            }
            if ends { return }
        }
    }

    /// Ends the idle threads; one that runs a handler ends with it.
    func stop() {
        let idle = state.withLock { state in
            state.isStopped = true
            defer { state.idle = 0 }
            return state.idle
        }
        for _ in 0..<idle { ready.signal() }
    }
}
