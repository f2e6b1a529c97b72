internal import JobRunner

/// `jobrunner dead show`: all that is known of dead jobs, their bytes included.
enum DeadShow {
    static let ids = Argument(
        "id", help: "Which jobs: an id, a beginning that no other has, or queue/id.",
        repeats: true, read: .text)
    /// Longest job in a table, bytes; JSON has it whole.
    private static let longest = 2048

    static let spec = CommandSpec(
        name: "show", aliases: ["get"], abstract: "Show dead jobs with their errors and arguments.",
        discussion: """
            What is not JSON is shown in base 64. JSON output has the whole job, the table its \
            first 2 KiB.
            """,
        options: [DeadOptions.queues, OutputFormat.option], arguments: [ids], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let selection = try await DeadSelection(
                session.client, queues: invocation.all(DeadOptions.queues),
                ids: invocation.all(ids))
            var isFirst = true
            try await selection.forEachPage { _, jobs in
                for job in jobs {
                    show(job, isFirst: isFirst, invocation)
                    isFirst = false
                }
            }
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func show(_ dead: DeadJob, isFirst: Bool, _ invocation: Invocation) {
        let console = invocation.console
        switch invocation[OutputFormat.option] {
        case .name: console.print(escaped(dead.handle, limit: nil))
        case .json, .jsonl: console.print(object(dead).text)
        case .table, .wide:
            if !isFirst { console.print("") }
            for (label, text) in rows(dead) {
                let gap = String(repeating: " ", count: max(1, 10 - label.count))
                console.print(label + gap + text)
            }
        }
    }

    private static func rows(_ dead: DeadJob) -> [(label: String, text: String)] {
        var rows = [
            ("job", escaped(dead.handle, limit: 160)), ("name", escaped(dead.name ?? "-")),
            ("died", RFC3339.format(milliseconds: dead.diedAt)),
            ("reason", escaped(dead.reason, limit: 700)), ("worker", escaped(dead.worker)),
        ]
        if let flaw = dead.flaw { rows.append(("unreadable", escaped(flaw, limit: 300))) }
        if let state = dead.envelope?.state {
            rows.append(("attempts", "\(state.attempt)"))
            for error in state.errors {
                let time = RFC3339.format(milliseconds: Int(error.at))
                let text = escaped("\(error.type): \(error.message)", limit: 700)
                rows.append(("error", "\(time) attempt \(error.attempt): \(text)"))
            }
        }
        rows.append(("bytes", grouped(dead.size)))
        guard !dead.isCut else { return rows }
        let head = Array(dead.job.prefix(longest))
        let text =
            dead.isJSON
            ? TerminalJSON.line(head) : escaped(String(decoding: head, as: UTF8.self), limit: 2048)
        let more = dead.size > longest ? "… (-o json shows all)" : ""
        rows.append(("content", text + more))
        return rows
    }

    private static func object(_ dead: DeadJob) -> JSONObject {
        var object = JSONObject.versioned
        DeadSummary(dead).set(in: &object)
        object.set("tag", dead.tag)
        let errors = (dead.envelope?.state.errors ?? []).map { error in
            var object = JSONObject()
            object.set("type", error.type)
            object.set("message", error.message)
            object.set("attempt", error.attempt)
            object.set("worker", error.worker)
            object.set("at", time: Int(error.at))
            return object.text
        }
        object.set("errors", raw: "[" + errors.joined(separator: ",") + "]")
        if dead.isCut { return object }
        if dead.isJSON {
            object.set("content", raw: TerminalJSON.line(dead.job))
        } else {
            object.set("content_base64", dead.base64)
        }
        return object
    }
}
