internal import Dispatch
internal import RedisLink
internal import Synchronization

/// Threads for handlers that block: made as needed, kept for the next, at most one a slot.
final class BlockingThreads: Sendable {
    private struct State {
        var waiting = Fifo<@Sendable () -> Void>()
        var idle = 0
        var isStopped = false
    }

    private let state = Mutex(State())
    private let ready = DispatchSemaphore(value: 0)

    /// Runs `body` on one of the threads; the caller's task waits without holding its own.
    ///
    /// `Task.isCancelled` is of no use on such a thread: ask the context.
    func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            submit { continuation.resume(with: Result { try body() }) }
        }
    }

    private func submit(_ body: @escaping @Sendable () -> Void) {
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
            let body: (@Sendable () -> Void)? = state.withLock { state in
                if state.isStopped { return nil }
                guard let body = state.waiting.popFirst() else { return {} }
                state.idle -= 1
                return body
            }
            guard let body else { return }
            body()
            state.withLock { $0.idle += 1 }
        }
    }

    /// Ends the idle threads; one that runs a handler ends with it.
    func stop() {
        let idle = state.withLock { state in
            state.isStopped = true
            return state.idle
        }
        for _ in 0..<(idle + 1) { ready.signal() }
    }
}
