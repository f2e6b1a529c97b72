internal import JobRunner

/// `jobrunner dead retry` and `jobrunner dead delete`: takes jobs out of the dead.
struct DeadTake {
    static let retry = CommandSpec(
        name: "retry", abstract: "Run dead jobs again, their attempts forgotten.",
        discussion: """
            They join the end of their queue, with all their attempts again and their last errors \
            kept; the outcome that said they were dead goes. Without ids it needs --job, --error, \
            --queue or --all, says how many there are, and asks. Jobs that died after that are \
            left alone.

            The exit code is 75 when some were left, being not readable: see --force.
            """,
        options: DeadOptions.selectors + [
            DeadOptions.force, Confirmation.yes, OutputFormat.option,
        ],
        arguments: [DeadOptions.ids]
    ) { try await run($0, .retry) }

    static let delete = CommandSpec(
        name: "delete", abstract: "Delete dead jobs for good.",
        discussion: """
            Without ids it needs --job, --error, --queue or --all, says how many there are, and \
            asks. Jobs that died after that are left alone. 'dead export' keeps them in a file.
            """,
        options: DeadOptions.selectors + [Confirmation.yes, OutputFormat.option],
        arguments: [DeadOptions.ids]
    ) { try await run($0, .delete) }

    private let invocation: Invocation
    private let client: JobClient
    private let move: DeadMove
    private let isForced: Bool
    private var selection: DeadSelection
    private var moved = 0

    private static func run(_ invocation: Invocation, _ move: DeadMove) async throws -> ExitCode {
        let ids = invocation.all(DeadOptions.ids)
        try check(invocation, ids)
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            var take = DeadTake(
                invocation: invocation, client: session.client, move: move,
                isForced: move == .delete || invocation[DeadOptions.force],
                selection: try await DeadSelection(invocation, session.client, ids: ids))
            // Who dies while we ask is not meant.
            take.selection.filter.diedUpTo = try await session.client.serverTime()
            return try await take.run()
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func check(_ invocation: Invocation, _ ids: [String]) throws(CommandFailure) {
        let help = "See '\(invocation.executable) \(invocation.command.joined(separator: " ")) "
        let isNarrow =
            !invocation.all(DeadOptions.queues).isEmpty
            || invocation.optional(DeadOptions.job) != nil
            || invocation.optional(DeadOptions.error) != nil
        if ids.isEmpty, !isNarrow, !invocation[DeadOptions.all] {
            throw CommandFailure(
                "which jobs? Name ids, or select with --job, --error, --queue or --all",
                hint: help + "--help'.")
        }
        if !ids.isEmpty, invocation[DeadOptions.all] {
            throw CommandFailure("--all cannot go with ids", hint: help + "--help'.")
        }
    }

    private mutating func run() async throws -> ExitCode {
        let (count, unreadable, cut) = try await count()
        let areNamed = selection.filter.handles != nil
        let what = "\(move.rawValue) \(EnqueueTally.count(count, "dead job"))"
        if areNamed, unreadable + cut > 0 { throw refusal(cut: cut) }
        if count > 0, !areNamed, try await !Confirmation.isGiven(to: what, invocation) {
            return .no
        }
        if count > 0 { try await takeAll(what) }
        show(left: unreadable + cut)
        return unreadable + cut > 0 ? .temporary : .success
    }

    /// How many can be moved, how many are no jobs, how many are too long to be sent back.
    private func count() async throws -> (count: Int, unreadable: Int, cut: Int) {
        var sums = (count: 0, unreadable: 0, cut: 0)
        let isForced = isForced
        try await selection.forEachPage { _, page in
            for job in page {
                if job.isCut {
                    sums.cut += 1
                } else if job.envelope == nil, !isForced {
                    sums.unreadable += 1
                } else {
                    sums.count += 1
                }
            }
        }
        return sums
    }

    private mutating func takeAll(_ what: String) async throws {
        let (client, move, isForced) = (client, move, isForced)
        let console = invocation.console
        let names = invocation[OutputFormat.option] == .name
        var sum = 0
        do {
            try await selection.forEachPage { queue, page in
                let jobs = page.filter { !$0.isCut && ($0.envelope != nil || isForced) }
                sum += try await client.move(jobs, of: queue, move)
                if names { for job in jobs { console.print(escaped(job.handle, limit: nil)) } }
            }
        } catch {
            var failure = CommandFailure(error)
            failure.hint =
                "\(grouped(sum)) are done; the same command again goes on, "
                + "and moves none of them twice."
            throw failure
        }
        moved = sum
    }

    private var past: String { move == .retry ? "retried" : "deleted" }

    private func show(left: Int) {
        let console = invocation.console
        switch invocation[OutputFormat.option] {
        case .name: break
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set(past, moved)
            object.set("left", left)
            console.print(object.text)
        case .table, .wide:
            console.print(
                moved == 0 ? "0 jobs" : "\(past) \(EnqueueTally.count(moved, "job"))")
        }
        if left > 0 {
            console.note("\(EnqueueTally.count(left, "job")) left: \(leftReason)")
        }
    }

    private var leftReason: String {
        move == .retry
            ? "not readable as jobs; --force runs them as they are" : "too long to be read here"
    }

    private func refusal(cut: Int) -> CommandFailure {
        CommandFailure(
            cut > 0 ? "a job is too long to be read here" : "a job is not readable as one",
            hint: cut > 0
                ? "Remove it with redis-cli ZREMRANGEBYSCORE, by its time of death."
                : "Look at it with 'dead show'; --force runs it as it is.",
            exit: .data)
    }

    private init(
        invocation: Invocation, client: JobClient, move: DeadMove, isForced: Bool,
        selection: DeadSelection
    ) {
        self.invocation = invocation
        self.client = client
        self.move = move
        self.isForced = isForced
        self.selection = selection
    }
}
