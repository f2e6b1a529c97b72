internal import JobRunner

/// `jobrunner enqueue`: puts one job, or the lines of a file, into a queue.
enum EnqueueCommand {
    static let name = Argument(
        "name", help: "The job's name, which a handler is registered for.", required: false,
        read: .name)
    static let json = Argument(
        "json", help: "Its arguments as JSON; - reads standard input, @FILE a file. None is {}.",
        required: false, read: .text)

    static let queue = Option(
        "queue", short: "q", env: "JOBRUNNER_ENQUEUE_QUEUE", default: nil, placeholder: "NAME",
        help: "Where it goes: default unless named; with --ndjson for lines that name none.",
        read: .name)
    static let delay = Option(
        "in", env: "JOBRUNNER_ENQUEUE_IN", default: nil, placeholder: "DURATION",
        help: "Start this long from now, by the server's clock.",
        read: .duration(.zero...StartTime.longest))
    static let time = Option(
        "at", env: "JOBRUNNER_ENQUEUE_AT", default: nil, placeholder: "TIME",
        help: "Start at this time: RFC 3339, such as 2026-01-31T12:30:00Z, or +10m.",
        read: .startTime)
    static let id = Option(
        "id", env: "JOBRUNNER_ENQUEUE_ID", default: nil, placeholder: "ID",
        help: "Its id: the same one is accepted once within a day.", read: .name)
    static let maxAttempts = Option(
        "max-attempts", env: "JOBRUNNER_ENQUEUE_MAX_ATTEMPTS", default: nil, placeholder: "N",
        help: "Most runs that may fail before it is dead; the handler's own unless given.",
        read: .int(1...1000))
    static let timeLimit = Option(
        "time-limit", env: "JOBRUNNER_ENQUEUE_TIME_LIMIT", default: nil, placeholder: "DURATION",
        help: "Cancel a run that takes longer; the handler's own unless given.",
        read: .duration(.milliseconds(1) ... .seconds(30 * 86_400)))
    static let keepResult = Option(
        "keep-result", env: "JOBRUNNER_ENQUEUE_KEEP_RESULT", default: nil, placeholder: "DURATION",
        help: "How long its outcome is kept; the handler's own unless given.", read: .retention)
    static let expires = Option(
        "expires", env: "JOBRUNNER_ENQUEUE_EXPIRES", default: nil, placeholder: "DURATION",
        help: "Start it within this time after it is due, or never; then it is buried.",
        read: .duration(.milliseconds(1)...StartTime.longest))
    static let dropExpired = Flag(
        "drop-expired", env: "JOBRUNNER_ENQUEUE_DROP_EXPIRED",
        help: "With --expires: forget it then instead of burying it.")
    static let maxLength = Option(
        "max-length", env: "JOBRUNNER_ENQUEUE_MAX_LENGTH", default: nil, placeholder: "N",
        unit: "jobs", help: "Refuse when so many are ready in the queue; exit code 75.",
        read: .int(1...1_000_000_000))
    static let waitWhenFull = Option(
        "wait-when-full", env: "JOBRUNNER_ENQUEUE_WAIT_WHEN_FULL", default: .zero,
        placeholder: "DURATION", help: "How long to wait for room in a queue of --max-length.",
        read: .duration(.zero ... .seconds(86_400)))
    static let replyTo = Option(
        "reply-to", env: "JOBRUNNER_ENQUEUE_REPLY_TO", default: nil, placeholder: "QUEUE/JOB",
        help: "When it ends, enqueue its outcome on this queue as a job of this name.",
        read: .replyAddress)
    static let wait = Flag(
        "wait", short: "w", env: "JOBRUNNER_ENQUEUE_WAIT",
        help: "Wait until it ends and print its result as JSON.")

    static let ndjson = Option(
        "ndjson", env: "JOBRUNNER_ENQUEUE_NDJSON", default: nil, placeholder: "FILE",
        bareValue: "-",
        help: "Enqueue every line of a file, or of standard input: whole jobs, or with a name the "
            + "arguments of such jobs.",
        read: .path)
    static let skip = Option(
        "skip", env: "JOBRUNNER_ENQUEUE_SKIP", default: nil, placeholder: "N", unit: "lines",
        help: "With --ndjson: leave out the first lines, done by an earlier run.",
        read: .int(0...Int.max))
    static let skipBad = Flag(
        "skip-bad", env: "JOBRUNNER_ENQUEUE_SKIP_BAD",
        help: "With --ndjson: leave out bad lines and go on; exit code 65.")
    static let strict = Flag(
        "strict", env: "JOBRUNNER_ENQUEUE_STRICT",
        help: "With --ndjson: a line with a member that means nothing here is a bad line.")
    static let printIDs = Flag(
        "print-ids", env: "JOBRUNNER_ENQUEUE_PRINT_IDS",
        help: "With --ndjson: print the handle of every job.")

    static let spec = CommandSpec(
        name: "enqueue", aliases: ["add"], abstract: "Enqueue a job, or many.",
        discussion: """
            Prints the job's handle, queue/id, which 'jobs wait' and 'jobs get' take. An id that \
            was accepted before is success and enqueues nothing; so does a job whose unique key \
            another holds: then it is the other one's handle.

            With --wait it prints the result instead. The exit code is 1 when the job failed, 75 \
            when it has not ended in time; the timeout counts from when the job is due.

            With --ndjson each line is one JSON object: {"job":…,"args":…,"queue":…,"id":…}, or \
            the arguments alone when a name is given. Empty lines are skipped; Ctrl-C ends it and \
            says where to go on. A member that no job has is kept and told of, once; those whose \
            name begins with x- are yours.
            """,
        options: [
            queue, delay, time, id, maxAttempts, timeLimit, keepResult, expires,
            dropExpired, maxLength, waitWhenFull, replyTo, wait, WaitOptions.timeout,
        ] + EnqueueTerms.options + [
            ndjson, skip, skipBad, strict, printIDs, OutputFormat.option, WorkOptions.maxJobSize,
            WorkOptions.allowEviction,
        ],
        arguments: [name, json],
        run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        try check(invocation)
        let due = try due(of: invocation)
        do {
            return invocation.optional(ndjson) == nil
                ? try await EnqueueOne(invocation, due: due).run()
                : try await EnqueueMany(invocation, due: due).run()
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Options that mean nothing together are a mistake: better told than ignored.
    private static func check(_ invocation: Invocation) throws(CommandFailure) {
        let isMany = invocation.optional(ndjson) != nil
        let hasName = invocation.optional(name) != nil
        let help = "See '\(invocation.executable) enqueue --help'."
        if !hasName, !isMany { throw CommandFailure("argument <name> is missing", hint: help) }
        let single: [(String, Bool)] = [
            ("<json>", invocation.optional(json) != nil),
            ("--id", invocation.optional(id) != nil), ("--wait", invocation[wait]),
        ]
        let many: [(String, Bool)] = [
            ("--skip", invocation.optional(skip) != nil), ("--skip-bad", invocation[skipBad]),
            ("--print-ids", invocation[printIDs]), ("--strict", invocation[strict]),
        ]
        let named: [(String, Bool)] = [
            ("--max-attempts", invocation.optional(maxAttempts) != nil),
            ("--time-limit", invocation.optional(timeLimit) != nil),
            ("--keep-result", invocation.optional(keepResult) != nil),
            ("--expires", invocation.optional(expires) != nil),
            ("--reply-to", invocation.optional(replyTo) != nil),
        ]
        for (label, isGiven) in isMany ? single : many where isGiven {
            throw CommandFailure(
                isMany ? "\(label) cannot go with --ndjson" : "\(label) needs --ndjson", hint: help)
        }
        for (label, isGiven) in named where isGiven && !hasName {
            throw CommandFailure(
                "\(label) needs a <name>: lines that are whole jobs have their own", hint: help)
        }
        if hasName, invocation[strict] {
            throw CommandFailure(
                "--strict cannot go with a <name>: lines are arguments then", hint: help)
        }
        try EnqueueTerms.check(invocation, help: help)
        if invocation[dropExpired], invocation.optional(expires) == nil {
            throw CommandFailure("--drop-expired needs --expires", hint: help)
        }
        if invocation.origin(of: WaitOptions.timeout) == .flag, !invocation[wait] {
            throw CommandFailure("--timeout needs --wait", hint: help)
        }
        if invocation[wait], invocation.optional(keepResult) == .zero {
            throw CommandFailure("--wait needs a result: --keep-result must not be 0s", hint: help)
        }
    }

    private static func due(of invocation: Invocation) throws(CommandFailure) -> Due {
        switch (invocation.optional(delay), invocation.optional(time)) {
        case (nil, nil):
            return invocation.optional(EnqueueTerms.debounce).map {
                .after(milliseconds: $0.milliseconds)
            } ?? .now
        case (_?, _?): throw CommandFailure("--in and --at cannot go together")
        case (let delay?, nil), (nil, .after(let delay)?):
            return delay == .zero ? .now : .after(milliseconds: delay.milliseconds)
        case (nil, .at(let time)?):
            if time <= WallClock.milliseconds() {
                invocation.console.note(
                    "\(RFC3339.format(milliseconds: time)) is past: starting now")
            }
            // 0 would mean "no time" to the script.
            return .at(milliseconds: max(1, time))
        }
    }

    /// Connects, with the limits of this command.
    static func session(_ invocation: Invocation) async throws -> Session {
        let session = try await Session.open(invocation) { options in
            options.maxJobBytes = invocation[WorkOptions.maxJobSize]
            // What the user waits for at the start is worth waiting for in the middle.
            options.enqueueTimeout = max(.seconds(2), invocation[GlobalOptions.patience])
            options.maxLength = invocation.optional(maxLength) ?? 0
            options.waitWhenFull = invocation[waitWhenFull]
        }
        if let risk = session.info.evictionRisk, !invocation[WorkOptions.allowEviction] {
            throw CommandFailure(risk, exit: .configuration)
        }
        return session
    }

    /// The envelope of a job whose name and options are on the command line.
    static func writer(
        _ invocation: Invocation, name: String, arguments: [UInt8], id: JobID? = nil
    ) throws -> EnvelopeWriter {
        let now = Int64(WallClock.milliseconds())
        var writer = EnvelopeWriter(
            id: id ?? JobID.generate(now: now), job: name,
            queue: try QueueName(invocation.optional(queue) ?? QueueName.default.description),
            arguments: arguments, enqueued: now)
        writer.maxAttempts = invocation.optional(maxAttempts)
        writer.timeLimit = invocation.optional(timeLimit).map { Int64($0.milliseconds) }
        writer.ties.reply = invocation.optional(replyTo)
        writer.resultTTL = invocation.optional(keepResult).map { Int64($0.milliseconds) }
        if let expires = invocation.optional(expires) {
            let due = try due(of: invocation).milliseconds(now: Int(now))
            writer.expires = Int64(due + expires.milliseconds)
            writer.whenExpired = invocation[dropExpired] ? .drop : .bury
        }
        return writer
    }
}

extension ValueReader where Value == ReplyAddress {
    /// A queue and the name of a job in it.
    fileprivate static var replyAddress: ValueReader<ReplyAddress> {
        ValueReader(describe: "QUEUE/JOB, each 1 to 64 of A-Z a-z 0-9 . _ -") {
            text throws(InvalidValue) in
            guard let address = ReplyAddress(text) else { throw InvalidValue() }
            return address
        }
    }
}
