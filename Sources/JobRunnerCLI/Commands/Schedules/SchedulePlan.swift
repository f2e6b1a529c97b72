internal import JobRunner

/// What is to be done so that Redis has the schedules of a file.
///
/// Nothing is removed that was not named: what the file does not have may be code's, or another
/// file's.
struct SchedulePlan: Sendable {
    enum Step: Sendable {
        case add(ScheduleFile.Entry)
        /// Each part that differs: from what, to what.
        case change(ScheduleFile.Entry, [(label: String, from: String, to: String)])
        case remove(name: String, text: String)

        var name: String {
            switch self {
            case .add(let entry), .change(let entry, _): entry.schedule.name
            case .remove(let name, _): name
            }
        }
    }

    private(set) var steps: [Step] = []
    /// In Redis and not in the file, and not to be removed.
    private(set) var others: [String] = []

    /// - Throws: `CommandFailure` with exit code 64 for a name to remove that the file has, or
    ///   that there is not.
    init(
        _ file: ScheduleFile, _ found: [ScheduleStatus], prune: [String]
    ) throws(CommandFailure) {
        for entry in file.entries {
            let name = entry.schedule.name
            if prune.contains(name) {
                throw CommandFailure("--prune \(escaped(name)): the file has it")
            }
            // One that is being moved is in two queues: the right one decides.
            let same = found.filter { $0.name == name }
            let status = same.first { $0.queue == entry.schedule.queue } ?? same.first
            guard let status else {
                steps.append(.add(entry))
                continue
            }
            let differences = Self.differences(status, entry)
            if !differences.isEmpty { steps.append(.change(entry, differences)) }
        }
        let named = Set(file.entries.map(\.schedule.name))
        for status in found where !named.contains(status.name) {
            if prune.contains(status.name) {
                let text = status.schedule.map { ScheduleText.timing($0) } ?? "unreadable"
                steps.append(.remove(name: status.name, text: text))
            } else {
                others.append(status.name)
            }
        }
        for name in prune where !found.contains(where: { $0.name == name }) {
            throw CommandFailure("--prune \(escaped(name)): there is no such schedule")
        }
    }

    /// Each part that differs.
    static func differences(
        _ status: ScheduleStatus, _ entry: ScheduleFile.Entry
    ) -> [(label: String, from: String, to: String)] {
        guard let schedule = status.schedule else { return [("definition", "unreadable", "new")] }
        // A pause of an operator's is not the file's business.
        let isDisabled = status.pausedSince != nil && status.pauseReason == Schedules.disabledReason
        let isPaused = status.pausedSince != nil
        let isEnabled = isDisabled ? false : isPaused ? entry.isEnabled : true
        let old = ScheduleText.parts(schedule, isEnabled: isEnabled)
        let new = ScheduleText.parts(entry.schedule, isEnabled: entry.isEnabled)
        var differences: [(label: String, from: String, to: String)] = []
        for label in (new + old).map(\.label)
        where !differences.contains(where: { $0.label == label }) {
            let from = old.first { $0.label == label }?.text ?? "none"
            let to = new.first { $0.label == label }?.text ?? "none"
            if from != to { differences.append((label, from, to)) }
        }
        return differences
    }

    // MARK: Text

    /// `+ name …`, `~ name …`, `- name …`, and what is left alone.
    var lines: [String] {
        var lines = steps.map { step in
            switch step {
            case .add(let entry):
                let schedule = entry.schedule
                let state = entry.isEnabled ? "" : ", disabled"
                let told: Set = ["times", "job", "queue", "enabled"]
                let parts = ScheduleText.parts(schedule, isEnabled: entry.isEnabled)
                    .filter { !told.contains($0.label) }.map { "\($0.label) \($0.text)" }
                return "+ \(schedule.name): \(ScheduleText.timing(schedule)), job \(schedule.job) "
                    + "in \(schedule.queue), \(parts.joined(separator: ", "))\(state)"
            case .change(let entry, let differences):
                let parts = differences.map { "\($0.label) \($0.from) -> \($0.to)" }
                return "~ \(entry.schedule.name): " + parts.joined(separator: ", ")
            case .remove(let name, let text): return "- \(name): \(text)"
            }
        }
        if steps.isEmpty { lines.append("no difference") }
        if !others.isEmpty {
            let names = others.prefix(5).joined(separator: ", ")
            let more = others.count > 5 ? " and \(others.count - 5) more" : ""
            lines.append("not in the file, left alone: \(names)\(more)")
        }
        return lines.map { escaped($0, limit: 1000) }
    }

    /// `add 1 schedule, change 2 and remove 0`.
    var verb: String {
        var counts = (add: 0, change: 0, remove: 0)
        for step in steps {
            switch step {
            case .add: counts.add += 1
            case .change: counts.change += 1
            case .remove: counts.remove += 1
            }
        }
        let added = EnqueueTally.count(counts.add, "schedule")
        return "add \(added), change \(counts.change) and remove \(counts.remove)"
    }

    // MARK: Effect

    /// Does it, step by step; may be repeated.
    func apply(_ schedules: Schedules) async throws {
        for step in steps {
            switch step {
            case .add(let entry), .change(let entry, _):
                _ = try await schedules.put(entry.schedule, source: .file)
                try await schedules.enable(entry.schedule.name, entry.isEnabled)
            case .remove(let name, _): try await schedules.remove(name)
            }
        }
    }
}
