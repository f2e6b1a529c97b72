internal import JobRunner

/// `jobrunner dead export`: dead jobs as lines of JSON, which `dead import` takes back.
enum DeadExport {
    static let spec = CommandSpec(
        name: "export", abstract: "Write dead jobs as lines of JSON.",
        discussion: """
            Each line is one object: queue, died_at, reason, worker, tag, and job, or job_base64 \
            when the bytes are not JSON or would not survive on a line of text. Nothing is taken \
            out; 'dead delete' does that.
            """,
        options: [
            DeadOptions.queues, DeadOptions.job, DeadOptions.error, DeadOptions.limit,
            DeadOptions.file,
        ],
        arguments: [DeadOptions.ids], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let selection = try await DeadSelection(
                invocation, session.client, ids: invocation.all(DeadOptions.ids))
            let file = try invocation.optional(DeadOptions.file).map { try OutputFile($0) }
            let console = invocation.console
            var count = 0
            var cut = 0
            try await selection.forEachPage { _, jobs in
                var text = ""
                for job in jobs where !job.isCut { text += line(job) + "\n" }
                cut += jobs.count { $0.isCut }
                count += jobs.count { !$0.isCut }
                if let file { try file.write(text) } else { console.write(text, 1) }
            }
            try file?.finish()
            console.note("exported \(EnqueueTally.count(count, "job"))")
            guard cut > 0 else { return .success }
            console.note("\(EnqueueTally.count(cut, "job")) left: too long to be read here")
            return .temporary
        } catch {
            throw CommandFailure(error)
        }
    }

    /// One line, safe to print, which reads back to the same bytes.
    static func line(_ dead: DeadJob) -> String {
        var object = JSONObject()
        object.set("queue", dead.queue)
        object.set("died_at", time: dead.diedAt)
        object.set("reason", dead.reason)
        object.set("worker", dead.worker)
        object.set("tag", dead.tag)
        let text = TerminalJSON.line(dead.job)
        if dead.isJSON, text.utf8.elementsEqual(dead.job) {
            object.set("job", raw: text)
        } else {
            object.set("job_base64", dead.base64)
        }
        return object.text
    }
}
