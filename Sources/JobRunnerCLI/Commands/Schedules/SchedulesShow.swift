internal import JobRunner

/// `jobrunner schedules show`: all that is known of one schedule.
enum SchedulesShow {
    static let spec = CommandSpec(
        name: "show", aliases: ["get"], abstract: "Show a schedule and how it stands.",
        discussion: "The exit code is 1 when there is none of that name.",
        options: [OutputFormat.option], arguments: [ScheduleOptions.name]
    ) { invocation in
        try await SchedulesCommand.session(invocation) { schedules in
            let status = try await SchedulesCommand.status(
                invocation[ScheduleOptions.name], schedules)
            switch invocation[OutputFormat.option] {
            case .json, .jsonl:
                var object = JSONObject.versioned
                SchedulesList.set(status, in: &object)
                invocation.console.print(object.text)
            case .name: invocation.console.print(escaped(status.name))
            case .table, .wide:
                for (label, text) in rows(status) {
                    let gap = String(repeating: " ", count: max(1, 14 - label.count))
                    invocation.console.print(label + gap + escaped(text, limit: 2000))
                }
            }
            return .success
        }
    }

    private static func rows(_ status: ScheduleStatus) -> [(label: String, text: String)] {
        var rows = [("schedule", status.name), ("state", SchedulesList.state(of: status).text)]
        if let schedule = status.schedule {
            rows += ScheduleText.parts(schedule, isEnabled: true).filter { $0.label != "enabled" }
        }
        rows.append(("from", "\(status.source.rawValue), revision \(status.revision)"))
        let time = { (milliseconds: Int?) in milliseconds.map { RFC3339.format(milliseconds: $0) } }
        if let next = time(ScheduleText.milliseconds(status.nextDue)) {
            rows.append(("next", next))
        }
        if status.isLate { rows.append(("late", HumanText.span(status.late))) }
        if let paused = time(ScheduleText.milliseconds(status.pausedSince)) {
            rows.append(("paused since", paused))
            if !status.pauseReason.isEmpty { rows.append(("reason", status.pauseReason)) }
        }
        if let last = time(ScheduleText.milliseconds(status.lastTick)) {
            rows.append(("last", "\(last), job \(status.queue)/\(status.lastJob ?? "?")"))
        }
        let merged = status.merged > 0 ? ", \(status.merged) merged" : ""
        rows.append(
            (
                "ticks",
                "\(status.fired) fired, \(status.skipped) skipped, \(status.missed) missed\(merged)"
            ))
        if let fault = status.fault { rows.append(("fault", fault)) }
        return rows
    }
}
