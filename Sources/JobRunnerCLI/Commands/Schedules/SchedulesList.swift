internal import JobRunner

/// `jobrunner schedules list`.
enum SchedulesList {
    static let spec = CommandSpec(
        name: "list", aliases: ["ls"], abstract: "List schedules and when they are due.",
        discussion: """
            NEXT is how long until the next tick; FROM is who said it: code, a file, this command \
            line, or a program. STATE is late when a tick has been due for more than 5 s: no \
            worker of that queue runs, or, with overlap queueOne, its last job is not done.
            """,
        options: [ScheduleOptions.queues, OutputFormat.option]
    ) { invocation in
        let names = invocation.all(ScheduleOptions.queues)
        return try await SchedulesCommand.session(invocation, queues: names) { schedules in
            let found = try await schedules.list(queues: names.isEmpty ? nil : names)
            let now = try await schedules.now()
            show(found, now: now, invocation)
            return .success
        }
    }

    private static func show(_ found: [ScheduleStatus], now: Int, _ invocation: Invocation) {
        Listing(
            "schedules", none: "no schedules", columns: columns, name: { escaped($0.name) },
            row: { row($0, now: now) }, set: set
        ).show(found, invocation)
    }

    /// The members of one schedule, as `Schedules.md` has them.
    static func set(_ status: ScheduleStatus, in object: inout JSONObject) {
        object.set("name", status.name)
        object.set("queue", status.queue)
        if let schedule = status.schedule {
            object.set("times", ScheduleText.timing(schedule))
            object.set("job", schedule.job)
            object.set("args", raw: TerminalJSON.line(schedule.arguments.utf8))
            object.set("jitter_ms", schedule.jitter.milliseconds)
            object.set("missed_ticks", ScheduleText.missed(schedule.missed))
            object.set("overlap", schedule.overlap.rawValue)
        }
        object.set("source", status.source.rawValue)
        object.set("revision", status.revision)
        object.set("state", state(of: status).text)
        object.set("next", time: ScheduleText.milliseconds(status.nextDue))
        object.set("late_ms", status.late.milliseconds)
        object.set("paused_since", time: ScheduleText.milliseconds(status.pausedSince))
        if status.pausedSince != nil { object.set("reason", status.pauseReason) }
        object.set("last", time: ScheduleText.milliseconds(status.lastTick))
        object.set("last_job", status.lastJob)
        object.set("fired", status.fired)
        object.set("skipped", status.skipped)
        object.set("missed", status.missed)
        object.set("merged", status.merged)
        object.set("fault", status.fault)
    }

    static func state(of status: ScheduleStatus) -> TextTable.Cell {
        if status.fault != nil { return TextTable.Cell("fault", .bad) }
        if status.pausedSince != nil { return TextTable.Cell("paused", .caution) }
        return status.isLate ? TextTable.Cell("late", .bad) : TextTable.Cell("ok")
    }

    private static let columns = [
        TextTable.Column(title: "NAME", isRight: false, least: 12),
        TextTable.Column(title: "TIMES", isRight: false, rank: 3, least: 12),
        TextTable.Column(title: "JOB", isRight: false, rank: 5),
        TextTable.Column(title: "QUEUE", isRight: false, rank: 4),
        TextTable.Column(title: "NEXT", rank: 1),
        TextTable.Column(title: "LAST", rank: 6),
        TextTable.Column(title: "FIRED", rank: 8),
        TextTable.Column(title: "SKIPPED", rank: 9),
        TextTable.Column(title: "MISSED", rank: 7),
        TextTable.Column(title: "FROM", isRight: false, rank: 10),
        TextTable.Column(title: "STATE", isRight: false, rank: 2),
    ]

    private static func row(_ status: ScheduleStatus, now: Int) -> [TextTable.Cell] {
        let next = ScheduleText.milliseconds(status.nextDue).map { time in
            time >= now ? HumanText.span(.milliseconds(time - now)) : "now"
        }
        let last = ScheduleText.milliseconds(status.lastTick).map { time in
            HumanText.span(.milliseconds(max(0, now - time)))
        }
        let count = { (count: Int) in TextTable.Cell(HumanText.count(count)) }
        return [
            TextTable.Cell(escaped(status.name)),
            TextTable.Cell(escaped(status.schedule.map { ScheduleText.timing($0) } ?? "-")),
            TextTable.Cell(escaped(status.schedule?.job ?? "-")),
            TextTable.Cell(escaped(status.queue)),
            TextTable.Cell(next ?? "-"), TextTable.Cell(last.map { $0 + " ago" } ?? "-"),
            count(status.fired), count(status.skipped), count(status.missed),
            TextTable.Cell(status.source.rawValue), state(of: status),
        ]
    }
}
