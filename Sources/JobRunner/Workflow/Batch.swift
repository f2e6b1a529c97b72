/// What is to start at the end of a batch; a value, before it is opened.
///
///     var batch = Batch(name: "import of May")
///     batch.onSuccess(TellOwner(text: "all there"))
///     batch.onDeath(Page(text: "a row could not be read"))
///     let rows = try await client.open(batch)
///     for row in file { try await rows.add(ImportRow(row)) }
///     try await rows.seal()
public struct Batch: Sendable {
    /// What people call it, for `flows list`; cut to 100 characters.
    public var name: String
    private(set) var hooks: [(FlowHook, FlowJob)] = []

    /// Nothing is to start yet.
    public init(name: String = "") { self.name = name }

    /// Starts when every job of it is done.
    public mutating func onSuccess<J: Job>(_ job: J, queue: String? = nil)
    where J.Input == NoInput {
        hooks.append((.success, FlowJob(job, queue: queue, label: nil)))
    }

    /// Starts when every job of it has ended, one way or another.
    public mutating func onCompletion<J: Job>(_ job: J, queue: String? = nil)
    where J.Input == NoInput {
        hooks.append((.completion, FlowJob(job, queue: queue, label: nil)))
    }

    /// Starts when the first job of it is given up, cancelled or expired; the others go on.
    public mutating func onDeath<J: Job>(_ job: J, queue: String? = nil)
    where J.Input == WorkflowFailure {
        hooks.append((.death, FlowJob(job, queue: queue, label: nil)))
    }

    /// Starts when the first job of it is given up; the others go on.
    @_disfavoredOverload
    public mutating func onDeath<J: Job>(_ job: J, queue: String? = nil) where J.Input == NoInput {
        hooks.append((.death, FlowJob(job, queue: queue, label: nil)))
    }
}

/// How far a batch is.
public struct BatchCounts: Sendable, Equatable {
    /// Jobs that wait or run.
    public var waiting = 0
    /// Jobs that are done.
    public var done = 0
    /// Jobs that were given up, cancelled or expired.
    public var failed = 0
    /// More may be added by whoever opened it.
    public var isOpen = false
}

/// A batch that was opened: jobs may be added until it is sealed, and by its own jobs after that.
public struct BatchHandle: Sendable, CustomStringConvertible {
    /// 1 to 30 of `A-Z a-z 0-9 . _ -`.
    public let id: String
    /// Its home queue.
    public let queue: String

    let client: JobClient

    /// `queue/id`: what the command line takes.
    public var description: String { "\(queue)/\(id)" }

    var store: FlowStore { FlowStore(client.keys.queue(queue), id: id) }

    /// Adds jobs, in pages of 500, and returns when the batch waits for them.
    ///
    /// Jobs of it may add to it while they run; others only before it is sealed. When it throws,
    /// what was added before is part of the batch; of the last page some may run beside it.
    ///
    /// - Throws: `invalid` when the batch has ended or was cancelled, what `enqueue` throws.
    public func add<J: Job>(_ jobs: some Sequence<J> & Sendable, queue: String? = nil) async throws
    where J.Input == NoInput {
        var iterator = jobs.makeIterator()
        try await add {
            iterator.next().map { (FlowJob($0, queue: queue, label: nil), nil) }
        }
    }

    /// Adds a job.
    public func add<J: Job>(_ job: J, queue: String? = nil) async throws where J.Input == NoInput {
        try await add(CollectionOfOne(job), queue: queue)
    }

    /// No jobs but those that its own add are to come: it ends when all have ended.
    public func seal() async throws { try await seal(count: nil) }

    /// Waits until every job of it has ended.
    ///
    /// - Returns: How they did.
    /// - Throws: `timedOut`, `failed` when it was cancelled, or `redis`.
    @discardableResult
    public func wait(timeout: Duration = .seconds(30)) async throws -> BatchCounts {
        let outcome = try await client.waitForOutcome(queue: queue, id: id, timeout: timeout)
        if outcome.state == .cancelled, let failure = outcome.failure {
            throw JobRunnerError.failed(handle: description, failure)
        }
        return try await counts()
    }

    /// Cancels what waits or runs of it; nothing starts at its end.
    ///
    /// - Returns: False when it had ended before.
    @discardableResult
    public func cancel(reason: String = "cancelled") async throws -> Bool {
        try await client.cancelFlow(queue: queue, id: id, reason: reason)
    }
}
