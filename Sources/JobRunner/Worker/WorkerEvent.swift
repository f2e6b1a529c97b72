public import RedisLink

/// How much a line matters.
public enum LogLevel: String, Sendable, CaseIterable, Comparable {
    /// For the developer.
    case debug
    /// For the operator.
    case info
    /// Odd; work goes on.
    case warning
    /// Failed; somebody should look.
    case error

    /// The order of severity.
    public static func < (left: LogLevel, right: LogLevel) -> Bool {
        let order = LogLevel.allCases
        return (order.firstIndex(of: left) ?? 0) < (order.firstIndex(of: right) ?? 0)
    }
}

/// What happens in a worker, for logs, metrics and tests.
@nonexhaustive
public enum WorkerEvent: Sendable {
    /// Registered in a queue: work begins there.
    case joined(queue: String, worker: String)
    /// The lease of a queue was lost: its jobs run elsewhere now, their handlers were cancelled.
    case leaseLost(queue: String, worker: String, running: Int)
    /// A job starts; only when `reportsJobs`.
    case started(job: String, id: String, queue: String, attempt: Int)
    /// A job ended; done ones only when `reportsJobs`.
    case ended(JobEnd)
    /// Jobs of a worker that is gone were given back.
    case reaped(queue: String, worker: String, given: Int, buried: Int)
    /// Jobs of a kind that no worker came to know in time were buried.
    case parkedTooLong(queue: String, kind: String, jobs: Int)
    /// Jobs the server said were ours and we never saw were given back.
    case reconciled(queue: String, jobs: Int)
    /// A connection came or went.
    case connection(ConnectionEvent)
    /// Redis refused what a worker must do; it is tried again.
    case trouble(queue: String, RedisError)
    /// A handler was cancelled and goes on: its slot is held, its lease is kept.
    case stuck(StuckRun)
    /// A slot is stuck for good: the worker stops, and its process must end.
    case givingUp(StuckRun)
    /// The cooperative pool did not answer for 200 ms: one or more of these runs block its threads
    /// and hold up all others. Leases are kept: the heartbeat has a thread of its own.
    case poolStarved([BlockingRun])
    /// It answers again.
    case poolAnswered(after: Duration)
    /// A kind of jobs runs on threads from now on.
    case movedToThreads(job: String)
    /// Slots opened or close, of a worker with `maxConcurrency`; what runs goes on.
    case scaled(from: Int, to: Int, ScaleReason)
    /// A tick of a schedule was enqueued, skipped or missed here, or cannot be.
    case schedule(ScheduleEvent)
    /// A schedule that this worker declares was made, changed, or left as it was.
    case declared(schedule: String, queue: String, Schedules.Addition)
    /// No new jobs are taken.
    case quiet
    /// Stopping: waiting for what runs.
    case draining(running: Int, deadline: Duration)
    /// All that was held is finished or given back.
    case stopped(released: Int)
    /// A line of a handler.
    case log(LogLevel, String, job: String, id: String, attempt: Int)
}

/// Why a worker changed how many slots are open.
@nonexhaustive
public enum ScaleReason: String, Sendable {
    /// More: all are busy and jobs wait.
    case backlog
    /// Fewer again: more of them ran no more jobs a second.
    case noGain = "no_gain"
    /// Fewer: to see whether they do as well.
    case trial
    /// More again: fewer ran fewer jobs a second.
    case needed
    /// Fewer: some were idle for long.
    case idle
    /// Fewer again: the cooperative pool does not answer.
    case starved
    /// Fewer again: the process nearly holds the memory at which it is replaced.
    case memory
}

/// A run that may block the cooperative pool.
public struct BlockingRun: Sendable {
    /// Its job.
    public let job: String
    /// The job's id; empty when it has none.
    public let id: String
    /// The queue it came from.
    public let queue: String
    /// How long it has run.
    public let ran: Duration
}

/// A run that does not end although it was cancelled.
public struct StuckRun: Sendable {
    /// Its job.
    public let job: String
    /// The job's id; empty when it has none.
    public let id: String
    /// The queue it came from.
    public let queue: String
    /// The slot it holds.
    public let slot: Int
    /// How long it has run.
    public let ran: Duration
    /// How long ago it was cancelled.
    public let cancelled: Duration
}

/// How one run of a job ended.
public struct JobEnd: Sendable {
    /// What became of the job.
    @nonexhaustive
    public enum Verdict: String, Sendable {
        /// The handler returned.
        case done
        /// Failed; runs again later.
        case retried
        /// Kept until a worker comes that knows its name and version; not counted.
        case parked
        /// Given up: in the dead set.
        case buried
        /// Given up and forgotten, by the handler's word.
        case discarded
        /// Runs again later, by the handler's word; not counted.
        case snoozed
        /// Over its rate limit: starts later; not counted.
        case deferred
        /// Put aside until its kind goes on, or there is a place under its limit; not counted.
        case blocked
        /// Not started in time, and dropped.
        case expired
        /// Cancelled by somebody.
        case cancelled
        /// Given back, as if it had not run.
        case released
    }

    /// What became of the job.
    public let verdict: Verdict
    /// Its name; empty when it could not be read.
    public let job: String
    /// Its id; empty when it has none.
    public let id: String
    /// The queue it came from.
    public let queue: String
    /// Which run it was.
    public let attempt: Int
    /// How long the run took.
    public let ran: Duration
    /// Why, unless it is done.
    public let reason: String
    /// When it runs again.
    public let retryIn: Duration?
}
