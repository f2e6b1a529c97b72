public import FoundationEssentials

/// One queue, now and over the last 15 minutes.
public struct QueueStats: Sendable {
    /// Its name; foreign text when ``faults`` says so.
    public var name: String
    /// Whether anything ever used it.
    public var isKnown: Bool
    /// Whether nothing is fetched from it.
    public var isPaused: Bool
    /// When a pause ends by itself, by the server's clock; nil is not by itself, or no pause.
    public var pausedUntil: Date?
    /// Since when it is paused, by the server's clock; nil is not told, or no pause.
    public var pausedSince: Date?
    /// Why it is paused, as who did it wrote; foreign text.
    public var pauseReason: String?
    /// Kinds of jobs that are paused in it, by name.
    public var muted: [String] { pausedJobs.map(\.name) }
    /// The same, with what is known of each.
    public var pausedJobs: [PausedJob] = []
    /// How many jobs are handed out in a time, as in `10/s burst 20`; nil is as many as wanted.
    public var rate: String?
    /// Jobs that wait for a free slot, those with a priority or a tenant among them.
    public var ready: Int
    /// Jobs that wait for a time: delayed, or for their next attempt.
    public var scheduled: Int
    /// Jobs that workers hold, lapsed ones included.
    public var active: Int
    /// Jobs that were given up.
    public var dead: Int
    /// Jobs whose name or version no worker knew: they wait for one that does.
    public var parked: Int
    /// Jobs that wait aside: for a place under a limit, or because their kind is paused.
    public var blocked: Int
    /// Jobs that came, per second; nil when no worker ever looked at the queue.
    ///
    /// Not counted by producers, so an enqueue pays nothing and a bare `LPUSH` counts too: what
    /// went out plus what the number of waiting jobs grew by, as workers sample it once a second.
    /// Jobs that went into slots and stay there are missing: at most the slots over the window.
    public var incoming: Throughput?
    /// Jobs that ended for good, done or dead, per second.
    public var outgoing: Throughput
    /// How long ago the next job to be fetched was enqueued, by its producer's clock; nil when
    /// none is ready or when it does not say.
    public var oldestAge: Duration?
    /// How long a run takes; nil when none ended in the last 15 minutes.
    public var runTime: RunTime?
    /// What ended in the last 15 minutes.
    public var recent: Recent
    /// Workers with a lease.
    public var workers: Int
    /// Workers that are gone and whose jobs are being given back.
    public var reaping: Int
    /// The visibility timeout; nil before the first worker.
    public var lease: Duration?
    /// Its schedules.
    public var schedules = Schedules()
    /// What of it could not be read, one sentence each; the numbers concerned are 0 or nil.
    public var faults: [String]

    /// Jobs per second over three windows that end now.
    public struct Throughput: Sendable, Equatable {
        /// Over 1 minute.
        public var one: Double
        /// Over 5 minutes.
        public var five: Double
        /// Over 15 minutes.
        public var fifteen: Double

        package static let zero = Throughput(one: 0, five: 0, fifteen: 0)

        package init(one: Double, five: Double, fifteen: Double) {
            self.one = one
            self.five = five
            self.fifteen = fifteen
        }

        package static func + (left: Throughput, right: Throughput) -> Throughput {
            Throughput(
                one: left.one + right.one, five: left.five + right.five,
                fifteen: left.fifteen + right.fifteen)
        }
    }

    /// Run times over the last 15 minutes, from a histogram: at most 25 % above the truth.
    public struct RunTime: Sendable, Equatable {
        /// What half of the runs did not exceed.
        public var median: Duration
        /// What 95 % of the runs did not exceed.
        public var p95: Duration

        package init(median: Duration, p95: Duration) {
            self.median = median
            self.p95 = p95
        }
    }

    /// How many runs ended how in the last 15 minutes, and what unique keys did.
    public struct Recent: Sendable, Equatable {
        /// Well, or were not wanted any more.
        public var done = 0
        /// With an error, a time limit or a cancellation.
        public var failed = 0
        /// Of the failed: run again later.
        public var retried = 0
        /// Given up.
        public var buried = 0
        /// Given back as if they had not run.
        public var released = 0
        /// Taken from a worker that was gone, and given back.
        public var reaped = 0
        /// Put off by a limit or a pause, untried; a job may be so often.
        public var deferred = 0
        /// Jobs that were not enqueued because another held their unique key.
        public var refused = 0
        /// Jobs that made way for a later one with their unique key.
        public var replaced = 0
    }

    /// A kind of jobs that is not started.
    public struct PausedJob: Sendable, Equatable {
        /// The name of the jobs.
        public var name: String
        /// Since when, by the server's clock; nil is not told.
        public var since: Date?
        /// Why, as who paused it wrote; foreign text.
        public var reason: String?

        package init(name: String, since: Date?, reason: String?) {
            self.name = name
            self.since = since
            self.reason = reason
        }
    }

    /// The schedules that enqueue here.
    public struct Schedules: Sendable, Equatable {
        /// How many there are.
        public var count = 0
        /// Of those: paused.
        public var paused = 0
        /// Of those: due for more than 5 s; no process carries them out.
        public var late = 0
        /// The next tick of any of them, jitter included; nil when there is none.
        public var nextDue: Date?

        /// None.
        package init() {}
    }

    /// How a queue is, in a word.
    @nonexhaustive
    public enum State: String, Sendable, CaseIterable {
        /// Something of it could not be read.
        case fault
        /// Nothing is fetched from it.
        case paused
        /// Nothing ever used it.
        case unused
        /// Jobs wait, and no worker has a lease.
        case noWorker = "no worker"
        /// A kind of jobs is paused in it.
        case kindPaused = "kind paused"
        /// Its jobs are handed out no faster than its rate.
        case limited
        /// None of these.
        case ok
    }

    /// The first of the states, as they stand there, that it is in.
    public var state: State {
        if !faults.isEmpty { return .fault }
        if isPaused { return .paused }
        if !isKnown { return .unused }
        if ready + scheduled > 0, workers == 0 { return .noWorker }
        if !muted.isEmpty { return .kindPaused }
        return rate == nil ? .ok : .limited
    }

    /// Nothing, yet.
    package init(name: String) {
        self.name = name
        isKnown = false
        isPaused = false
        ready = 0
        scheduled = 0
        active = 0
        dead = 0
        parked = 0
        blocked = 0
        outgoing = .zero
        recent = Recent()
        workers = 0
        reaping = 0
        faults = []
    }
}
