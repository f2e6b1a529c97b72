internal import JobRunner

extension WorkLog {
    /// One line a schedule that the worker declares, at its start.
    func note(_ schedule: String, _ queue: String, _ addition: Schedules.Addition) {
        let text =
            switch addition {
            case .added: "added"
            case .changed: "changed"
            case .unchanged: "left as it was"
            @unknown default: addition.rawValue
            }
        write(
            .info, "schedule", text,
            [("schedule", .text(schedule)), ("queue", .text(queue))])
    }

    /// One line a tick.
    func note(_ event: ScheduleEvent) {
        var fields: [(String, LogLine.Value)] = [
            ("schedule", .text(event.schedule)), ("queue", .text(event.queue)),
        ]
        if !event.id.isEmpty { fields.append(("id", .text(event.id))) }
        if event.what != .unusable {
            fields.append(("late_ms", .number(event.late.milliseconds)))
        }
        if event.merged > 0 { fields.append(("merged", .number(event.merged))) }
        if event.missed > 0 { fields.append(("missed", .number(event.missed))) }
        switch event.what {
        case .fired: write(.info, "tick", "enqueued", fields)
        case .skipped:
            write(.warning, "tick", "skipped: the job of an earlier tick is not done", fields)
        case .waiting: write(.info, "tick", "waits: the job of an earlier tick is not done", fields)
        case .missed: write(.warning, "tick", "missed: no process ran at the time", fields)
        case .unusable: write(.error, "tick", event.reason, fields)
        }
    }
}
