public import FoundationEssentials

/// One worker process.
public struct WorkerStats: Sendable {
    /// `<host>-<pid>-<random>`.
    public var id: String
    /// What it is doing, as far as its leases tell.
    public var state: State
    /// The machine's name.
    public var host: String
    /// The process there; nil when it is not known.
    public var pid: Int?
    /// The process that starts it again, of `work --processes`; nil when it has none.
    public var supervisor: Int?
    /// Of this library; nil, as the rest, when the worker's own word is missing or unreadable.
    public var version: String?
    /// The queues it works on.
    public var queues: [String]
    /// What it has handlers for.
    public var handlers: [String]
    /// The newest version of arguments that each handler takes, where there is a bound.
    package var versions: [String: Int] = [:]
    /// Jobs it can run at once now.
    public var slots: Int?
    /// The fewest and the most slots it may have open; nil when their number is fixed.
    public var slotLimits: ClosedRange<Int>?
    /// Slots with a job.
    public var busy: Int?
    /// Jobs it holds by the server's word, in the queues that were asked for.
    public var held: Int
    /// Jobs it has fetched and not started.
    public var buffered: Int?
    /// How often handlers that block kept its thread pool from answering for 200 ms.
    public var starved: Int?
    /// Resident memory, bytes; nil where it is not known.
    public var residentBytes: Int?
    /// When it started, by its own clock.
    public var started: Date?
    /// How long ago that is.
    public var uptime: Duration?
    /// How long ago it last said that it is alive.
    public var lastSeen: Duration?
    /// At most 64 jobs: those that run longest.
    public var running: [Running]
    /// How many locks its runs hold; nil where the rest of its word is missing.
    public var lockCount: Int?
    /// At most 64 of them: those held longest.
    public var locks: [LockStats] = []

    /// A worker of which no more is known.
    package init(id: String, state: State, host: String, pid: Int?, queues: [String]) {
        self.id = id
        self.state = state
        self.host = host
        self.pid = pid
        self.queues = queues
        handlers = []
        held = 0
        running = []
    }

    /// Whether it takes jobs of that name and version, if it is not lapsed.
    package func knows(_ kind: JobKind) -> Bool {
        handlers.contains(kind.name) && kind.version <= versions[kind.name] ?? .max
    }

    /// What a worker is doing.
    @nonexhaustive
    public enum State: String, Sendable, CaseIterable {
        /// Takes jobs.
        case working
        /// Takes no jobs; goes on with those it has.
        case quiet
        /// Stopping: finishes what runs.
        case draining
        /// Gone, or cut off: its jobs are given back.
        case lapsed
        /// Has a lease, but what it says of itself cannot be read.
        case unknown
    }

    /// A job in a slot.
    public struct Running: Sendable {
        /// Which slot, from 0.
        public var slot: Int
        /// The job's name.
        public var job: String
        /// The job's id.
        public var id: String
        /// Where it came from.
        public var queue: String
        /// When the run began, by the worker's clock.
        public var since: Date
        /// How long ago that is.
        public var age: Duration

        package init(
            slot: Int, job: String, id: String,
            queue: String, since: Date, age: Duration
        ) {
            self.slot = slot
            self.job = job
            self.id = id
            self.queue = queue
            self.since = since
            self.age = age
        }
    }
}
