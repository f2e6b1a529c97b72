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
            A job that has ended is found at once: done, dead, discarded, cancelled or expired. \
            One that has not is looked for in its queue, among up to 100,000 jobs: scheduled, \
            retrying, ready, parked, blocked or active, and 'cancelling' when it was cancelled. \
            Where that many wait before it, it is 'accepted'. One that is nowhere, though its id \
            is remembered, is 'gone': it ended and that is not kept, or it was purged. Of which \
            nothing is known is 'unknown or expired', and the exit code is 1.
            """,
        options: [OutputFormat.option], arguments: [id], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let job = invocation[id]
        let traces: JobTraces
        let status: JobStatus
        var flow: WorkflowSummary?
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            traces = try await session.client.traces(
                queue: job.queue.description, id: job.id.description)
            status = try await session.client.status(
                queue: job.queue.description, id: job.id.description, traces)
            if status.state == .unknown {
                flow = try await session.client.summary(
                    queue: job.queue.description, id: job.id.description)
            }
        } catch {
            throw CommandFailure(error)
        }
        if let flow, traces.outcome == nil {
            throw CommandFailure(
                "\(job) is a workflow, and \(flow.state.rawValue)",
                hint: "'\(invocation.executable) flows show \(job)' has its steps.", exit: .no)
        }
        switch invocation[OutputFormat.option] {
        case .json, .jsonl: invocation.console.print(object(job, traces, status).text)
        case .name: invocation.console.print(job.description)
        case .table, .wide:
            for (label, text) in rows(job, traces, status) {
                let gap = String(repeating: " ", count: max(1, 10 - label.count))
                invocation.console.print(label + gap + text)
            }
        }
        return status.state == .unknown && traces.isEmpty ? .no : .success
    }

    private static func rows(
        _ job: JobHandleID, _ traces: JobTraces, _ status: JobStatus
    ) -> [(label: String, text: String)] {
        var rows = [("job", job.description), ("state", status.word)]
        if let row = status.row { rows.append(row) }
        if let due = status.dueAt { rows.append(("due", RFC3339.format(milliseconds: due))) }
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
            let percent = Int(min(max(progress.fraction, 0), 1) * 100)
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

    private static func object(
        _ job: JobHandleID, _ traces: JobTraces, _ status: JobStatus
    ) -> JSONObject {
        var object = JSONObject.versioned
        object.set("handle", job.description)
        object.set("queue", job.queue.description)
        object.set("id", job.id.description)
        if let outcome = traces.outcome {
            object.set(outcome)
        } else {
            object.set("state", status.word)
        }
        object.set("place", status.place)
        if let due = status.dueAt { object.set("due", time: due) }
        object.set("outcome_expires_in_ms", traces.outcomeLeft?.milliseconds)
        if let progress = traces.progress {
            var report = JSONObject()
            report.set("fraction", raw: "\(progress.fraction.isFinite ? progress.fraction : 0)")
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
