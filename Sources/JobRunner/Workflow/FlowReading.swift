internal import FoundationEssentials
internal import RedisLink

/// What a step's entry says: `<letter> <by> <at> <since>`.
///
/// The letter alone is what its workflow was opened with; a `since` of 0 is when that was; one that
/// never started has none.
struct FlowState: Sendable, Equatable {
    /// The text itself.
    let text: String
    let letter: Character
    /// The step that set it off or ended it; `*` is the workflow's opener.
    let by: String
    /// Ms since 1970.
    let at: Int
    let setOffAt: Int?

    /// - Parameter opened: When its workflow was, ms since 1970.
    init?(_ text: String, opened: Int) {
        let parts = text.split(separator: " ")
        guard let first = parts.first, first.count == 1, let letter = first.first else {
            return nil
        }
        self.text = text
        self.letter = letter
        by = parts.count > 1 ? String(parts[1]) : "*"
        at = parts.count > 2 ? Int(parts[2]) ?? opened : opened
        let since = parts.count > 3 ? Int(parts[3]) : nil
        setOffAt = letter == "f" ? at : since == 0 ? opened : since
    }

    /// Nil for a letter of a later version.
    var state: WorkflowStatus.Step.State? {
        switch letter {
        case "f": .enqueued
        case "d": .done
        case "x": .dead
        case "g": .discarded
        case "e": .expired
        case "c": .cancelled
        case "s": .skipped
        default: nil
        }
    }
}

/// The hash of a workflow, as far as it is shown.
struct FlowHead: Sendable {
    static let fields = [
        "name", "opened", "ended", "state", "round", "gates", "plan", "steps", "begun",
    ]

    let name: String
    let opened: Int
    let ended: Int?
    let state: WorkflowStatus.State
    let round: Int
    /// Steps that wait for a set of others.
    let gates: Set<Int>
    /// JSON of the chart; empty when it was not asked for.
    let plan: [UInt8]
    let steps: Int
    /// What starts at once was enqueued when it was opened, and is not to be enqueued again.
    let isBegun: Bool

    /// - Parameter reply: Of HMGET with `fields`.
    /// - Returns: Nil when there is no such workflow (any more).
    init?(_ reply: RedisValue) {
        guard let values = reply.array, values.count == Self.fields.count,
            let opened = values[1].text.flatMap({ Int($0) })
        else { return nil }
        name = values[0].text ?? ""
        self.opened = opened
        ended = values[2].text.flatMap { Int($0) }
        state = values[3].text.flatMap { WorkflowStatus.State(rawValue: $0) } ?? .running
        round = values[4].text.flatMap { Int($0) } ?? 1
        gates = Set((values[5].text ?? "").split(separator: " ").compactMap { Int($0) })
        plan = values[6].bytes ?? []
        steps = values[7].text.flatMap { Int($0) } ?? 0
        isBegun = values[8].text == "1"
    }

    var chart: FlowChart? { try? JSONDecoder().decode(FlowChart.self, from: Data(plan)) }
}

extension WorkflowStatus {
    init(
        queue: String, id: String, _ head: FlowHead, _ chart: FlowChart, states: [FlowState?],
        failures: [Int: WorkflowFailure], members: Members?, now: Int
    ) {
        self.queue = queue
        self.id = id
        name = head.name
        state = head.state
        openedAt = head.opened
        endedAt = head.ended
        round = head.round
        root = chart.root
        self.members = members
        readAt = now
        steps = zip(chart.steps.indices, zip(chart.steps, states)).map { number, step in
            Step(number, step.0, step.1, failures[number], isOver: head.ended != nil)
        }
    }
}

extension WorkflowStatus.Step {
    /// - Parameter isOver: The workflow has ended: what did not start never will.
    init(
        _ number: Int, _ step: FlowChart.Step, _ entry: FlowState?, _ failure: WorkflowFailure?,
        isOver: Bool
    ) {
        self.number = number
        label = step.label
        job = step.job
        queue = step.queue
        needs = step.needs
        members = step.members ?? []
        first = step.first
        after = step.after
        onFailureOf = step.onFailureOf
        hook = step.hook
        state = entry?.state ?? (isOver ? .skipped : .waiting)
        enqueuedAt = entry?.setOffAt
        endedAt = entry.flatMap { $0.letter == "f" ? nil : $0.at }
        self.failure = failure
    }
}
