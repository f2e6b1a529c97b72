internal import JobRunner

/// `jobrunner dead list`: the jobs that were given up, newest first.
enum DeadList {
    /// What a screen or two hold; `--limit` and `--all` show more.
    private static let most = 100

    static let spec = CommandSpec(
        name: "list", aliases: ["ls"], abstract: "List dead jobs, newest first.",
        discussion: """
            Shows the newest 100 unless --limit or --all says otherwise. NAME is - for what is not \
            readable as a job. TRIED is how many attempts were spent.
            """,
        options: DeadOptions.selectors + [OutputFormat.option], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let selection = try await DeadSelection(invocation, session.client, ids: [])
            let most = invocation[DeadOptions.all] ? selection.limit : selection.limit ?? most
            let (jobs, hasMore) = try await newest(most, of: selection)
            let now = try await session.client.serverTime()
            show(jobs, now: now, hasMore: hasMore, invocation)
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    /// The newest of all queues together, and whether there are more.
    private static func newest(
        _ most: Int?, of selection: DeadSelection
    ) async throws -> ([DeadSummary], hasMore: Bool) {
        var found: [DeadSummary] = []
        var hasMore = false
        for queue in selection.queues {
            // One more than is shown, so as to know that there are more.
            let ofQueue = selection.only(queue, limit: most.map { $0 + 1 })
            try await ofQueue.forEachPage { _, page in
                found += page.map { DeadSummary($0) }
            }
            if let most, found.count > most {
                hasMore = true
                found = Array(sorted(found).prefix(most))
            }
        }
        return (sorted(found), hasMore)
    }

    private static func sorted(_ jobs: [DeadSummary]) -> [DeadSummary] {
        jobs.sorted { ($1.diedAt, $0.handle) < ($0.diedAt, $1.handle) }
    }

    private static func show(
        _ jobs: [DeadSummary], now: Int, hasMore: Bool, _ invocation: Invocation
    ) {
        Listing<DeadSummary>(
            "jobs", none: "no dead jobs", columns: DeadSummary.columns,
            name: { escaped($0.handle, limit: nil) }, row: { $0.row(now: now) },
            set: { $0.set(in: &$1) }
        ).show(jobs, invocation) { $0.set("more", hasMore) }
        if hasMore {
            invocation.console.note(
                "only the newest \(grouped(jobs.count)) are listed; see --limit and --all")
        }
    }
}
