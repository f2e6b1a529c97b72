internal import FoundationEssentials
internal import JobRunner

/// `jobrunner queues list` and `jobrunner queues show`.
enum QueuesList {
    static let list = CommandSpec(
        name: "list", aliases: ["ls"], abstract: "List the queues that were ever used.",
        discussion: """
            BLOCKED are jobs that wait aside: for a place under a limit, or because their kind is \
            paused. RATE is the queue's own limit; 'limits list' has those of kinds of jobs.
            """,
        options: [OutputFormat.option]
    ) { invocation in
        let stats = try await read(invocation, nil)
        Listing<QueueStats>(
            "queues", none: "no queues yet", columns: columns,
            name: { escaped($0.name, limit: nil) }, row: row,
            json: { queue, _ in StatsJSON.queue(queue).text }
        ).show(stats, invocation)
        return .success
    }

    static let show = CommandSpec(
        name: "show", aliases: ["get"], abstract: "Show what is known of a queue.",
        options: [OutputFormat.option], arguments: [QueuesCommand.queue]
    ) { invocation in
        let name = invocation[QueuesCommand.queue]
        guard let queue = try await read(invocation, [name]).first else { return .no }
        switch invocation[OutputFormat.option] {
        case .name: invocation.console.print(queue.name)
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("queue", raw: StatsJSON.queue(queue).text)
            invocation.console.print(object.text)
        case .table, .wide:
            for (label, text) in rows(queue) {
                let gap = String(repeating: " ", count: max(1, 11 - label.count))
                invocation.console.print(label + gap + text)
            }
        }
        return .success
    }

    /// - Throws: `CommandFailure`; of one that was named also for what of it cannot be read.
    private static func read(
        _ invocation: Invocation, _ names: [String]?
    ) async throws -> [QueueStats] {
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            let queues = try await session.client.stats(queues: names).queues
            if names != nil, let unknown = queues.first(where: { !$0.isKnown && $0.faults.isEmpty })
            {
                try await QueuesCommand.check([unknown.name], session.client)
            }
            if names != nil, let fault = queues.lazy.compactMap(\.faults.first).first {
                throw CommandFailure(fault, exit: .configuration)
            }
            return queues
        } catch let error as ForeignKey {
            throw CommandFailure(error.description, exit: .configuration)
        } catch {
            throw CommandFailure(error)
        }
    }

    private static let columns = [
        TextTable.Column(title: "QUEUE", isRight: false, least: 12),
        TextTable.Column(title: "READY"),
        TextTable.Column(title: "SCHED", rank: 3),
        TextTable.Column(title: "ACTIVE", rank: 1),
        TextTable.Column(title: "BLOCKED", rank: 5),
        TextTable.Column(title: "DEAD", rank: 2),
        TextTable.Column(title: "WORKERS", rank: 4),
        TextTable.Column(title: "RATE", isRight: false, rank: 6),
        TextTable.Column(title: "STATE", isRight: false, least: 12),
    ]

    private static func row(_ queue: QueueStats) -> [TextTable.Cell] {
        let count = { (count: Int) in TextTable.Cell(HumanText.count(count)) }
        let isOdd = queue.isPaused || !queue.muted.isEmpty || !queue.faults.isEmpty
        return [
            TextTable.Cell(escaped(queue.name)), count(queue.ready), count(queue.scheduled),
            count(queue.active), count(queue.blocked), count(queue.dead), count(queue.workers),
            TextTable.Cell(queue.rate.map { escaped($0) } ?? "-"),
            TextTable.Cell(state(queue), isOdd ? .caution : .plain),
        ]
    }

    /// `open`, or what keeps jobs from being handed out.
    private static func state(_ queue: QueueStats) -> String {
        if let fault = queue.faults.first { return "fault: " + escaped(fault, limit: 200) }
        let pause = queue.isPaused ? [QueueText.pause(of: queue)] : []
        let muted = queue.muted.isEmpty ? [] : [QueueText.muted(of: queue)]
        return pause.isEmpty && muted.isEmpty ? "open" : (pause + muted).joined(separator: "; ")
    }

    private static func rows(_ queue: QueueStats) -> [(label: String, text: String)] {
        var rows = [
            ("queue", queue.name), ("state", state(queue)),
            ("ready", HumanText.count(queue.ready)),
            ("scheduled", HumanText.count(queue.scheduled)),
            ("active", HumanText.count(queue.active)),
            ("blocked", HumanText.count(queue.blocked)),
            ("parked", HumanText.count(queue.parked)), ("dead", HumanText.count(queue.dead)),
            ("workers", HumanText.count(queue.workers)),
        ]
        if let rate = queue.rate { rows.append(("rate", escaped(rate))) }
        if let age = queue.oldestAge { rows.append(("oldest", HumanText.span(age))) }
        if queue.recent.deferred > 0 {
            rows.append(("deferred", "\(HumanText.count(queue.recent.deferred)) times in 15m"))
        }
        if queue.recent.refused + queue.recent.replaced > 0 {
            let refused = HumanText.count(queue.recent.refused)
            let replaced = HumanText.count(queue.recent.replaced)
            rows.append(("unique", "\(refused) refused, \(replaced) replaced in 15m"))
        }
        return rows
    }
}

/// What is told of a queue's pauses, in one place.
enum QueueText {
    /// `paused since 2026-01-31T12:00:00Z until 2026-01-31T12:30:00Z: the server is down`.
    static func pause(of queue: QueueStats) -> String {
        let until = queue.pausedUntil.map { date in
            let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded())
            return " until " + RFC3339.format(milliseconds: milliseconds)
        }
        let reason = queue.pauseReason.map { ": " + escaped($0, limit: 250) }
        let since = queue.pausedSince.map { date in
            let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded())
            return " since " + RFC3339.format(milliseconds: milliseconds)
        }
        return "paused" + (since ?? "") + (until ?? "") + (reason ?? "")
    }

    /// `paused jobs: email.send (the server is down), report`.
    static func muted(of queue: QueueStats) -> String {
        let names = queue.pausedJobs.prefix(5).map { job in
            escaped(job.name) + (job.reason.map { " (\(escaped($0, limit: 250)))" } ?? "")
        }
        let more = queue.pausedJobs.count > 5 ? ", … (\(queue.pausedJobs.count))" : ""
        return "paused jobs: " + names.joined(separator: ", ") + more
    }
}
