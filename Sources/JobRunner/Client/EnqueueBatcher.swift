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
    /// What a client promises of its enqueues.
    struct Terms: Sendable {
        /// How long ids are remembered, ms; 0 is not at all.
        var window: Int
        var timeout: Duration
        /// Most jobs that may be ready; 0 is no limit.
        var maxLength = 0
        var waitWhenFull: Duration = .zero
    }

    private let queue: QueueStore
    private let connection: Connection
    private let terms: Terms
    private let state = Mutex(EnqueueLine())

    init(_ queue: QueueStore, _ connection: Connection, _ terms: Terms) {
        self.queue = queue
        self.connection = connection
        self.terms = terms
    }

    /// Queues jobs for the next batches.
    ///
    /// - Parameter first: The index `sink` hears of the first job.
    func add(_ jobs: [NewJob], for sink: any EnqueueSink, first: Int = 0) {
        let deadline = monotonicDeadline(after: terms.timeout)
        let fullUntil = monotonicDeadline(after: terms.waitWhenFull)
        let batch = state.withLock { line in
            for (offset, job) in jobs.enumerated() {
                line.add(job, deadline: deadline, fullUntil: fullUntil, sink, first + offset)
            }
            return next(&line)
        }
        if let batch { send(batch) }
    }

    private func next(_ line: inout EnqueueLine) -> [EnqueueLine.Item]? {
        // What a full queue refused must not be overtaken by a batch behind it.
        line.next(mayFlyBeside: terms.maxLength == 0)
    }

    private func send(_ batch: [EnqueueLine.Item]) {
        let call = queue.enqueueMany(
            batch.map(\.job), window: terms.window, longest: terms.maxLength)
        connection.submit(call) { self.finish(batch, $0) }
    }

    private func finish(_ batch: [EnqueueLine.Item], _ result: Result<[Acceptance], RedisError>) {
        switch result {
        case .success(let answers):
            Failpoint.enqueueAnswered.pass()
            let now = monotonicNanoseconds()
            var refused: [EnqueueLine.Item] = []
            var ended: [(EnqueueLine.Item, Acceptance)] = []
            for (item, answer) in zip(batch, answers) {
                if answer == .full, now < item.fullUntil {
                    refused.append(item)
                } else {
                    ended.append((item, answer))
                }
            }
            land(refused, because: nil)
            // The next batch first: the wire should not wait for the callers.
            for (item, answer) in ended { item.answer(.success(answer)) }
        case .failure(let error)
        where error.mayBeResent && (terms.window > 0 || !error.isOutcomeUnknown):
            var again = batch
            for index in again.indices where error.isOutcomeUnknown { again[index].wasSent = true }
            land(again, because: error)
        case .failure(let error):
            for item in batch { item.answer(.failure(failure(item, error))) }
            land([], because: nil)
        }
    }

    /// A batch has landed: what of it is to be sent again goes to the front, and nothing is sent
    /// for a while; otherwise the next one flies.
    ///
    /// Sent again are the same ids: whatever the first try did, each counts once.
    private func land(_ again: [EnqueueLine.Item], because error: RedisError?) {
        var random = SystemRandomNumberGenerator()
        let (batch, wait) = state.withLock { line in
            let wait = line.land(again, because: error, using: &random)
            return (next(&line), wait)
        }
        if let batch { send(batch) }
        guard let wait else { return }
        // Nobody awaits this task: its work is to hand the answers to the callers.
        Task {
            // The wait between two tries; nobody cancels it.
            try? await Task.sleep(for: .nanoseconds(wait))
            self.goOn()
        }
    }

    /// A wait after a failure is over.
    private func goOn() {
        let (overdue, fault, batch) = state.withLock { line in
            let overdue = line.goOn(now: monotonicNanoseconds())
            return (overdue, line.fault, next(&line))
        }
        for item in overdue {
            item.answer(fault.map { .failure(failure(item, $0)) } ?? .success(.full))
        }
        if let batch { send(batch) }
    }

    private func failure(_ item: EnqueueLine.Item, _ error: RedisError) -> JobRunnerError {
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
