internal import RedisLink
internal import Synchronization

/// A task that waits for one value; ended once, by the watch or by its own cancellation.
final class ValueWaiter: KeyWatcher {
    /// Nil is cancelled.
    typealias End = WatchEnd?

    private enum State {
        case new
        case waiting(CheckedContinuation<End, Never>)
        case ended(End)
    }

    private let state = Mutex(State.new)

    let wantsChanges = false

    func saw(_ value: [UInt8]) {}

    func ended(_ end: WatchEnd) { finish(end) }

    /// Waits; resumes at once when it was cancelled before.
    ///
    /// - Returns: False when it has been resumed.
    func wait(_ continuation: CheckedContinuation<End, Never>) -> Bool {
        let hasEnded = state.withLock { state in
            if case .ended = state { return true }
            state = .waiting(continuation)
            return false
        }
        if hasEnded { continuation.resume(returning: nil) }
        return !hasEnded
    }

    func finish(_ end: End) {
        let waiting: CheckedContinuation<End, Never>? = state.withLock { state in
            defer { state = .ended(end) }
            if case .waiting(let continuation) = state { return continuation }
            return nil
        }
        waiting?.resume(returning: end)
    }
}

extension KeyWatch {
    /// Waits until a key has a value.
    ///
    /// - Parameter deadline: Monotonic; it may end one command timeout later.
    /// - Returns: Why it ended; nil when the task was cancelled, which ends it at once.
    func end(of key: String, deadline: Int64, isFresh: Bool) async -> WatchEnd? {
        let waiter = ValueWaiter()
        var id: WatchBook.ID?
        let end = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard waiter.wait(continuation) else { return }
                id = add(waiter, key: key, deadline: deadline, isFresh: isFresh)
            }
        } onCancel: {
            waiter.finish(nil)
        }
        if end == nil, let id { remove(id) }
        return end
    }
}
