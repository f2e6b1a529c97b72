/// How a worker works.
public struct WorkerOptions: Sendable {
    /// A queue to work on.
    public struct Queue: Sendable, Hashable {
        /// 1 to 64 of `A-Z a-z 0-9 . _ -`.
        public var name: String
        /// Its share of the fetches, 1 to 100, when any queue has one.
        public var weight: Int?

        /// A queue, and its share under weights.
        public init(_ name: String, weight: Int? = nil) {
            self.name = name
            self.weight = weight
        }
    }

    /// Strict by position, unless weights are given.
    public var queues: [Queue] = [Queue("default")]
    /// Jobs that run at once, 1 to 1,024; with `maxConcurrency` the fewest slots that are open.
    public var concurrency = 10
    /// The most slots that may be open, `concurrency` to 1,024; nil is a fixed number.
    ///
    /// They open while jobs wait and more slots run more of them a second.
    /// Slots that were idle for long close again; what runs in one is never interrupted.
    public var maxConcurrency: Int?
    /// How long a dead worker's jobs wait; 3 s to 1 h, the same for all workers of a queue.
    public var visibilityTimeout: Duration = .seconds(30)
    /// How long running jobs may go on after a stop was asked for.
    public var drainTimeout: Duration = .seconds(25)
    /// How long cancelled handlers may clean up after that.
    public var cancelGrace: Duration = .seconds(2)
    /// How long a cancelled handler may go on before its slot is reported stuck.
    public var stuckAfter: Duration = .seconds(10)
    /// How long after that the worker stops by itself, for its supervisor to start another; nil is
    /// never.
    ///
    /// Nothing inside a process can end a handler that ignores its cancellation.
    public var exitWhenStuck: Duration? = .seconds(30)
    /// Run kinds of jobs on threads that were there twice, or alone, when the pool starved.
    public var movesBlocking = false
    /// A job that took down this many workers is buried.
    public var poisonLimit = 3
    /// How long a job of a name or version that no worker knows stays parked before it is buried.
    public var parkedAge: Duration = .seconds(7 * 86_400)
    /// Largest job, bytes; a larger one is buried unread.
    public var maxJobBytes = 65_536
    /// Largest result, bytes; a job with a larger one failed.
    public var maxResultBytes = 1_048_576
    /// Most dead jobs a queue keeps, and for how long.
    public var deadJobs = 10_000
    /// How long a dead job is kept.
    public var deadAge: Duration = .seconds(90 * 86_400)
    /// Takes out of errors' texts what must not be kept with a job, logged or shown.
    public var redact: @Sendable (String) -> String = { Redaction.standard($0) }
    /// Report the start and the end of every job, not only of those that failed.
    public var reportsJobs = false
    /// Resident bytes at which this process is replaced: no slots open near it; nil is no bound.
    package var memoryLimit: Int?
    /// Enqueue the ticks of the queues' schedules; one process of a queue must.
    public var runsSchedules = true
    /// The process id of whoever starts such workers again; nil when there is none.
    package var supervisor: Int?
    /// Hears what happens; called on any thread, must be short.
    public var onEvent: @Sendable (WorkerEvent) -> Void = { _ in }

    /// The defaults.
    public init() {}

    /// How many slots may be open; of one number when that is fixed.
    package var slots: ClosedRange<Int> {
        concurrency...max(concurrency, maxConcurrency ?? concurrency)
    }

    /// - Throws: `JobRunnerError.invalid` for what is out of bounds.
    package func check() throws {
        guard !queues.isEmpty else { throw JobRunnerError.invalid("no queue is named") }
        var seen = Set<String>()
        for queue in queues {
            let name = try QueueName(queue.name).description
            guard seen.insert(name).inserted else {
                throw JobRunnerError.invalid("queue '\(name)' is named twice")
            }
            if let weight = queue.weight, !(1...100).contains(weight) {
                throw JobRunnerError.invalid(
                    "the weight of queue '\(name)' must be 1 to 100, got \(weight)")
            }
        }
        guard (1...1024).contains(concurrency) else {
            throw JobRunnerError.invalid("concurrency must be 1 to 1024, got \(concurrency)")
        }
        if let maxConcurrency, !(concurrency...1024).contains(maxConcurrency) {
            throw JobRunnerError.invalid(
                "maxConcurrency must be concurrency (\(concurrency)) to 1024, "
                    + "got \(maxConcurrency)")
        }
        guard (.milliseconds(200) ... .seconds(3600)).contains(visibilityTimeout) else {
            throw JobRunnerError.invalid(
                "the visibility timeout must be between 3 s and 1 h, got \(visibilityTimeout)")
        }
    }
}
