internal import JobRunner

/// `jobrunner parked`: jobs that wait for a worker that knows their name and version.
enum ParkedCommand {
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_PARKED_QUEUES", default: nil, placeholder: "NAME",
        help: "Only of this queue; of all when none is named.", repeats: true, read: .name)
    static let all = Flag(
        "all", env: "JOBRUNNER_PARKED_ALL", help: "All that are parked, of whatever kind.")
    static let kinds = Argument(
        "kind", help: "Which: NAME@VERSION, or a NAME for all its versions.", required: false,
        repeats: true, read: .text)

    static let spec = CommandSpec(
        name: "parked", abstract: "Look at jobs that no worker knows, release or discard them.",
        subcommands: [list, ParkedMove.release, ParkedMove.discard])

    private static let list = CommandSpec(
        name: "list", aliases: ["ls"], abstract: "List the kinds of parked jobs.",
        discussion: """
            A job whose name or version no worker of its queue knows is parked until one comes \
            that does; that one takes it by itself. WORKERS is how many live ones could: while it \
            is 0, start one, or discard the jobs.
            """,
        options: [queues, OutputFormat.option]
    ) { invocation in
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let parked = try await read(invocation, session.client)
            let now = try await session.client.serverTime()
            show(parked, now: now, invocation)
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    static func read(_ invocation: Invocation, _ client: JobClient) async throws -> [ParkedJobs] {
        let names = invocation.all(queues)
        do {
            return try await client.parked(in: names.isEmpty ? nil : names)
        } catch let error as ForeignKey {
            throw CommandFailure(error.description, exit: .configuration)
        }
    }

    private static func show(_ parked: [ParkedJobs], now: Int, _ invocation: Invocation) {
        Listing(
            "parked", none: "no parked jobs", columns: columns,
            name: { "\($0.queue)/\($0.kind)" }, row: { row($0, now: now) }, set: set
        ).show(parked, invocation)
    }

    private static func set(_ jobs: ParkedJobs, in object: inout JSONObject) {
        object.set("queue", jobs.queue)
        object.set("job", jobs.kind.name)
        object.set("job_version", jobs.kind.version)
        object.set("count", jobs.count)
        object.set("since", time: jobs.since)
        let workers = jobs.workers.map { TerminalJSON.string($0) }
        object.set("workers", raw: "[" + workers.joined(separator: ",") + "]")
    }

    private static let columns = [
        TextTable.Column(title: "QUEUE", isRight: false, least: 12),
        TextTable.Column(title: "KIND", isRight: false, least: 12),
        TextTable.Column(title: "JOBS"),
        TextTable.Column(title: "OLDEST", rank: 1),
        TextTable.Column(title: "WORKERS", rank: 2),
    ]

    private static func row(_ jobs: ParkedJobs, now: Int) -> [TextTable.Cell] {
        let age = Duration.milliseconds(max(0, now - jobs.since))
        return [
            TextTable.Cell(jobs.queue), TextTable.Cell(jobs.kind.description),
            TextTable.Cell(HumanText.count(jobs.count)), TextTable.Cell(HumanText.span(age)),
            TextTable.Cell("\(jobs.workers.count)", jobs.workers.isEmpty ? .bad : .plain),
        ]
    }
}
