internal import FoundationEssentials
internal import JobRunner

/// `jobrunner.schedule.json`: the schedules that somebody wants there to be.
///
/// An array of objects, in `Schedules.md`. Whatever is wrong with one is an error that names the
/// file, the entry and the key: half a file is never applied.
struct ScheduleFile: Sendable {
    struct Entry: Sendable {
        var schedule: Schedule
        /// False: it is to be paused.
        var isEnabled = true
    }

    let entries: [Entry]

    /// - Throws: `CommandFailure` with exit code 78.
    init(path: String) throws(CommandFailure) {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw CommandFailure("cannot read '\(escaped(path))'", exit: .configuration)
        }
        try self.init([UInt8](data), name: path)
    }

    init(_ bytes: [UInt8], name: String) throws(CommandFailure) {
        let rows: [[JSONTable.Member]]
        do throws(EnvelopeError) {
            rows = try JSONTable.rows(bytes)
        } catch {
            throw CommandFailure("\(escaped(name)): \(error)", exit: .configuration)
        }
        var entries: [Entry] = []
        var names = Set<String>()
        for (index, row) in rows.enumerated() {
            let entry: Entry
            do throws(ScheduleError) {
                entry = try ScheduleEntry(row).entry()
                try entry.schedule.check()
                guard names.insert(entry.schedule.name).inserted else {
                    throw ScheduleError("two entries are named '\(escaped(entry.schedule.name))'")
                }
            } catch {
                throw CommandFailure(
                    "\(escaped(name)): entry \(index + 1): \(error)", exit: .configuration)
            }
            entries.append(entry)
        }
        self.entries = entries
    }
}

/// One object of the file.
private struct ScheduleEntry {
    private static let keys = [
        "name", "every", "cron", "timeZone", "job", "args", "queue", "missed", "overlap", "offset",
        "jitter", "enabled",
    ]

    private var members: [String: JSONTable.Member] = [:]

    init(_ row: [JSONTable.Member]) throws(ScheduleError) {
        for member in row {
            guard Self.keys.contains(member.key) else {
                throw ScheduleError(
                    "key '\(escaped(member.key))' is unknown; use "
                        + Self.keys.joined(separator: ", "))
            }
            guard members.updateValue(member, forKey: member.key) == nil else {
                throw ScheduleError("key '\(member.key)' is there twice")
            }
        }
    }

    func entry() throws(ScheduleError) -> ScheduleFile.Entry {
        guard let job = try text("job") else { throw ScheduleError("key 'job' is missing") }
        var options = JobOptions()
        if let queue = try text("queue") { options.queue = queue }
        let schedule = Schedule(
            try timing(), job: job, arguments: try arguments(), options: options,
            name: try text("name"), jitter: try duration("jitter") ?? .zero, missed: try missed(),
            overlap: try overlap())
        return ScheduleFile.Entry(schedule: schedule, isEnabled: try isEnabled())
    }

    private func wrong(_ key: String, _ expected: String) -> ScheduleError {
        let json = members[key].map { String(decoding: $0.json, as: UTF8.self) } ?? ""
        return ScheduleError("key '\(key)' must be \(expected), got \(escaped(json))")
    }

    private func text(_ key: String) throws(ScheduleError) -> String? {
        guard let member = members[key] else { return nil }
        guard let text = member.text else { throw wrong(key, "text") }
        return text
    }

    private func duration(_ key: String) throws(ScheduleError) -> Duration? {
        guard let member = members[key] else { return nil }
        guard let text = member.text, let duration = DurationText.parse(text) else {
            throw wrong(key, "a duration such as \"30s\", \"5m\" or \"2h\"")
        }
        return duration
    }

    private func timing() throws(ScheduleError) -> Schedule.Timing {
        let interval = try duration("every")
        let cron = try text("cron")
        switch (interval, cron) {
        case (let interval?, nil):
            if members["timeZone"] != nil { throw ScheduleError("key 'timeZone' goes with 'cron'") }
            return .every(interval, offset: try duration("offset") ?? .zero)
        case (nil, let cron?):
            if members["offset"] != nil { throw ScheduleError("key 'offset' goes with 'every'") }
            return .cron(cron, timeZone: try text("timeZone") ?? "UTC")
        default: throw ScheduleError("one of the keys 'every' and 'cron' is needed")
        }
    }

    private func arguments() throws(ScheduleError) -> String {
        members["args"].map { String(decoding: $0.json, as: UTF8.self) } ?? "{}"
    }

    private func missed() throws(ScheduleError) -> Schedule.Missed {
        guard let member = members["missed"] else { return .once }
        let missed = ScheduleOptions.missed(member.text ?? member.number.map { "\($0)" } ?? "")
        guard let missed else { throw wrong("missed", ScheduleOptions.missedWords) }
        return missed
    }

    private func overlap() throws(ScheduleError) -> Schedule.Overlap {
        guard let member = members["overlap"] else { return .allow }
        guard let overlap = member.text.flatMap({ Schedule.Overlap(rawValue: $0) }) else {
            throw wrong("overlap", "allow, skip or queueOne")
        }
        return overlap
    }

    private func isEnabled() throws(ScheduleError) -> Bool {
        guard let member = members["enabled"] else { return true }
        guard let flag = member.flag else { throw wrong("enabled", "true or false") }
        return flag
    }
}
