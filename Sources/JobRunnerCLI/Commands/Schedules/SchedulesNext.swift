internal import JobRunner

/// `jobrunner schedules next`: the ticks to come.
enum SchedulesNext {
    static let name = Argument(
        "name", help: "Which schedule; none with --every or --cron.", required: false, read: .name)
    static let zone = Option<String>(
        "time-zone", env: "JOBRUNNER_SCHEDULES_TIME_ZONE", default: nil, placeholder: "ZONE",
        help: "Show local times of this zone; with --cron also whose clock it is.", read: .text)

    static let spec = CommandSpec(
        name: "next", abstract: "Show when a schedule is due, or an expression would be.",
        discussion: """
            Times are in UTC, then local ones. With --every or --cron nothing is asked of Redis:

            jobrunner schedules next --cron '0 3 * * *' --time-zone Europe/London
            """,
        options: [
            ScheduleOptions.count, ScheduleOptions.every, ScheduleOptions.offset,
            ScheduleOptions.cron, zone, OutputFormat.option,
        ],
        arguments: [name]
    ) { invocation in
        do throws(ScheduleError) {
            if let zone = invocation.optional(zone) { _ = try ZonedTime(zone) }
        } catch {
            throw CommandFailure(error.description)
        }
        switch (invocation.optional(name), try ScheduleOptions.timing(invocation, showsZone: true))
        {
        case (nil, nil):
            throw CommandFailure("which schedule? Name one, or give --every or --cron")
        case (_?, _?): throw CommandFailure("a name cannot go with --every or --cron")
        case (nil, let timing?):
            let schedule = Schedule(timing, job: "next")
            do {
                let dates = try Schedules.next(
                    schedule, count: invocation[ScheduleOptions.count],
                    after: WallClock.milliseconds())
                show(dates.compactMap { ScheduleText.milliseconds($0) }, schedule, invocation)
            } catch let error as ScheduleError {
                // The name of a schedule that is none is of no help.
                let prefix = "schedule 'next': "
                let text = error.description
                throw CommandFailure(
                    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
            }
            return .success
        case (let name?, nil):
            return try await SchedulesCommand.session(invocation) { schedules in
                let status = try await SchedulesCommand.status(name, schedules)
                let dates = try await schedules.next(name, count: invocation[ScheduleOptions.count])
                if let schedule = status.schedule {
                    show(dates.compactMap { ScheduleText.milliseconds($0) }, schedule, invocation)
                }
                if status.pausedSince != nil { invocation.console.note("it is paused") }
                return .success
            }
        }
    }

    private static func show(_ times: [Int], _ schedule: Schedule, _ invocation: Invocation) {
        var name = invocation.optional(zone)
        if name == nil, case .cron(_, let own) = schedule.timing, own != "UTC" { name = own }
        let zone = name.flatMap { try? ZonedTime($0) }
        let console = invocation.console
        switch invocation[OutputFormat.option] {
        case .json:
            let texts = times.map { TerminalJSON.string(RFC3339.format(milliseconds: $0)) }
            var object = JSONObject.versioned
            object.set("next", raw: "[" + texts.joined(separator: ",") + "]")
            console.print(object.text)
        case .jsonl, .name:
            for time in times { console.print(RFC3339.format(milliseconds: time)) }
        case .table, .wide:
            for time in times {
                let local = zone.map { "  \($0.local(time)) \($0.name)" } ?? ""
                console.print(RFC3339.format(milliseconds: time) + local)
            }
        }
    }
}

/// Local times of a zone.
private struct ZonedTime {
    let name: String
    private let rules: TimeZoneRules

    init(_ name: String) throws(ScheduleError) {
        self.name = name
        rules = try TimeZoneRules.named(name)
    }

    /// `2026-03-29 02:30:00 +01:00`.
    func local(_ milliseconds: Int) -> String {
        let offset = rules.offset(at: milliseconds / 1000)
        let text = RFC3339.format(milliseconds: milliseconds + offset * 1000)
        let minutes = abs(offset) / 60
        let two = { (number: Int) in (number < 10 ? "0" : "") + "\(number)" }
        let sign = offset < 0 ? "-" : "+"
        return text.prefix(10) + " " + text.dropFirst(11).prefix(8)
            + " \(sign)\(two(minutes / 60)):\(two(minutes % 60))"
    }
}
