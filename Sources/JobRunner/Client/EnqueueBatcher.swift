internal import RedisLink
internal import Synchronization

/// Turns concurrent enqueues of one queue into batches: one script for all that wait.
///
/// One batch is on the wire at a time; what comes meanwhile is the next. So a lone caller
/// waits for nobody, and 64 tasks pay a script's fixed cost once.
final class EnqueueBatcher: Sendable {
    /// What a caller hears, once.
    typealias Completion = @Sendable (Result<Acceptance, JobRunnerError>) -> Void

    private struct Item: Sendable {
        let job: NewJob
        /// Monotonic ns.
        let deadline: Int64
        /// Sent at least once, and no answer came.
        var wasSent = false
        let completion: Completion
    }

    private struct State {
        var pending: [Item] = []
        var isSending = false
        var backoff = Backoff()
    }

    /// Bound of `enqueue_many`, and of its bytes.
    private static let mostJobs = 1000
    private static let mostBytes = 1 << 20

    private let queue: QueueStore
    private let connection: Connection
    private let window: Int
    private let timeout: Int64
    private let state = Mutex(State())

    init(_ queue: QueueStore, _ connection: Connection, window: Int, timeout: Duration) {
        self.queue = queue
        self.connection = connection
        self.window = window
        self.timeout = timeout.nanoseconds
    }

    /// Queues a job for the next batch; `completion` runs on the connection's thread.
    func add(_ job: NewJob, completion: @escaping Completion) {
        add([job]) { _, result in completion(result) }
    }

    /// Queues jobs; `completion` hears of each by its index.
    func add(
        _ jobs: [NewJob],
        completion: @escaping @Sendable (Int, Result<Acceptance, JobRunnerError>) -> Void
    ) {
        let deadline = monotonicNanoseconds() &+ timeout
        let batch = state.withLock { state in
            for (index, job) in jobs.enumerated() {
                state.pending.append(
                    Item(job: job, deadline: deadline) { completion(index, $0) })
            }
            return Self.next(&state)
        }
        if let batch { send(batch) }
    }

    /// The next batch, unless one is on the wire.
    private static func next(_ state: inout State) -> [Item]? {
        guard !state.isSending, !state.pending.isEmpty else { return nil }
        state.isSending = true
        var count = 0
        var bytes = 0
        for item in state.pending.prefix(mostJobs) {
            bytes += item.job.json.count
            if bytes > mostBytes, count > 0 { break }
            count += 1
        }
        if count == state.pending.count {
            var batch: [Item] = []
            swap(&batch, &state.pending)
            return batch
        }
        let batch = Array(state.pending.prefix(count))
        state.pending.removeFirst(count)
        return batch
    }

    private func send(_ batch: [Item]) {
        let call = queue.enqueueMany(batch.map(\.job), window: window)
        connection.submit(call) { self.finish(batch, $0) }
    }

    private func finish(_ batch: [Item], _ result: Result<[Acceptance], RedisError>) {
        switch result {
        case .success(let answers):
            let next = state.withLock { state in
                state.isSending = false
                state.backoff.reset()
                return Self.next(&state)
            }
            // The next batch first: the wire should not wait for the callers.
            if let next { send(next) }
            for (item, answer) in zip(batch, answers) { item.completion(.success(answer)) }
        case .failure(let error) where error.mayBeResent && (window > 0 || !error.isOutcomeUnknown):
            retry(batch, after: error)
        case .failure(let error):
            let next = state.withLock { state in
                state.isSending = false
                return Self.next(&state)
            }
            for item in batch { item.completion(.failure(failure(item, error))) }
            if let next { send(next) }
        }
    }

    /// Sends the same ids again after a wait: whatever the first try did, each counts once.
    private func retry(_ batch: [Item], after error: RedisError) {
        let now = monotonicNanoseconds()
        var kept: [Item] = []
        for var item in batch {
            item.wasSent = item.wasSent || error.isOutcomeUnknown
            if item.deadline <= now {
                item.completion(.failure(failure(item, error)))
            } else {
                kept.append(item)
            }
        }
        let again = kept
        var random = SystemRandomNumberGenerator()
        let wait = state.withLock { $0.backoff.next(using: &random) }
        // Nobody awaits this task: it ends with the resend, whose answer goes to the callers.
        Task {
            try? await Task.sleep(for: .nanoseconds(again.isEmpty ? 0 : wait))
            if again.isEmpty { self.finish([], .success([])) } else { self.send(again) }
        }
    }

    private func failure(_ item: Item, _ error: RedisError) -> JobRunnerError {
        if item.wasSent || error.isOutcomeUnknown {
            return .outcomeUnknown(queue: queue.keys.name, id: item.job.id, error)
        }
        return JobRunnerError(refused: error)
    }
}

extension RedisError {
    /// Waiting may help, and for a producer it is worth it: an outage or a restart, not a
    /// server that is full or whose disk is broken.
    var mayBeResent: Bool {
        switch self {
        case .unreachable, .timeout, .closed: true
        case .server(let error):
            switch error.code {
            case .LOADING, .BUSY, .MASTERDOWN, .TRYAGAIN, .CLUSTERDOWN, .NOSCRIPT: true
            default: false
            }
        default: false
        }
    }
}

extension JobRunnerError {
    /// An enqueue that Redis refused: nothing was accepted.
    init(refused error: RedisError) {
        if case .server(let server) = error, server.code == .OOM {
            self = .redisFull(error)
        } else {
            self = .redis(error)
        }
    }
}
