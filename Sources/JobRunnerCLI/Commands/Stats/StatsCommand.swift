internal import JobRunner

/// `jobrunner stats`: what goes on, once or again and again.
enum StatsCommand {
    enum Output: String, CaseIterable, Sendable {
        case table, wide, json, name
    }

    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_STATS_QUEUES", default: nil, placeholder: "NAME",
        help: "Only this queue and its workers.", repeats: true, read: .name)
    static let output = Option(
        "output", short: "o", env: "JOBRUNNER_STATS_OUTPUT", default: Output.table,
        placeholder: "FORMAT",
        help: "table fits the terminal, wide shows all, json is a contract, name lists queues.",
        read: .choice())
    static let watch = Flag(
        "watch", short: "w", env: "JOBRUNNER_STATS_WATCH", help: "Show it again and again.")
    static let interval = Option(
        "interval", env: "JOBRUNNER_STATS_INTERVAL", default: .seconds(2),
        placeholder: "DURATION", help: "From one look of --watch to the next.",
        read: .duration(.milliseconds(200) ... .seconds(3600)))

    static let spec = CommandSpec(
        name: "stats", abstract: "Show queues, workers, kinds of jobs and limits.",
        discussion: """
            IN/s and OUT/s are jobs per second over the last minute, then over 5 and 15 minutes \
            where there is room. P50, P95, FAILED and the kinds of jobs are of the last 15 \
            minutes. OLDEST is the age of the next job to be fetched. BLOCKED are jobs that wait \
            aside, for a place under a limit or the end of a pause; STATE is limited where the \
            queue itself has a rate; DEFERRED is how often a limit or \
            a pause put one off in the last 15 minutes.

            A lapsed worker is gone or cut off; its jobs go to others when the visibility timeout \
            is over. Ctrl-C ends --watch.

            Exit codes: 0 shown, also when there is nothing to show; 69 Redis is away; 77 Redis \
            refused; 78 a key of a queue asked for by name belongs to another program.
            """,
        options: [queues, output, watch, interval]
    ) { invocation in
        let session = try await Session.open(invocation)
        defer { session.client.close() }
        let names = invocation.all(queues)
        let source: StatsWatch.Source = {
            try await read(session.client, names.isEmpty ? nil : names)
        }
        if invocation[watch] {
            let watch = StatsWatch(
                source: source, output: invocation[output], interval: invocation[interval],
                environment: invocation.environment)
            return try await watch.run()
        }
        let stats = try await source()
        let style = HelpStyle.detect(descriptor: 1, environment: invocation.environment)
        // A pipe that nobody reads any more is how `| head` ends: no error.
        _ = Screen.write(text(stats, invocation[output], style))
        return .success
    }

    /// - Throws: `CommandFailure`; what is wrong with a queue that was asked for is one too.
    private static func read(_ client: JobClient, _ names: [String]?) async throws -> Stats {
        let stats: Stats
        do {
            stats = try await client.stats(queues: names)
        } catch let error as ForeignKey {
            throw CommandFailure(error.description, exit: .configuration)
        }
        if names != nil, let fault = stats.queues.lazy.compactMap(\.faults.first).first {
            throw CommandFailure(fault, exit: .configuration)
        }
        return stats
    }

    /// What is printed, the last line's end included.
    static func text(_ stats: Stats, _ output: Output, _ style: HelpStyle, rows: Int? = nil)
        -> String
    {
        lines(stats, output, style, rows: rows).map { $0 + "\n" }.joined()
    }

    static func lines(_ stats: Stats, _ output: Output, _ style: HelpStyle, rows: Int? = nil)
        -> [String]
    {
        switch output {
        case .json: [StatsJSON.document(stats).text]
        case .name: stats.queues.map { escaped($0.name) }
        case .table, .wide:
            StatsText(
                stats: stats, width: output == .wide ? nil : style.width, rows: rows,
                isColoured: style.isColoured
            ).lines
        }
    }
}
