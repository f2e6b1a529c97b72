internal import JobRunner

/// `jobrunner queues limit`: how many jobs of a queue are handed out in a time.
enum QueuesLimit {
    static let rate = Argument(
        "rate", help: "So many in a time: 1000/h, '10/s burst 20', 5/10m; none takes it away.",
        read: .text)

    static let spec = CommandSpec(
        name: "limit", abstract: "Limit how fast the jobs of a queue are handed out.",
        discussion: """
            For all workers together, whatever the jobs are called; it holds at once, and until it \
            is changed. 'limits set' is for the limits that kinds of jobs have in the code.
            """,
        options: [OutputFormat.option], arguments: [QueuesCommand.queue, rate], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let (queue, text) = (invocation[QueuesCommand.queue], invocation[rate])
        let limit =
            try text == "none"
            ? nil
            : QueuesCommand.reading { () throws(JobRunnerError) in
                try RateLimit(text)
            }
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            try await QueuesCommand.check([queue], session.client)
            try await session.client.setRate(limit, ofQueue: queue)
        } catch {
            throw CommandFailure(error)
        }
        switch invocation[OutputFormat.option] {
        case .name: invocation.console.print(queue)
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("queue", queue)
            object.set("rate", limit?.description)
            invocation.console.print(object.text)
        case .table, .wide:
            invocation.console.print(
                "\(queue) \(limit.map { "limited to \($0)" } ?? "not limited")")
        }
        return .success
    }
}
