internal import RedisLink

/// The job of one tick.
struct TickJob: Sendable {
    let schedule: Schedule
    /// Nominal, ms since 1970.
    let tick: Int

    init(_ schedule: Schedule, tick: Int) {
        self.schedule = schedule
        self.tick = tick
    }

    /// `<schedule>.<ms>`, the same in every process; a long name is cut and told apart by a digest.
    var id: String {
        let time = "\(tick)"
        let room = NameError.maxBytes - 1 - time.utf8.count
        var name = schedule.name
        if name.utf8.count > room {
            name = "\(name.prefix(room - 9))-\(sha1Hex(Array(name.utf8)).prefix(8))"
        }
        return "\(name).\(time)"
    }

    /// The lock that keeps a schedule's jobs apart; of those that may overlap the job's own, if it
    /// has one.
    ///
    /// A job lets go of it with its last ack. It lapses after a day: for a job that was deleted by
    /// hand, or runs longer.
    func lock() throws -> UniqueLock? {
        guard schedule.overlap != .allow else {
            return try schedule.options.unique?.lock(
                job: schedule.job, arguments: Array(schedule.arguments.utf8))
        }
        let readable = "schedule.\(schedule.name)"
        let isName = (try? NameError.check(readable, as: .unique)) != nil
        return UniqueLock(
            key: isName ? readable : sha1Hex(Array(readable.utf8)), end: .done,
            milliseconds: 86_400_000)
    }

    /// What becomes of a tick while the lock is held.
    var overlap: Schedule.Overlap {
        schedule.overlap == .allow && schedule.options.unique != nil ? .skip : schedule.overlap
    }

    /// The bytes to enqueue.
    ///
    /// - Parameter now: ms since 1970, by the server's clock.
    /// - Throws: `ScheduleError` for what a worker would bury.
    func json(now: Int, id: String? = nil, maxBytes: Int = 65_536) throws(ScheduleError) -> [UInt8]
    {
        do {
            let arguments = Array(schedule.arguments.utf8)
            try EnvelopeWriter.checkArguments(
                arguments, limits: Envelope.Limits(maxBytes: maxBytes))
            let options = schedule.options
            var writer = EnvelopeWriter(
                id: try JobID(id ?? self.id), job: schedule.job,
                queue: try QueueName(schedule.queue), arguments: arguments, enqueued: Int64(now))
            writer.version = schedule.version
            let usual = JobOptions()
            if options.maxAttempts != usual.maxAttempts { writer.maxAttempts = options.maxAttempts }
            if options.keepResult != usual.keepResult {
                writer.resultTTL = Int64(options.keepResult.milliseconds)
            }
            writer.timeLimit = options.timeLimit.map { Int64($0.milliseconds) }
            if let expires = options.expires {
                writer.expires = Int64(now + expires.milliseconds)
                writer.whenExpired = options.whenExpired
            }
            writer.priority = options.priority
            writer.tenant = try Draft.tenant(options.fairBy, of: arguments)
            writer.unique = try lock()
            return try writer.bytes(limits: Envelope.Limits(maxBytes: maxBytes))
        } catch {
            throw ScheduleError("the job '\(printable(schedule.job))': \(error)")
        }
    }
}
