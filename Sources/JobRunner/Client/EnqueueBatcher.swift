internal import RedisLink
internal import Synchronization

/// Who hears what became of jobs that were given to a batcher, each job once, by its index.
///
/// Called on the connection's thread: must be short.
protocol EnqueueSink: AnyObject, Sendable {
    func enqueued(_ index: Int, _ answer: Result<Acceptance, JobRunnerError>)
}

/// Turns concurrent enqueues of one queue into batches: one script for all that wait.
///
/// What comes while a batch is on the wire is the next. So a lone caller waits for nobody,
/// and 64 tasks pay a script's fixed cost once. A second batch flies beside the first when it
/// is large: then the server need not wait for the client.
final class EnqueueBatcher: Sendable {
    private struct Item: Sendable {
        let job: NewJob
        /// Monotonic ns.
        let deadline: Int64
        /// Sent at least once, and no answer came.
        var wasSent = false
        let sink: any EnqueueSink
        let index: Int

        func answer(_ result: Result<Acceptance, JobRunnerError>) {
            sink.enqueued(index, result)
        }
    }

    private struct State {
        var pending: [Item] = []
        var inFlight = 0
        var backoff = Backoff()
    }

    /// Bound of `enqueue_many`, and of its bytes.
    static let mostJobs = 1000
    private static let mostBytes = 1 << 20
    /// A batch of so many may fly beside another.
    private static let largeBatch = 250

    private let queue: QueueStore
    private let connection: Connection
    private let window: Int
    private let timeout: Duration
    private let state = Mutex(State())

    init(_ queue: QueueStore, _ connection: Connection, window: Int, timeout: Duration) {
        self.queue = queue
        self.connection = connection
        self.window = window
        self.timeout = timeout
    }

    /// Queues jobs for the next batches.
    ///
    /// - Parameter first: The index `sink` hears of the first job.
    func add(_ jobs: [NewJob], for sink: any EnqueueSink, first: Int = 0) {
        let deadline = monotonicDeadline(after: timeout)
        let batch = state.withLock { state in
            for (offset, job) in jobs.enumerated() {
                state.pending.append(
                    Item(job: job, deadline: deadline, sink: sink, index: first + offset))
            }
            return Self.next(&state)
        }
        if let batch { send(batch) }
    }

    /// The next batch, when it may fly.
    private static func next(_ state: inout State) -> [Item]? {
        guard !state.pending.isEmpty,
            state.inFlight == 0 || (state.inFlight == 1 && state.pending.count >= largeBatch)
        else { return nil }
        state.inFlight += 1
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
            sendNext { $0.backoff.reset() }
            // The next batch first: the wire should not wait for the callers.
            for (item, answer) in zip(batch, answers) { item.answer(.success(answer)) }
        case .failure(let error) where error.mayBeResent && (window > 0 || !error.isOutcomeUnknown):
            retry(batch, after: error)
        case .failure(let error):
            for item in batch { item.answer(.failure(failure(item, error))) }
            sendNext()
        }
    }

    /// A batch has landed.
    private func sendNext(_ change: (inout State) -> Void = { _ in }) {
        let next = state.withLock { state in
            state.inFlight -= 1
            change(&state)
            return Self.next(&state)
        }
        if let next { send(next) }
    }

    /// Sends the same ids again after a wait: whatever the first try did, each counts once.
    private func retry(_ batch: [Item], after error: RedisError) {
        let now = monotonicNanoseconds()
        var kept: [Item] = []
        for var item in batch {
            item.wasSent = item.wasSent || error.isOutcomeUnknown
            if item.deadline <= now {
                item.answer(.failure(failure(item, error)))
            } else {
                kept.append(item)
            }
        }
        guard !kept.isEmpty else { return sendNext() }
        let again = kept
        var random = SystemRandomNumberGenerator()
        let wait = state.withLock { $0.backoff.next(using: &random) }
        // Nobody awaits this task: it ends with the resend, whose answer goes to the callers.
        Task {
            try? await Task.sleep(for: .nanoseconds(wait))
            self.send(again)
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
