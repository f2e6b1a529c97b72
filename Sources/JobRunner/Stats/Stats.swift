public import FoundationEssentials

/// What a system does at one moment: its queues, its workers, its kinds of jobs.
///
///     let stats = try await jobs.stats()
///     for queue in stats.queues { print(queue.name, queue.ready) }
///
/// A picture, not a transaction: it is read in a few pipelines, so a job that moves
/// meanwhile may be seen twice or not at all. Nothing is written and no key is searched
/// for: the cost grows with the queues and their workers only.
public struct Stats: Sendable {
    /// When, by the server's clock.
    public var time: Date
    /// What all keys begin with.
    public var prefix: String
    /// The Redis server.
    public var server: ServerStats
    /// By name; those that were asked for, or all that were ever used.
    public var queues: [QueueStats]
    /// Every worker of these queues, by host and process.
    public var workers: [WorkerStats]
    /// Every kind of job that ended in these queues in the last 15 minutes or that a worker
    /// has a handler for, by name.
    public var jobs: [JobStats]
    /// Every limit that the code of a worker has, by name.
    public var limits: [LimitStats]

    /// How many locks between runs these workers hold, those that are lapsed left out.
    public var lockCount: Int {
        workers.reduce(0) { $0 &+ ($1.state == .lapsed ? 0 : $1.lockCount ?? 0) }
    }

    /// Those of them that are held longest, 64 a worker at most; the longest first.
    ///
    /// What a worker that is gone holds until it lapses is not among them: nothing tells of it but
    /// a search through all keys, which `jobrunner limits locks` is.
    public var locks: [LockStats] {
        workers.filter { $0.state != .lapsed }.flatMap(\.locks)
            .sorted { ($0.since, $0.name) < ($1.since, $1.name) }
    }

    package init(
        time: Date, prefix: String, server: ServerStats,
        queues: [QueueStats], workers: [WorkerStats], jobs: [JobStats],
        limits: [LimitStats] = []
    ) {
        self.time = time
        self.prefix = prefix
        self.server = server
        self.queues = queues
        self.workers = workers
        self.jobs = jobs
        self.limits = limits
    }
}

/// The Redis server, by its own word.
public struct ServerStats: Sendable {
    /// As in `7.0.15`.
    public var version: String
    /// Where it is, without a password.
    public var address: String
    /// Memory in use, bytes.
    public var usedBytes: Int
    /// Its bound on that, bytes; 0 is none.
    public var maxBytes: Int
    /// `maxmemory-policy`; anything but `noeviction` may lose jobs.
    public var evictionPolicy: String
    /// From a command to its answer.
    public var roundTrip: Duration

    package init(
        version: String, address: String, usedBytes: Int,
        maxBytes: Int, evictionPolicy: String, roundTrip: Duration
    ) {
        self.version = version
        self.address = address
        self.usedBytes = usedBytes
        self.maxBytes = maxBytes
        self.evictionPolicy = evictionPolicy
        self.roundTrip = roundTrip
    }
}

/// One kind of job, over the last 15 minutes.
public struct JobStats: Sendable {
    /// What its handler is registered for.
    public var name: String
    /// Runs that ended well.
    public var done: Int
    /// Runs that failed, were cut off or cancelled.
    public var failed: Int
    /// Mean time of a run; nil when none ended.
    public var meanRunTime: Duration?
    /// Live workers that have a handler for it.
    public var workers: Int

    package init(
        name: String, done: Int, failed: Int,
        meanRunTime: Duration?, workers: Int
    ) {
        self.name = name
        self.done = done
        self.failed = failed
        self.meanRunTime = meanRunTime
        self.workers = workers
    }
}
