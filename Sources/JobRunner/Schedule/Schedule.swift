internal import RedisLink

/// A job that is enqueued again and again: when, and what.
///
///     let nightly = try Schedule(
///         .cron("0 3 * * *", timeZone: "Europe/London"), NightlyReport(), overlap: .skip)
///     try await client.schedules.add(nightly)
///
/// Kept in Redis, in the queue that its job goes to. Each time that it is due is a *tick*; every
/// worker of that queue enqueues ticks, and each tick is enqueued once.
public struct Schedule: Sendable, Hashable {
    /// When it is due.
    @nonexhaustive
    public enum Timing: Sendable, Hashable {
        /// A fixed span apart, 1 s to 366 days, counted from 1970; `offset` moves that grid.
        case every(Duration, offset: Duration = .zero)
        /// By the clock on the wall of a time zone: minute, hour, day, month, day of the week.
        case cron(String, timeZone: String = "UTC")
    }

    /// What becomes of ticks that nobody enqueued in time, because no process ran.
    @nonexhaustive
    public enum Missed: Sendable, Hashable {
        /// Nothing. (A tick is missed when it is a minute late.)
        case skip
        /// The last of them is made up for.
        case once
        /// The last so many are, 1 to 1,000, the oldest first.
        case all(upTo: Int)
    }

    /// What a tick does while the job of an earlier one waits or runs.
    public enum Overlap: String, Sendable, Hashable, CaseIterable {
        /// Its job is enqueued all the same.
        case allow
        /// Nothing: it is counted as skipped.
        case skip
        /// It waits for that job's end; one waits for all ticks meanwhile.
        case queueOne
    }

    /// Unique under a prefix: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    public var name: String
    /// When it is due.
    public var timing: Timing
    /// Each tick is put off by up to this: the same time for one tick everywhere, another for the
    /// next.
    public var jitter: Duration
    /// What becomes of missed ticks.
    public var missed: Missed
    /// What a tick does while an earlier one's job waits or runs.
    public var overlap: Overlap
    /// The job's name.
    public var job: String
    /// The job's arguments: JSON.
    public var arguments: String
    /// The version of the arguments' form.
    public var version: Int
    /// Where the job goes and how it is kept; the delays of retries are the handler's own.
    public var options: JobOptions

    /// The queue that its job goes to.
    public var queue: String { options.queue }

    /// A schedule of a job that is known only at run time; checked when it is added.
    ///
    /// - Parameter name: The job's unless given.
    public init(
        _ timing: Timing, job: String, arguments: String = "{}", version: Int = 1,
        options: JobOptions = JobOptions(), name: String? = nil, jitter: Duration = .zero,
        missed: Missed = .once, overlap: Overlap = .allow
    ) {
        self.name = name ?? job
        self.timing = timing
        self.jitter = jitter
        self.missed = missed
        self.overlap = overlap
        self.job = job
        self.arguments = arguments
        self.version = version
        self.options = options
    }

    /// A schedule of a job.
    ///
    /// - Parameters:
    ///   - name: The job's unless given.
    ///   - queue: Instead of the one of the job's options.
    /// - Throws: `JobRunnerError.unencodable`.
    public init<J: Job>(
        _ timing: Timing, _ job: J, name: String? = nil, queue: String? = nil,
        jitter: Duration = .zero, missed: Missed = .once, overlap: Overlap = .allow
    ) throws {
        var options = J.options
        if let queue { options.queue = queue }
        self.init(
            timing, job: J.name, arguments: try ScheduledArguments.encode(job),
            version: J.version, options: options, name: name, jitter: jitter, missed: missed,
            overlap: overlap)
    }

    /// Checks all of it.
    ///
    /// - Throws: `ScheduleError`, which names the schedule.
    /// - Returns: When it is due.
    @discardableResult
    package func check(maxBytes: Int = 65_536) throws(ScheduleError) -> Timetable {
        do throws(ScheduleError) {
            return try checked(maxBytes)
        } catch {
            throw ScheduleError("schedule '\(printable(name))': \(error)")
        }
    }

    private func checked(_ maxBytes: Int) throws(ScheduleError) -> Timetable {
        do throws(NameError) {
            _ = try NameError.check(name, as: .schedule)
            _ = try NameError.check(queue, as: .queue)
        } catch {
            throw ScheduleError(error.description)
        }
        if case .all(let most) = missed, !(1...1000).contains(most) {
            throw ScheduleError("missed ticks are made up for up to 1 to 1000, not \(most)")
        }
        if overlap == .queueOne, missed != .once {
            throw ScheduleError("overlap queueOne makes up for missed ticks once")
        }
        // What a worker would bury is refused here.
        _ = try TickJob(self, tick: 0).json(now: 0, maxBytes: maxBytes)
        return try Timetable(self)
    }
}
