internal import JobRunner

/// `jobrunner queues pause` and `jobrunner queues resume`.
enum QueuesPause {
    static let until = Option(
        "until", env: "JOBRUNNER_PAUSE_UNTIL", default: nil, placeholder: "TIME",
        help: "Go on at this time: RFC 3339, such as 2026-01-31T12:30:00Z, or +10m.",
        read: .startTime)
    static let length = Option(
        "for", env: "JOBRUNNER_PAUSE_FOR", default: nil, placeholder: "DURATION",
        help: "Go on after this time, by the server's clock.",
        read: .duration(.milliseconds(1)...StartTime.longest))
    static let reason = Option(
        "reason", env: "JOBRUNNER_PAUSE_REASON", default: "", placeholder: "TEXT",
        help: "Why, for who looks at it: one line of at most 200 characters.", read: .pauseReason)

    static let pause = CommandSpec(
        name: "pause", abstract: "Stop handing out the jobs of queues.",
        discussion: """
            What runs goes on, and jobs may still be enqueued. Without --until or --for it stays so \
            until 'queues resume'; a pause of a paused queue sets its time and reason anew.
            """,
        options: [until, length, reason, OutputFormat.option], arguments: [QueuesCommand.queues],
        run: runPause)

    static let resume = CommandSpec(
        name: "resume", abstract: "Hand out the jobs of queues again.",
        discussion: "The exit code is 0 also for a queue that was not paused.",
        options: [OutputFormat.option], arguments: [QueuesCommand.queues], run: runResume)

    @Sendable private static func runPause(_ invocation: Invocation) async throws -> ExitCode {
        try EndTime.check(invocation, until: until, length: length)
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let names = invocation.all(QueuesCommand.queues)
            try await QueuesCommand.check(names, session.client)
            let now = try await session.client.serverTime()
            let time = try EndTime.read(invocation, until: until, length: length, now: now)
            for name in names {
                let isNew = try await session.client.pause(
                    queue: name, for: time, reason: invocation[reason])
                let end = time.map { now + $0.milliseconds }
                let text = end.map { " until " + RFC3339.format(milliseconds: $0) } ?? ""
                show(name, isNew ? "paused\(text)" : "paused\(text), as it was before", invocation)
                {
                    object in
                    object.set("paused", true)
                    object.set("changed", isNew)
                    object.set("until", time: end)
                }
            }
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    @Sendable private static func runResume(_ invocation: Invocation) async throws -> ExitCode {
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let names = invocation.all(QueuesCommand.queues)
            try await QueuesCommand.check(names, session.client)
            for name in names {
                let wasPaused = try await session.client.resume(queue: name)
                show(name, wasPaused ? "goes on" : "was not paused", invocation) { object in
                    object.set("paused", false)
                    object.set("changed", wasPaused)
                }
            }
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func show(
        _ queue: String, _ text: String, _ invocation: Invocation,
        _ fill: (inout JSONObject) -> Void
    ) {
        switch invocation[OutputFormat.option] {
        case .name: invocation.console.print(queue)
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("queue", queue)
            fill(&object)
            invocation.console.print(object.text)
        case .table, .wide: invocation.console.print("\(queue) \(text)")
        }
    }
}

extension ValueReader where Value == String {
    /// One line that does nothing to a terminal.
    static var pauseReason: ValueReader<String> {
        ValueReader(
            describe: "one line of at most 200 characters, without control characters"
        ) { text throws(InvalidValue) in
            let isControl = text.unicodeScalars.contains {
                $0.properties.generalCategory == .control
            }
            guard PauseReason.isAllowed(text), !isControl else { throw InvalidValue() }
            return text
        }
    }
}
