internal import JobRunner

/// `jobrunner flows list`.
enum FlowsList {
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_FLOWS_QUEUES", default: nil, placeholder: "NAME",
        help: "Only those whose home is this queue; of all when none is named.", repeats: true,
        read: .name)
    static let limit = Option(
        "limit", short: "n", env: "JOBRUNNER_FLOWS_LIMIT", default: 50, placeholder: "N",
        help: "How many to show.", read: .int(1...1000))
    static let states = Option(
        "state", env: "JOBRUNNER_FLOWS_STATES", default: nil, placeholder: "STATE",
        help: "Only those in this state: running, done, dead, discarded, cancelled or expired.",
        repeats: true, read: ValueReader<WorkflowStatus.State>.choice())

    static let spec = CommandSpec(
        name: "list", aliases: ["ls"], abstract: "List workflows, the newest first.",
        discussion: """
            Those that have ended are listed for as long as they are kept, a day unless started \
            otherwise, and the last 10,000 of a queue.
            """,
        options: [queues, states, limit, OutputFormat.option]
    ) { invocation in
        try await FlowsCommand.session(invocation) { client in
            let named = Set(invocation.all(queues)).sorted()
            try await QueuesCommand.check(named, client)
            var found: [WorkflowSummary] = []
            for queue in named.isEmpty ? try await client.queueNames() : named {
                found += try await client.workflows(
                    in: queue, states: Set(invocation.all(states)), limit: invocation[limit])
            }
            found.sort { ($0.openedAt, $0.id) > ($1.openedAt, $1.id) }
            show(
                Array(found.prefix(invocation[limit])), now: try await client.serverTime(),
                invocation)
            return .success
        }
    }

    private static func show(_ found: [WorkflowSummary], now: Int, _ invocation: Invocation) {
        Listing(
            "workflows", none: "no workflows", columns: columns, name: \.handle,
            row: { row($0, now: now) }, set: set
        ).show(found, invocation)
    }

    private static func set(_ flow: WorkflowSummary, in object: inout JSONObject) {
        object.set("handle", flow.handle)
        object.set("queue", flow.queue)
        object.set("id", flow.id)
        object.set("name", flow.name)
        object.set("state", flow.state.rawValue)
        object.set("opened", time: flow.openedAt)
        object.set("ended", time: flow.endedAt)
        object.set("steps", flow.steps)
    }

    private static let columns = [
        TextTable.Column(title: "WORKFLOW", isRight: false, least: 20),
        TextTable.Column(title: "NAME", isRight: false, rank: 3, least: 8),
        TextTable.Column(title: "STATE", isRight: false),
        TextTable.Column(title: "STEPS", rank: 4),
        TextTable.Column(title: "STARTED", rank: 1),
        TextTable.Column(title: "TOOK", rank: 2),
    ]

    private static func row(_ flow: WorkflowSummary, now: Int) -> [TextTable.Cell] {
        let ago = HumanText.span(.milliseconds(max(0, now - flow.openedAt)))
        let took = flow.endedAt.map { HumanText.span(.milliseconds(max(0, $0 - flow.openedAt))) }
        return [
            TextTable.Cell(flow.handle),
            TextTable.Cell(flow.name.isEmpty ? "-" : escaped(flow.name)),
            TextTable.Cell(flow.state.rawValue, flow.state.tone),
            TextTable.Cell(HumanText.count(flow.steps)), TextTable.Cell(ago + " ago"),
            TextTable.Cell(took ?? "-"),
        ]
    }
}

extension WorkflowStatus.State {
    var tone: TextTable.Tone {
        switch self {
        case .dead, .discarded, .expired: .bad
        case .cancelled: .caution
        default: .plain
        }
    }
}
