internal import JobRunner

/// `jobrunner jobs cancel`: marks jobs as not wanted any more.
enum JobsCancel {
    static let ids = Argument(
        "id", help: "Which jobs: queue/id, or an id alone for the queue default.", repeats: true,
        read: .handle)

    static let spec = CommandSpec(
        name: "cancel", abstract: "Cancel jobs that wait or run.",
        discussion: """
            A job that waits is not started; one that runs is asked to stop within a second or \
            two. The mark is kept for a day: a job that is due later starts after all, and one that is \
            enqueued with that id meanwhile does not start. The exit code is 1 when a job had \
            ended otherwise before.
            """,
        options: [OutputFormat.option], arguments: [ids], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        var hasEnded = false
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            for job in invocation.all(ids) {
                let word = try await cancel(job, session.client)
                hasEnded = hasEnded || word.hasEnded
                show(job, word.text, invocation)
            }
        } catch {
            throw CommandFailure(error)
        }
        return hasEnded ? .no : .success
    }

    private static func cancel(
        _ job: JobHandleID, _ client: JobClient
    ) async throws -> (text: String, hasEnded: Bool) {
        let (queue, id) = (job.queue.description, job.id.description)
        if let outcome = try await client.outcome(queue: queue, id: id) {
            return ("already \(outcome.state.rawValue)", outcome.state != .cancelled)
        }
        let isKnown = try await !client.traces(queue: queue, id: id).isEmpty
        let isNew = try await client.cancel(queue: queue, id: id)
        // Ids are not remembered for long: one that nothing is known of may be a job that waits.
        if isNew, !isKnown { return ("cancelling, if there is such a job", false) }
        return (isNew ? "cancelling" : "cancelling since before", false)
    }

    private static func show(_ job: JobHandleID, _ text: String, _ invocation: Invocation) {
        switch invocation[OutputFormat.option] {
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("handle", job.description)
            object.set("state", text)
            invocation.console.print(object.text)
        case .name: invocation.console.print(job.description)
        case .table, .wide: invocation.console.print("\(job) \(text)")
        }
    }
}
