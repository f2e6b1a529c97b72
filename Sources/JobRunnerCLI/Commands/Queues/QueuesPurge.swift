internal import JobRunner

/// `jobrunner queues purge`: deletes the jobs that wait.
enum QueuesPurge {
    static let scheduled = Flag(
        "scheduled", env: "JOBRUNNER_PURGE_SCHEDULED",
        help: "Those that wait for a time as well: delayed ones, retries.")
    static let onlyScheduled = Flag(
        "only-scheduled", env: "JOBRUNNER_PURGE_ONLY_SCHEDULED",
        help: "Those that wait for a time, and no others.")

    static let spec = CommandSpec(
        name: "purge", abstract: "Delete the jobs that wait in a queue, for good.",
        discussion: """
            It says how many there are, and asks. Not more than those are deleted; what runs, what \
            is parked and what is dead is not touched. The unique keys of what it deletes are free \
            again, and who waits for one hears that it was cancelled; their ids are still remembered, and accepted again when that is over. \
            'queues pause' first makes sure that no worker takes them meanwhile.
            """,
        options: [scheduled, onlyScheduled, Confirmation.yes, OutputFormat.option],
        arguments: [QueuesCommand.queue], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        if invocation[scheduled], invocation[onlyScheduled] {
            throw CommandFailure("--scheduled and --only-scheduled cannot go together")
        }
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let queue = invocation[QueuesCommand.queue]
            try await QueuesCommand.check([queue], session.client)
            var most = try await session.client.waiting(in: queue)
            if invocation[onlyScheduled] { most.ready = 0 }
            if !invocation[scheduled], !invocation[onlyScheduled] { most.scheduled = 0 }
            let what = "delete \(text(most)) of queue '\(queue)'"
            if most != Purged(), try await !Confirmation.isGiven(to: what, invocation) {
                return .no
            }
            show(queue, try await session.client.purge(queue: queue, upTo: most), invocation)
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    /// `12 ready jobs and 3 scheduled jobs`; what is none is left out.
    private static func text(_ counts: Purged) -> String {
        var parts: [String] = []
        if counts.ready > 0 || counts.scheduled == 0 {
            parts.append(EnqueueTally.count(counts.ready, "ready job"))
        }
        if counts.scheduled > 0 {
            parts.append(EnqueueTally.count(counts.scheduled, "scheduled job"))
        }
        return parts.joined(separator: " and ")
    }

    private static func show(_ queue: String, _ removed: Purged, _ invocation: Invocation) {
        switch invocation[OutputFormat.option] {
        case .name: invocation.console.print(queue)
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("queue", queue)
            object.set("ready", removed.ready)
            object.set("scheduled", removed.scheduled)
            invocation.console.print(object.text)
        case .table, .wide: invocation.console.print("deleted \(text(removed))")
        }
    }
}
