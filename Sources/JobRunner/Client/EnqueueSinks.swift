internal import Synchronization

/// One caller that waits for one answer.
final class SingleSink: EnqueueSink {
    private let continuation: CheckedContinuation<Result<Acceptance, JobRunnerError>, Never>

    init(_ continuation: CheckedContinuation<Result<Acceptance, JobRunnerError>, Never>) {
        self.continuation = continuation
    }

    func enqueued(_ index: Int, _ answer: Result<Acceptance, JobRunnerError>) {
        continuation.resume(returning: answer)
    }
}

/// One caller that gives many jobs and waits when too many are on their way.
final class BulkSink: EnqueueSink {
    private struct State {
        var outstanding = 0
        var duplicates: Set<Int> = []
        var isFull = false
        /// The failure of the first job that failed.
        var failure: (index: Int, error: JobRunnerError)?
        var waiter: (most: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    /// So many more will be answered.
    func expect(_ jobs: Int) {
        state.withLock { $0.outstanding += jobs }
    }

    func enqueued(_ index: Int, _ answer: Result<Acceptance, JobRunnerError>) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            switch answer {
            case .success(.accepted): break
            case .success(.duplicate): state.duplicates.insert(index)
            case .success(.full), .success(.held): state.isFull = true
            case .failure(let error):
                if index < state.failure?.index ?? .max { state.failure = (index, error) }
            }
            state.outstanding -= 1
            guard let waiter = state.waiter, state.outstanding <= waiter.most else { return nil }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }

    /// Returns when at most so many are still on their way.
    func wait(untilAtMost most: Int) async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.outstanding > most { state.waiter = (most, continuation) }
                return state.outstanding <= most
            }
            if isOver { continuation.resume() }
        }
    }

    var hasFailed: Bool { state.withLock { $0.failure != nil || $0.isFull } }

    /// The indices of jobs that were accepted before, when all went well.
    ///
    /// - Throws: The failure of the first job that failed, or `queueFull`.
    func duplicates(queue: String) throws(JobRunnerError) -> Set<Int> {
        let (failure, isFull, duplicates) = state.withLock {
            ($0.failure?.error, $0.isFull, $0.duplicates)
        }
        if let failure { throw failure }
        if isFull { throw .queueFull(queue: queue) }
        return duplicates
    }
}
