internal import FoundationEssentials
internal import JobRunner

/// `jobrunner schedules history`: the ticks that were.
enum SchedulesHistory {
    static let spec = CommandSpec(
        name: "history", abstract: "Show what became of a schedule's last ticks.",
        discussion: """
            The newest first, at most 100. OUTCOME is how the job ended, for as long as its result \
            is kept; LATE is from the tick to the moment it was enqueued, jitter included.
            """,
        options: [ScheduleOptions.count, OutputFormat.option], arguments: [ScheduleOptions.name]
    ) { invocation in
        try await SchedulesCommand.session(invocation) { schedules in
            let status = try await SchedulesCommand.status(
                invocation[ScheduleOptions.name], schedules)
            let records = try await schedules.history(
                status.name, count: invocation[ScheduleOptions.count])
            show(records, invocation)
            return .success
        }
    }

    private static func show(_ records: [ScheduleRecord], _ invocation: Invocation) {
        Listing(
            "history", none: "no ticks yet", columns: columns, name: { escaped($0.job ?? "-") },
            row: row, set: set
        ).show(records, invocation)
    }

    private static func set(_ record: ScheduleRecord, in object: inout JSONObject) {
        object.set("tick", time: ScheduleText.milliseconds(record.tick))
        object.set("at", time: ScheduleText.milliseconds(record.time))
        object.set("what", record.what.rawValue)
        object.set("job", record.job)
        if record.what == .missed || record.what == .merged { object.set("count", record.count) }
        object.set("outcome", record.outcome)
    }

    private static let columns = [
        TextTable.Column(title: "TICK", isRight: false, least: 24),
        TextTable.Column(title: "LATE", rank: 2),
        TextTable.Column(title: "WHAT", isRight: false),
        TextTable.Column(title: "OUTCOME", isRight: false, rank: 1),
        TextTable.Column(title: "JOB", isRight: false, rank: 3),
    ]

    private static func row(_ record: ScheduleRecord) -> [TextTable.Cell] {
        let late = record.time.timeIntervalSince(record.tick)
        let isOfOne = record.what == .fired
        let count = record.count > 1 ? " \(HumanText.count(record.count))" : ""
        return [
            TextTable.Cell(
                ScheduleText.milliseconds(record.tick).map { RFC3339.format(milliseconds: $0) }
                    ?? "-"),
            TextTable.Cell(isOfOne ? HumanText.span(.milliseconds(Int(late * 1000))) : "-"),
            TextTable.Cell(
                record.what.rawValue + count, record.what == .missed ? .caution : .plain),
            TextTable.Cell(escaped(record.outcome ?? "-")),
            TextTable.Cell(escaped(record.job ?? "-")),
        ]
    }
}
