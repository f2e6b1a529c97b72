/// What became of a tick of a schedule.
public struct ScheduleEvent: Sendable, Equatable {
    /// What it was.
    @nonexhaustive
    public enum What: String, Sendable {
        /// Its job was enqueued.
        case fired
        /// An earlier tick's job was not done yet: nothing was enqueued.
        case skipped
        /// An earlier tick's job is not done yet: it waits for that.
        case waiting
        /// Ticks were missed, and nothing is made up for.
        case missed
        /// Its definition is of no use to this process: `reason` says why.
        case unusable
    }

    /// What it was.
    public let what: What
    /// The schedule's name.
    public let schedule: String
    /// The queue that its job goes to.
    public let queue: String
    /// The job's id; empty when there is none.
    public let id: String
    /// How long after it was due.
    public let late: Duration
    /// Ticks before it that nothing was done about.
    public let missed: Int
    /// Ticks that fell while an earlier one's job was not done: this one's is for them too.
    public let merged: Int
    /// Why it is unusable; else empty.
    public let reason: String

    package init(
        what: What, schedule: String, queue: String, id: String = "", late: Duration = .zero,
        missed: Int = 0, merged: Int = 0, reason: String = ""
    ) {
        self.what = what
        self.schedule = schedule
        self.queue = queue
        self.id = id
        self.late = late
        self.missed = missed
        self.merged = merged
        self.reason = reason
    }
}
