internal import JobRunner

/// `jobrunner limits set`, `close`, `open` and `reset`.
enum LimitsChange {
    static let rate = Argument(
        "rate", help: "So many in a time: 1000/h, '10/s burst 20', 5/10m.", required: false,
        read: .text)
    static let slots = Option(
        "slots", env: "JOBRUNNER_LIMIT_SLOTS", default: nil, placeholder: "N", unit: "jobs",
        help: "So many at once, for a limit that counts jobs that run.", read: .int(1...100_000))
    static let until = Option(
        "until", env: "JOBRUNNER_CLOSE_UNTIL", default: nil, placeholder: "TIME",
        help: "Open it at this time: RFC 3339, such as 2026-01-31T12:30:00Z, or +10m.",
        read: .startTime)
    static let length = Option(
        "for", env: "JOBRUNNER_CLOSE_FOR", default: nil, placeholder: "DURATION",
        help: "Open it after this time, by the server's clock.",
        read: .duration(.milliseconds(1)...StartTime.longest))

    static let set = CommandSpec(
        name: "set", abstract: "Set a limit instead of what the code says.",
        discussion: """
            It holds at once, for all workers, until 'limits reset'. What a job takes of the limit \
            and by which argument it is counted stay as in the code. Jobs that were put off get \
            new times by the new rate, never later ones.
            """,
        options: [slots, OutputFormat.option], arguments: [LimitsCommand.limit, rate]
    ) { invocation in
        let (text, most) = (invocation.optional(rate), invocation.optional(slots))
        guard text != nil || most != nil else {
            throw CommandFailure(
                "set it to what? Give a rate, or --slots",
                hint: "See '\(invocation.executable) limits set --help'.")
        }
        let limit = try text.map { text throws(CommandFailure) in
            try QueuesCommand.reading { () throws(JobRunnerError) in try RateLimit(text) }
        }
        return try await change(invocation) { client, name in
            var moved = 0
            if let limit { moved = try await client.setLimit(name, rate: limit) }
            if let most { try await client.setLimit(name, slots: most) }
            return moved
        }
    }

    static let close = CommandSpec(
        name: "close", abstract: "Let nothing start under a rate limit for some time.",
        discussion: """
            What runs goes on; jobs are put off until then, untried. When it opens again they \
            come one after the other, not in a burst.
            """,
        options: [until, length, OutputFormat.option], arguments: [LimitsCommand.limit]
    ) { invocation in
        try EndTime.check(invocation, until: until, length: length)
        return try await change(invocation) { client, name in
            let now = try await client.serverTime()
            guard
                let time = try EndTime.read(invocation, until: until, length: length, now: now)
            else { throw CommandFailure("until when? Give --until or --for") }
            try await client.closeLimit(name, for: time)
            return 0
        }
    }

    static let open = CommandSpec(
        name: "open", abstract: "Let jobs start under a closed limit again.",
        discussion: "Jobs that were put off get new times, never later ones.",
        options: [OutputFormat.option], arguments: [LimitsCommand.limit]
    ) { invocation in
        try await change(invocation) { client, name in try await client.openLimit(name) }
    }

    static let reset = CommandSpec(
        name: "reset", abstract: "Go back to what the code says.",
        discussion: """
            Opens it as well. Jobs that were put off get new times by the code's rate, never \
            later ones.
            """,
        options: [OutputFormat.option], arguments: [LimitsCommand.limit]
    ) { invocation in
        try await change(invocation) { client, name in try await client.resetLimit(name) }
    }

    /// Does it, and shows the limit as it is then.
    ///
    /// - Parameter body: Returns how many jobs were given an earlier time.
    private static func change(
        _ invocation: Invocation, _ body: (JobClient, String) async throws -> Int
    ) async throws -> ExitCode {
        let name = invocation[LimitsCommand.limit]
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let known = try await session.client.limits()
            guard known.contains(where: { $0.name == name }) else {
                throw UnknownName.failure(
                    "limit", name, among: known.map(\.name), list: "limits list")
            }
            let moved = try await body(session.client, name)
            if let limit = try await session.client.limits().first(where: { $0.name == name }) {
                show(limit, moved: moved, invocation)
            }
            return .success
        } catch JobRunnerError.invalid(let reason) {
            throw CommandFailure(reason)
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func show(_ limit: LimitStats, moved: Int, _ invocation: Invocation) {
        switch invocation[OutputFormat.option] {
        case .name: invocation.console.print(escaped(limit.name, limit: nil))
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("limit", raw: StatsJSON.limit(limit).text)
            object.set("moved", moved)
            invocation.console.print(object.text)
        case .table, .wide:
            let rate = limit.rate.map { [escaped($0, limit: 200)] } ?? []
            let slots = limit.slots.map { ["\(grouped($0)) at once"] } ?? []
            let parts = rate + slots + [LimitText.state(limit)]
            invocation.console.print("\(escaped(limit.name)) \(parts.joined(separator: ", "))")
            if moved > 0 {
                invocation.console.print(
                    "\(EnqueueTally.count(moved, "job")) that it had put off may start earlier now")
            }
        }
    }
}
