internal import JobRunner

/// `jobrunner jobs forget`: drops what is kept of jobs' ends.
enum JobsForget {
    static let ids = Argument(
        "id", help: "Which jobs: queue/id, or an id alone for the queue default.", repeats: true,
        read: .handle)

    static let spec = CommandSpec(
        name: "forget", abstract: "Drop the results of jobs before they expire.",
        discussion: """
            Drops the outcome and the last progress of each, which would expire by themselves. \
            Jobs that have not ended go on, and their outcomes are kept when they end; dead jobs \
            stay dead. The exit code is 1 when nothing was kept of one of them.
            """,
        options: [OutputFormat.option], arguments: [ids], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let format = invocation[OutputFormat.option]
        var objects: [String] = []
        var isMissing = false
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            for job in invocation.all(ids) {
                let wasKept = try await session.client.forget(
                    queue: job.queue.description, id: job.id.description)
                if !wasKept { isMissing = true }
                let state = wasKept ? "forgotten" : "nothing was kept"
                switch format {
                case .json, .jsonl:
                    var object = format == .jsonl ? JSONObject.versioned : JSONObject()
                    object.set("handle", job.description)
                    object.set("state", state)
                    if format == .jsonl {
                        invocation.console.print(object.text)
                    } else {
                        objects.append(object.text)
                    }
                case .name: invocation.console.print(job.description)
                case .table, .wide: invocation.console.print("\(job) \(state)")
                }
            }
        } catch {
            throw CommandFailure(error)
        }
        if format == .json {
            var object = JSONObject.versioned
            object.set("jobs", raw: "[" + objects.joined(separator: ",") + "]")
            invocation.console.print(object.text)
        }
        return isMissing ? .no : .success
    }
}
