internal import RedisLink
internal import Synchronization

/// A task that waits for the outcome of a job; ended once, by whatever ends it first.
final class ValueWaiter: KeyWatcher {
    private enum State {
        case new
        case waiting(CheckedContinuation<WaitEnd, Never>)
        case ended(WaitEnd)
    }

    private let state = Mutex(State.new)

    let wantsChanges = false

    func saw(_ value: [UInt8]) {}

    func ended(_ end: WatchEnd) { finish(.watched(end)) }

    /// Waits; resumes at once when it was ended before.
    ///
    /// - Returns: False when it has been resumed.
    func wait(_ continuation: CheckedContinuation<WaitEnd, Never>) -> Bool {
        let early: WaitEnd? = state.withLock { state in
            if case .ended(let end) = state { return end }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(returning: early) }
        return early == nil
    }

    func finish(_ end: WaitEnd) {
        let waiting: CheckedContinuation<WaitEnd, Never>? = state.withLock { state in
            switch state {
            case .new:
                state = .ended(end)
                return nil
            case .waiting(let continuation):
                state = .ended(end)
                return continuation
            case .ended:
                return nil
            }
        }
        waiting?.resume(returning: end)
    }
}

/// Why a wait for a job's outcome is over.
enum WaitEnd: Sendable {
    case watched(WatchEnd)
    case cancelled
    /// The job was not accepted, or that is not known.
    case refused(JobRunnerError)
    /// Its queue had no room.
    case full
}

extension KeyWatch {
    /// Waits until a key has a value.
    ///
    /// - Parameter deadline: Monotonic; it may end one command timeout later.
    /// - Returns: Why it ended; a cancelled task ends it at once.
    func end(of key: String, deadline: Int64, isFresh: Bool) async -> WaitEnd {
        await end { add($0, key: key, deadline: deadline, isFresh: isFresh) }
    }

    /// - Parameter begin: Begins the watch; nil when it has ended.
    func end(_ begin: (ValueWaiter) -> WatchBook.ID?) async -> WaitEnd {
        let waiter = ValueWaiter()
        var id: WatchBook.ID?
        let end = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard waiter.wait(continuation) else { return }
                id = begin(waiter)
            }
        } onCancel: {
            waiter.finish(.cancelled)
        }
        if let id { remove(id) }
        return end
    }
}
