internal import JobRunner

/// `jobrunner jobs pause` and `jobrunner jobs resume`: one kind of jobs.
enum JobsPause {
    static let name = Argument("name", help: "The job's name.", read: .name)
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_PAUSE_QUEUES", default: nil, placeholder: "NAME",
        help: "Only in this queue; in all that were ever used when none is named.",
        repeats: true, read: .name)

    static let pause = CommandSpec(
        name: "pause", abstract: "Stop starting jobs of one name.",
        discussion: """
            What runs goes on, other jobs of the queues go on, and such jobs may still be enqueued: \
            workers put them aside, their attempts unspent, until 'jobs resume'. A queue that is \
            used for the first time after that is not paused. A name that no worker has is paused \
            all the same, and told. A pause of a paused name sets its reason anew.
            """,
        options: [queues, QueuesPause.reason, OutputFormat.option], arguments: [name]
    ) { try await run($0, isPause: true) }

    static let resume = CommandSpec(
        name: "resume", abstract: "Start jobs of one name again.",
        discussion: """
            Those that were put aside come back within seconds, before others. The exit code is 0 \
            also where they were not paused.
            """,
        options: [queues, OutputFormat.option], arguments: [name]
    ) { try await run($0, isPause: false) }

    private static func run(_ invocation: Invocation, isPause: Bool) async throws -> ExitCode {
        let job = invocation[name]
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let client = session.client
            var names = Set(invocation.all(queues)).sorted()
            try await QueuesCommand.check(names, client)
            if names.isEmpty { names = try await client.queueNames() }
            guard !names.isEmpty else {
                throw CommandFailure("no queue has ever been used", exit: .no)
            }
            if isPause { await notice(job, names, invocation, client) }
            for queue in names {
                let changed =
                    isPause
                    ? try await client.pause(
                        job: job, in: queue, reason: invocation[QueuesPause.reason])
                    : try await client.resume(job: job, in: queue)
                show(job, queue, isPause, isNew: !changed.isEmpty, invocation)
            }
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    /// A name that nobody knows may be of the next deploy; more often it is mistyped.
    private static func notice(
        _ job: String, _ queues: [String], _ invocation: Invocation, _ client: JobClient
    ) async {
        guard let known = try? await client.stats(queues: queues).jobs.map(\.name),
            !known.contains(job)
        else { return }
        let near = Suggestion.nearest(to: job, among: known)
        let question = near.map { "; did you mean '\(escaped($0))'?" } ?? ""
        invocation.console.note("no worker of these queues has a job '\(job)'\(question)")
    }

    private static func show(
        _ job: String, _ queue: String, _ isPause: Bool, isNew: Bool, _ invocation: Invocation
    ) {
        switch invocation[OutputFormat.option] {
        case .name: invocation.console.print("\(queue)/\(job)")
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("job", job)
            object.set("queue", queue)
            object.set("paused", isPause)
            object.set("changed", isNew)
            invocation.console.print(object.text)
        case .table, .wide:
            let text =
                switch (isPause, isNew) {
                case (true, true): "paused"
                case (true, false): "was paused"
                case (false, true): "goes on"
                case (false, false): "was not paused"
                }
            invocation.console.print("\(job) \(text) in \(queue)")
        }
    }
}
