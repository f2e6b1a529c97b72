public import FoundationEssentials

/// A schedule and how it stands.
public struct ScheduleStatus: Sendable {
    /// What it is; nil when its definition is of no use to this build: `fault` says why.
    public var schedule: Schedule?
    /// Its name.
    public var name: String
    /// The queue that its job goes to.
    public var queue: String
    /// Who said it last.
    public var source: Schedule.Source
    /// 1 for a new one; grows with every change.
    public var revision: Int
    /// When it is due next, jitter included; nil while it is paused.
    public var nextDue: Date?
    /// How long it has been due; zero when it is not.
    public var late: Duration
    /// Since when it is paused.
    public var pausedSince: Date?
    /// Why it is paused, as somebody said.
    public var pauseReason: String
    /// The tick that was enqueued last.
    public var lastTick: Date?
    /// That tick's job.
    public var lastJob: String?
    /// Ticks that were enqueued.
    public var fired: Int
    /// Ticks at which an earlier job was not done.
    public var skipped: Int
    /// Ticks that no process was there for and that were not made up for.
    public var missed: Int
    /// Ticks that one run was made up for, as they fell while an earlier job was not done; only
    /// with overlap `queueOne`.
    public var merged: Int
    /// What is wrong with it.
    public var fault: String?

    /// Later than this it counts as late: a tick takes milliseconds while a worker runs.
    package static let patience: Duration = .seconds(5)

    /// Whether it has been due for more than 5 s: nobody carries it out, or it waits for its
    /// earlier job.
    public var isLate: Bool { late > Self.patience }
}

/// What became of a tick of a schedule.
public struct ScheduleRecord: Sendable {
    /// What it was.
    @nonexhaustive
    public enum What: String, Sendable {
        /// Its job was enqueued.
        case fired
        /// An earlier tick's job was not done.
        case skipped
        /// It, and maybe more behind it: `count` says how many.
        case missed
        /// It, and maybe more behind it, waited for an earlier job and became one run: `count`
        /// says how many did not get one of their own.
        case merged
        /// No tick: somebody enqueued the job by hand.
        case run
    }

    /// Which tick, nominal: without jitter.
    public var tick: Date
    /// When it was seen to.
    public var time: Date
    /// What it was.
    public var what: What
    /// The job's id; nil when there is none.
    public var job: String?
    /// Ticks that were missed, or merged.
    public var count: Int
    /// How the job ended; nil when it has not, or its outcome is not kept any more.
    public var outcome: String?

    /// Reads `<tick> <at> <what> <job id or count>`.
    init?(_ text: String) {
        let parts = text.split(separator: " ")
        guard parts.count == 4, let tick = Int(parts[0]), let at = Int(parts[1]),
            let what = What(rawValue: String(parts[2]))
        else { return nil }
        self.tick = StatsReader.date(tick)
        time = StatsReader.date(at)
        self.what = what
        let isCount = what == .missed || what == .merged
        job = isCount ? nil : String(parts[3])
        count = isCount ? Int(parts[3]) ?? 1 : 1
    }
}
