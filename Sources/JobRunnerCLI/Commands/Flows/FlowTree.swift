internal import JobRunner

/// A workflow as lines for people: a head, a tree of its steps, what went wrong.
struct FlowTree {
    let flow: WorkflowStatus

    init(_ flow: WorkflowStatus) { self.flow = flow }

    static let columns = [
        TextTable.Column(title: "STEP", isRight: false, least: 24),
        TextTable.Column(title: "STATE", isRight: false),
        TextTable.Column(title: "TOOK", rank: 2),
        TextTable.Column(title: "WAITS FOR", isRight: false, rank: 1, least: 12),
    ]

    // MARK: Head

    var head: [(label: String, text: String)] {
        var rows = [("workflow", flow.handle)]
        if !flow.name.isEmpty { rows.append(("name", escaped(flow.name, limit: 100))) }
        rows.append(
            ("state", flow.state.rawValue + (flow.round > 1 ? ", round \(flow.round)" : "")))
        rows.append(("started", RFC3339.format(milliseconds: flow.openedAt)))
        if let ended = flow.endedAt {
            rows.append(("ended", RFC3339.format(milliseconds: ended)))
            rows.append(("took", Self.span(ended - flow.openedAt)))
        } else {
            rows.append(("running", "for \(Self.span(flow.readAt - flow.openedAt))"))
        }
        if let members = flow.members { rows.append(("members", Self.text(of: members))) }
        return rows
    }

    private static func span(_ milliseconds: Int) -> String {
        HumanText.span(.milliseconds(max(0, milliseconds)))
    }

    private static func text(of members: WorkflowStatus.Members) -> String {
        let ended = members.ended.sorted { $0.key.rawValue < $1.key.rawValue }
        let parts =
            ["\(grouped(members.open)) open"]
            + ended.map { "\(grouped($0.value)) \($0.key.rawValue)" }
        return parts.joined(separator: ", ") + (members.isComplete ? "" : " and more")
    }

    // MARK: Steps

    var rows: [[TextTable.Cell]] {
        rows(of: level(in: flow.steps.indices), margin: "", isTop: true)
    }

    /// The steps of a range that are in no group of it, each with what is in it.
    private func level(in range: Range<Int>) -> [(step: Int, inner: Range<Int>)] {
        var found: [(step: Int, inner: Range<Int>)] = []
        var end = range.upperBound
        while end > range.lowerBound {
            let step = end - 1
            // Numbers of a group's steps have no gaps, and end right below its own.
            let first = max(range.lowerBound, min(flow.steps[step].first ?? step, step))
            found.append((step, first..<step))
            end = first
        }
        return found.reversed()
    }

    private func rows(
        of level: [(step: Int, inner: Range<Int>)], margin: String, isTop: Bool
    ) -> [[TextTable.Cell]] {
        var rows: [[TextTable.Cell]] = []
        for (index, entry) in level.enumerated() {
            let isLast = index == level.count - 1
            let branch = isTop ? "" : isLast ? "└─ " : "├─ "
            let below = isTop ? "" : isLast ? "   " : "│  "
            rows.append(row(flow.steps[entry.step], margin + branch))
            rows += self.rows(
                of: self.level(in: entry.inner), margin: margin + below, isTop: false)
        }
        return rows
    }

    private func row(_ step: WorkflowStatus.Step, _ margin: String) -> [TextTable.Cell] {
        var took = "-"
        if let start = step.enqueuedAt { took = Self.span((step.endedAt ?? flow.readAt) - start) }
        return [
            TextTable.Cell("\(margin)\(step.number) \(step.title(in: flow.queue))"),
            TextTable.Cell(step.state.rawValue, step.state.tone), TextTable.Cell(took),
            TextTable.Cell(Self.waits(of: step)),
        ]
    }

    private static func waits(of step: WorkflowStatus.Step) -> String {
        if let end = step.onFailureOf { return "if \(end) fails" }
        switch step.hook {
        case "success": return "all done"
        case "completion": return "all ended"
        case "death": return "the first dead"
        default: return step.after.map { "\($0)" }.joined(separator: ", ")
        }
    }

    // MARK: Failures

    var failures: [String] {
        var lines: [String] = []
        for step in flow.steps {
            guard let failure = step.failure else { continue }
            lines.append("\(step.number) \(escaped(step.label)): \(Self.text(of: failure))")
        }
        for failure in flow.members?.failures ?? [] {
            lines.append(
                "\(escaped(failure.step)) \(escaped(failure.job)): \(Self.text(of: failure))")
        }
        return lines
    }

    private static func text(of failure: WorkflowFailure) -> String {
        // The worker escaped the text when it kept it: its backslashes are meant.
        "\(escaped(failure.type)): \(escaped(failure.message, limit: 500))"
    }
}

extension WorkflowStatus.Step {
    /// What stands for it in a drawing: its label, and what else is to be known of its job.
    ///
    /// - Parameter home: The workflow's queue, which is not said again.
    func title(in home: String) -> String {
        guard let job else {
            switch needs {
            case "all", "each": return "\(needs ?? "") of \(members.count)"
            case "one": return "result of \(members.first ?? 0)"
            case "many": return "batch"
            default: return "\(needs ?? "") of \(members.count)"
            }
        }
        var parts: [String] = []
        if job != label { parts.append(escaped(job)) }
        if let queue, queue != home { parts.append("in " + escaped(queue)) }
        return escaped(label) + (parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))")
    }
}

extension WorkflowStatus.Step.State {
    var tone: TextTable.Tone {
        switch self {
        case .dead, .discarded, .expired: .bad
        case .cancelled, .skipped: .caution
        default: .plain
        }
    }
}
