package import FoundationEssentials
internal import RedisLink

/// A checked job that is ready to be enqueued.
package struct Draft: Sendable {
    package let queue: String
    package let job: NewJob
    /// The caller chose the id: it is remembered longer.
    package let hasOwnID: Bool
    /// What it asks for beside its place in time.
    package let terms: Terms
    /// What is kept of its end; nil where only its worker knows.
    let results: ResultPolicy?

    init(queue: String, job: NewJob, hasOwnID: Bool, terms: Terms = Terms()) {
        results = nil
        self.queue = queue
        self.job = job
        self.hasOwnID = hasOwnID
        self.terms = terms
    }

    /// - Parameters:
    ///   - arguments: JSON of a trusted encoder.
    ///   - isFront: Fetched next; only for now.
    ///   - tenant: Instead of the argument that the options name.
    ///   - ties: What it is a step of, what it takes, who is told of its end.
    ///   - namesAttempts: Writes as many as the default, too.
    package init(
        name: String, version: Int = 1, arguments: [UInt8], options: JobOptions, queue: String?,
        id: String?, due: Due = .now, isFront: Bool = false, tenant: String? = nil,
        ties: Ties = Ties(), namesAttempts: Bool = false, maxBytes: Int
    ) throws {
        let now = WallClock.milliseconds()
        let queue = try QueueName(queue ?? options.queue)
        hasOwnID = id != nil
        try options.results.check(of: name)
        results = options.results
        let id = try id.map { try JobID($0) } ?? JobID.generate(now: Int64(now))
        var writer = EnvelopeWriter(
            id: id, job: name, queue: queue, arguments: arguments, enqueued: Int64(now))
        writer.version = version
        writer.ties = ties
        writer.priority = options.priority
        writer.tenant = try tenant ?? Self.tenant(options.fairBy, of: arguments)
        writer.unique = try options.unique?.lock(job: name, arguments: arguments)
        guard !isFront || due == .now else {
            throw JobRunnerError.invalid("a job for later cannot be put in front now")
        }
        guard !isFront || (writer.priority == 0 && writer.tenant == nil) else {
            throw JobRunnerError.invalid(
                "a job in front cannot have a priority or a tenant: it would wait among those")
        }
        terms = Terms(writer, options.unique, isFront: isFront)
        let usual = JobOptions()
        if namesAttempts || options.maxAttempts != usual.maxAttempts {
            writer.maxAttempts = options.maxAttempts
        }
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

    /// The name of whose turn it takes; a value that is no name stands as its SHA-1.
    static func tenant(_ argument: String?, of arguments: [UInt8]) throws -> String? {
        guard let argument else { return nil }
        guard let text = JSONArgument.text(of: argument, in: arguments) else {
            throw JobRunnerError.invalid("fairBy: there is no argument '\(printable(argument))'")
        }
        let name = String(decoding: text, as: UTF8.self)
        return (try? NameError.check(name, as: .tenant)) ?? sha1Hex(text)
    }

    /// - Parameter arguments: JSON of somebody else: validated first.
    package init(
        name: String, checking arguments: [UInt8], options: JobOptions, id: String?,
        due: Due = .now, isFront: Bool = false, tenant: String? = nil, ties: Ties = Ties(),
        maxBytes: Int
    ) throws {
        do throws(EnvelopeError) {
            try EnvelopeWriter.checkArguments(
                arguments, limits: Envelope.Limits(maxBytes: maxBytes))
        } catch {
            throw JobRunnerError.invalid("the arguments of '\(printable(name))': \(error)")
        }
        try self.init(
            name: name, arguments: arguments, options: options, queue: nil, id: id, due: due,
            isFront: isFront, tenant: tenant, ties: ties, maxBytes: maxBytes)
    }
}

extension Terms {
    /// - Parameter unique: What made the lock of the writer.
    package init(_ writer: EnvelopeWriter, _ unique: Unique?, isFront: Bool = false) {
        self.unique = writer.unique?.atEnqueue
        self.isFront = isFront
        isRanked = writer.priority > 0 || writer.tenant != nil
        guard let unique else { return }
        policy = unique.policy
        rejects = unique.onConflict == .reject
        mostDebounce = unique.atMost?.milliseconds ?? 0
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
    package init(
        at time: Date?, in delay: Duration?, debounce: Duration? = nil
    ) throws(JobRunnerError) {
        if let debounce {
            guard time == nil, delay == nil else {
                throw .invalid("a debounced job has a time already: give no other")
            }
            self = .after(milliseconds: max(1, debounce.milliseconds))
            return
        }
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
