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
        /// The index of the first job that a full queue refused.
        var full: Int?
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
            case .success(.accepted), .success(.replaced): break
            case .success(.duplicate): state.duplicates.insert(index)
            case .success(.full), .success(.held): state.full = min(index, state.full ?? index)
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

    var hasFailed: Bool { state.withLock { $0.failure != nil || $0.full != nil } }

    /// The indices of jobs that were accepted before, when all went well.
    ///
    /// - Parameter full: The error of a job that a full queue refused, by its index.
    /// - Throws: The failure of the first job that failed.
    func duplicates(full: (Int) -> JobRunnerError) throws(JobRunnerError) -> Set<Int> {
        let state = state.withLock { $0 }
        if let first = state.full, first < state.failure?.index ?? .max { throw full(first) }
        if let failure = state.failure { throw failure.error }
        return state.duplicates
    }
}
