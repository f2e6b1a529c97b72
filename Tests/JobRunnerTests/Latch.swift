import Dispatch
import Synchronization

/// A door that is opened once; whoever comes before waits, in a task or on a thread.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let threads = DispatchSemaphore(value: 0)

    /// Lets all through, now and later.
    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
        threads.signal()
    }

    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Waits in a task; does not hear of cancellation.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }

    /// Blocks the thread.
    func block() {
        threads.wait()
        threads.signal()
    }
}

/// Returns, by throwing, when the task is cancelled; never otherwise.
func waitForCancel() async throws {
    let latch = Latch()
    await withTaskCancellationHandler {
        await latch.wait()
    } onCancel: {
        latch.open()
    }
    try Task.checkCancellation()
}
