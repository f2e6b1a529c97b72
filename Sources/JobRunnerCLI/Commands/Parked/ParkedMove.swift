internal import JobRunner

/// `jobrunner parked release` and `jobrunner parked discard`.
enum ParkedMove {
    static let release = CommandSpec(
        name: "release", abstract: "Put parked jobs back, to be fetched next.",
        discussion: """
            A worker that knows them takes parked jobs by itself; this is for jobs that another \
            program is to fetch. Where no worker knows them they are parked again. It says how \
            many there are, and asks.
            """,
        options: options, arguments: [ParkedCommand.kinds]
    ) { try await run($0, .release, "release", "released") }

    static let discard = CommandSpec(
        name: "discard", abstract: "Delete parked jobs for good.",
        discussion: "It says how many there are, and asks.",
        options: options, arguments: [ParkedCommand.kinds]
    ) { try await run($0, .discard, "discard", "discarded") }

    private static let options: [any AnyOption] = [
        ParkedCommand.queues, ParkedCommand.all, Confirmation.yes, OutputFormat.option,
    ]

    private static func run(
        _ invocation: Invocation, _ move: Unparking, _ verb: String, _ past: String
    ) async throws -> ExitCode {
        let kinds = invocation.all(ParkedCommand.kinds)
        let help = "See '\(invocation.executable) parked \(verb) --help'."
        if kinds.isEmpty, !invocation[ParkedCommand.all] {
            throw CommandFailure("which jobs? Name kinds, or say --all", hint: help)
        }
        if !kinds.isEmpty, invocation[ParkedCommand.all] {
            throw CommandFailure("--all cannot go with kinds", hint: help)
        }
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let parked = try select(
                kinds, of: try await ParkedCommand.read(invocation, session.client))
            let count = parked.reduce(0) { $0 + $1.count }
            let what = "\(verb) \(EnqueueTally.count(count, "parked job"))"
            if count > 0, try await !Confirmation.isGiven(to: what, invocation) { return .no }
            var moved = 0
            for jobs in parked {
                moved += try await session.client.unpark(
                    jobs.kind, in: jobs.queue, move, most: jobs.count)
                if invocation[OutputFormat.option] == .name {
                    invocation.console.print("\(jobs.queue)/\(jobs.kind)")
                }
            }
            show(moved, past, invocation)
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func select(
        _ texts: [String], of parked: [ParkedJobs]
    ) throws(CommandFailure) -> [ParkedJobs] {
        for text in texts where !parked.contains(where: { matches(text, $0.kind) }) {
            throw CommandFailure("no parked jobs of '\(escaped(text))'", exit: .no)
        }
        return parked.filter { jobs in
            texts.isEmpty || texts.contains { matches($0, jobs.kind) }
        }
    }

    private static func matches(_ text: String, _ kind: JobKind) -> Bool {
        text == kind.name || text == kind.description
    }

    private static func show(_ moved: Int, _ past: String, _ invocation: Invocation) {
        switch invocation[OutputFormat.option] {
        case .name: break
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set(past, moved)
            invocation.console.print(object.text)
        case .table, .wide:
            invocation.console.print(
                moved == 0 ? "0 jobs" : "\(past) \(EnqueueTally.count(moved, "job"))")
        }
    }
}
