internal import FoundationEssentials
internal import JobRunner

/// `jobrunner limits`: the rate and concurrency limits that kinds of jobs have in the code.
enum LimitsCommand {
    static let limit = Argument(
        "limit", help: "Which limit: its name, or that of the job whose own it is.",
        read: .limitName)

    static let spec = CommandSpec(
        name: "limits", abstract: "Look at rate and concurrency limits, change and close them.",
        subcommands: [
            list, LimitsLocks.spec, LimitsChange.set, LimitsChange.close, LimitsChange.open,
            LimitsChange.reset,
        ])

    private static let list = CommandSpec(
        name: "list", aliases: ["ls"], abstract: "List the limits that the code of workers has.",
        discussion: """
            RATE and SLOTS are what holds, with a * where an operator set it. RUNNING is how many \
            have a place; - where they are counted by an argument. A worker tells its limits when \
            it starts; a limit that no code has any more stays in the list and does nothing.
            """,
        options: [OutputFormat.option]
    ) { invocation in
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            show(try await session.client.limits(), invocation)
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func show(_ limits: [LimitStats], _ invocation: Invocation) {
        Listing<LimitStats>(
            "limits", none: "no limits", columns: LimitText.columns,
            name: { escaped($0.name, limit: nil) }, row: LimitText.row,
            json: { limit, _ in StatsJSON.limit(limit).text }
        ).show(limits, invocation)
    }
}

/// How a limit is shown to people.
enum LimitText {
    static let columns = [
        TextTable.Column(title: "LIMIT", isRight: false, least: 12),
        TextTable.Column(title: "RATE", isRight: false),
        TextTable.Column(title: "SLOTS", rank: 2),
        TextTable.Column(title: "RUNNING", rank: 3),
        TextTable.Column(title: "STATE", isRight: false, rank: 1),
        TextTable.Column(title: "JOBS", isRight: false, rank: 4, least: 10),
    ]

    static func row(_ limit: LimitStats) -> [TextTable.Cell] {
        let slots = limit.slots.map { HumanText.count($0) + (limit.setSlots == nil ? "" : "*") }
        let rate = limit.rate.map { escaped($0, limit: 200) + (limit.setRate == nil ? "" : "*") }
        let running = limit.running.map(HumanText.count)
        let isFull = limit.running.map { $0 >= limit.slots ?? .max } ?? false
        return [
            TextTable.Cell(escaped(limit.name, limit: 160)), TextTable.Cell(rate ?? "-"),
            TextTable.Cell(slots ?? "-"),
            TextTable.Cell(running ?? "-", isFull ? .caution : .plain),
            limit.closedUntil == nil ? "open" : TextTable.Cell(state(limit), .caution),
            TextTable.Cell(limit.jobs.map { escaped($0) }.joined(separator: ",")),
        ]
    }

    /// `closed until 2026-01-31T12:30:00.000Z`, or `open`.
    static func state(_ limit: LimitStats) -> String {
        guard let until = limit.closedUntil else { return "open" }
        let milliseconds = Int((until.timeIntervalSince1970 * 1000).rounded())
        return "closed until " + RFC3339.format(milliseconds: milliseconds)
    }
}

extension ValueReader where Value == String {
    /// A name, or `<name>@<host>` for one that each host has for itself.
    static var limitName: ValueReader<String> {
        ValueReader(describe: "a limit's name, or NAME@HOST") { text throws(InvalidValue) in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { throw InvalidValue() }
            for part in parts { _ = try ValueReader<String>.name.parse(String(part)) }
            return text
        }
    }
}
