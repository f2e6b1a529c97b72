internal import JobRunner

/// `jobrunner jobs reschedule`: gives a job that waits for its time another one.
enum JobsReschedule {
    static let id = Argument(
        "id", help: "Which job: queue/id, or an id alone for the queue default.", read: .handle)
    static let delay = Option(
        "in", env: "JOBRUNNER_RESCHEDULE_IN", default: nil, placeholder: "DURATION",
        help: "Start this long from now, by the server's clock; 0s is now.",
        read: .duration(.zero...StartTime.longest))
    static let time = Option(
        "at", env: "JOBRUNNER_RESCHEDULE_AT", default: nil, placeholder: "TIME",
        help: "Start at this time: RFC 3339, such as 2026-01-31T12:30:00Z, or +10m.",
        read: .startTime)

    static let spec = CommandSpec(
        name: "reschedule", abstract: "Give a job that waits for its time another one.",
        discussion: """
            For delayed jobs and for retries. It looks through what is scheduled in that queue, up \
            to a million jobs. The exit code is 1 when it is not there: it is ready, runs, has \
            ended, or never was. A time that is past is now.
            """,
        options: [time, delay, OutputFormat.option], arguments: [id], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let due = try due(invocation)
        let job = invocation[id]
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let queue = job.queue.description
            try await QueuesCommand.check([queue], session.client)
            guard
                let time = try await session.client.reschedule(
                    queue: queue, id: job.id.description, to: due)
            else { throw CommandFailure("job \(job) does not wait for a time", exit: .no) }
            show(job, time, invocation)
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func due(_ invocation: Invocation) throws(CommandFailure) -> Due {
        switch (invocation.optional(delay), invocation.optional(time)) {
        case (nil, nil):
            throw CommandFailure(
                "to when? Give --at or --in",
                hint: "See '\(invocation.executable) jobs reschedule --help'.")
        case (_?, _?): throw CommandFailure("--in and --at cannot go together")
        case (let delay?, nil), (nil, .after(let delay)?):
            return delay == .zero ? .now : .after(milliseconds: delay.milliseconds)
        case (nil, .at(let time)?): return .at(milliseconds: max(1, time))
        }
    }

    private static func show(_ job: JobHandleID, _ time: Int, _ invocation: Invocation) {
        switch invocation[OutputFormat.option] {
        case .name: invocation.console.print(job.description)
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("handle", job.description)
            object.set("due", time: time)
            invocation.console.print(object.text)
        case .table, .wide:
            invocation.console.print("\(job) starts at \(RFC3339.format(milliseconds: time))")
        }
    }
}
