internal import JobRunner

/// `jobrunner jobs get`: what is known of one job, by keys of its own.
enum JobsGet {
    static let id = Argument(
        "id", help: "Which job: queue/id, or an id alone for the queue default.", read: .handle)
    /// Longest value in a table, bytes; JSON has it whole.
    private static let longestValue = 2048

    static let spec = CommandSpec(
        name: "get", aliases: ["show"], abstract: "Show what is known of a job.",
        discussion: """
            Asks only for keys that carry the job's id, so it costs the same however long the \
            queue is. Before a job ends it is 'accepted' for as long as its id is remembered, \
            'started' once it reported progress, and 'cancelling' when it was cancelled; after \
            that, and after its outcome has expired, it is 'unknown or expired' and the exit code \
            is 1.
            """,
        options: [OutputFormat.option], arguments: [id], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let job = invocation[id]
        let traces: JobTraces
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            traces = try await session.client.traces(
                queue: job.queue.description, id: job.id.description)
        } catch {
            throw CommandFailure(error)
        }
        switch invocation[OutputFormat.option] {
        case .json, .jsonl: invocation.console.print(object(job, traces).text)
        case .name: invocation.console.print(job.description)
        case .table, .wide:
            for (label, text) in rows(job, traces) {
                let gap = String(repeating: " ", count: max(1, 10 - label.count))
                invocation.console.print(label + gap + text)
            }
        }
        return traces.isEmpty ? .no : .success
    }

    private static func rows(
        _ job: JobHandleID, _ traces: JobTraces
    ) -> [(label: String, text: String)] {
        var rows = [("job", job.description), ("state", traces.state)]
        if let outcome = traces.outcome {
            rows.append(("attempt", "\(outcome.attempt)"))
            rows.append(("started", RFC3339.format(milliseconds: outcome.startedAt)))
            rows.append(("finished", RFC3339.format(milliseconds: outcome.finishedAt)))
            let taken = outcome.finishedAt - outcome.startedAt
            rows.append(("duration", DurationText.format(.milliseconds(taken))))
            if outcome.state == .done { rows.append(("value", cut(outcome.shownValue))) }
            if let failure = outcome.failure {
                rows.append(
                    ("error", escaped("\(failure.type): \(failure.message)", limit: 700)))
            }
        }
        if let left = traces.outcomeLeft {
            let seconds = Duration.seconds(left.components.seconds)
            rows.append(("kept", "for \(DurationText.format(seconds)) more"))
        }
        if let progress = traces.progress {
            let percent = Int(min(max(progress.progress, 0), 1) * 100)
            let message =
                progress.message.isEmpty ? "" : ", " + escaped(progress.message, limit: 250)
            let time = RFC3339.format(milliseconds: progress.at)
            rows.append(("progress", "\(percent)%\(message), at \(time)"))
        }
        if traces.isSeen { rows.append(("accepted", "yes, its id is remembered")) }
        if traces.isCancelled { rows.append(("cancelled", "marked, not to start or to go on")) }
        if traces.crashes > 0 {
            rows.append(("crashes", "lost with \(EnqueueTally.count(traces.crashes, "worker"))"))
        }
        return rows
    }

    private static func object(_ job: JobHandleID, _ traces: JobTraces) -> JSONObject {
        var object = JSONObject.versioned
        object.set("handle", job.description)
        object.set("queue", job.queue.description)
        object.set("id", job.id.description)
        if let outcome = traces.outcome {
            object.set(outcome)
        } else {
            object.set("state", traces.state)
        }
        object.set("outcome_expires_in_ms", traces.outcomeLeft?.milliseconds)
        if let progress = traces.progress {
            var report = JSONObject()
            report.set("fraction", raw: "\(progress.progress.isFinite ? progress.progress : 0)")
            report.set("message", progress.message)
            report.set("at", time: progress.at)
            object.set("progress", raw: report.text)
        }
        object.set("accepted", traces.isSeen)
        object.set("cancelled", traces.isCancelled)
        object.set("crashes", traces.crashes)
        return object
    }

    private static func cut(_ value: String) -> String {
        guard value.utf8.count > longestValue else { return value }
        var end = value.utf8.index(value.startIndex, offsetBy: longestValue)
        while end.samePosition(in: value.unicodeScalars) == nil {
            value.utf8.formIndex(before: &end)
        }
        return value[..<end] + "… (\(grouped(value.utf8.count)) bytes; -o json shows all)"
    }
}
