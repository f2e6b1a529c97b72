package import FoundationEssentials
internal import RedisLink

/// A checked job that is ready to be enqueued.
package struct Draft: Sendable {
    package let queue: String
    package let job: NewJob
    /// The caller chose the id: it is remembered longer.
    package let hasOwnID: Bool

    init(queue: String, job: NewJob, hasOwnID: Bool) {
        self.queue = queue
        self.job = job
        self.hasOwnID = hasOwnID
    }

    /// - Parameter arguments: JSON of a trusted encoder.
    package init(
        name: String, version: Int = 1, arguments: [UInt8], options: JobOptions, queue: String?,
        id: String?, due: Due = .now, maxBytes: Int
    ) throws {
        let now = WallClock.milliseconds()
        let queue = try QueueName(queue ?? options.queue)
        hasOwnID = id != nil
        let id = try id.map { try JobID($0) } ?? JobID.generate(now: Int64(now))
        var writer = EnvelopeWriter(
            id: id, job: name, queue: queue, arguments: arguments, enqueued: Int64(now))
        writer.version = version
        let usual = JobOptions()
        if options.maxAttempts != usual.maxAttempts { writer.maxAttempts = options.maxAttempts }
        if options.keepResult != usual.keepResult {
            writer.resultTTL = Int64(options.keepResult.milliseconds)
        }
        if let expires = options.expires {
            guard expires > .zero, expires <= Due.longest else {
                throw JobRunnerError.invalid("expires must be over 0 and at most 10 years")
            }
            writer.expires = Int64(due.milliseconds(now: now) + expires.milliseconds)
            writer.whenExpired = options.whenExpired
        }
        writer.timeLimit = options.timeLimit.map { Int64($0.milliseconds) }
        let limits = Envelope.Limits(maxBytes: maxBytes)
        do throws(EnvelopeError) {
            job = NewJob(id: id.description, json: try writer.bytes(limits: limits))
        } catch {
            throw JobRunnerError.invalid(error.description)
        }
        self.queue = queue.description
    }

    /// - Parameter arguments: JSON of somebody else: validated first.
    package init(
        name: String, checking arguments: [UInt8], options: JobOptions, id: String?,
        due: Due = .now, maxBytes: Int
    ) throws {
        do throws(EnvelopeError) {
            try EnvelopeWriter.checkArguments(
                arguments, limits: Envelope.Limits(maxBytes: maxBytes))
        } catch {
            throw JobRunnerError.invalid("the arguments of '\(printable(name))': \(error)")
        }
        try self.init(
            name: name, arguments: arguments, options: options, queue: nil, id: id, due: due,
            maxBytes: maxBytes)
    }
}

extension Due {
    /// When that is, ms since 1970, by a clock that says it is `now`.
    package func milliseconds(now: Int) -> Int {
        switch self {
        case .now: now
        case .after(let milliseconds): now + milliseconds
        case .at(let milliseconds): max(now, milliseconds)
        }
    }

    /// Ten years of 365 days: the longest delay.
    package static let longest: Duration = .seconds(3650 * 86_400)

    /// - Throws: `JobRunnerError.invalid` for both at once, a negative delay, or over 10 years.
    package init(at time: Date?, in delay: Duration?) throws(JobRunnerError) {
        switch (time, delay) {
        case (nil, nil): self = .now
        case (_?, _?): throw .invalid("give a time or a delay, not both")
        case (nil, let delay?):
            guard delay >= .zero, delay <= Self.longest else {
                throw .invalid("delay must be 0 to 10 years, got \(delay)")
            }
            self = delay == .zero ? .now : .after(milliseconds: delay.milliseconds)
        case (let time?, nil):
            let milliseconds = time.timeIntervalSince1970 * 1000
            let limit = Double(WallClock.milliseconds() + Self.longest.milliseconds)
            guard milliseconds.isFinite, milliseconds <= limit else {
                throw .invalid("the time must be within 10 years")
            }
            self = milliseconds <= 0 ? .now : .at(milliseconds: Int(milliseconds))
        }
    }
}

/// The time of day, for what people read; it decides about nothing.
package enum WallClock {
    /// Milliseconds since 1970 by this machine's clock.
    package static func milliseconds() -> Int {
        Int(Date().timeIntervalSince1970 * 1000)
    }
}
