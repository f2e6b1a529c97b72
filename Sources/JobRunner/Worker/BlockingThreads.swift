internal import Dispatch
internal import RedisLink
internal import Synchronization

/// Threads for handlers that block: made as needed, kept for the next, at most one a slot.
final class BlockingThreads: Sendable {
    private typealias Body = @Sendable (_ isStopped: Bool) -> Void

    private struct State {
        var waiting = Fifo<Body>()
        var idle = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let ready = DispatchSemaphore(value: 0)

    /// Runs `body` on one of the threads; the caller's task waits without holding its own.
    ///
    /// `Task.isCancelled` is of no use on such a thread: ask the context. What has not begun when
    /// the threads are stopped throws `CancellationError`.
    func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            submit { isStopped in
                let result = Result {
                    if isStopped { throw CancellationError() }
                    return try body()
                }
                continuation.resume(with: result)
            }
        }
    }

    private func submit(_ body: @escaping Body) {
        let needsThread = state.withLock { state in
            state.waiting.append(body)
            if state.idle >= state.waiting.count { return false }
            state.idle += 1
            return true
        }
        if needsThread { startThread("jobs") { self.serve() } }
        ready.signal()
    }

    private func serve() {
        while true {
            ready.wait()
            let (body, isStopped): (Body?, Bool) = state.withLock { state in
                let body = state.waiting.popFirst()
                if body != nil { state.idle -= 1 }
                return (body, state.isStopped)
            }
            // Only a stop signals without a body.
            guard let body else { return }
            body(isStopped)
            let ends = state.withLock { state in
                state.idle += state.isStopped ? 0 : 1
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
