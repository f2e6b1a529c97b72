internal import JobRunner

/// `jobrunner jobs cancel`: cancels jobs by their ids, or all of a name or a queue.
enum JobsCancel {
    static let ids = Argument(
        "id", help: "Which jobs: queue/id, or an id alone for the queue default.", required: false,
        repeats: true, read: .handle)
    static let job = Option(
        "job", env: "JOBRUNNER_CANCEL_JOB", default: nil, placeholder: "NAME",
        help: "All jobs of this name that wait or run.", read: .name)
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_CANCEL_QUEUES", default: nil, placeholder: "NAME",
        help: "All jobs of this queue that wait or run; with --job only those.", repeats: true,
        read: .name)

    static let spec = CommandSpec(
        name: "cancel", abstract: "Cancel jobs that wait or run.",
        discussion: """
            A job that waits for its time is taken out at once: 'cancelled'. One that waits for a \
            worker is not started when it is fetched, within 30 days, and one that runs is asked to \
            stop within a second or two: 'cancelling'. What is enqueued with that id meanwhile does \
            not start either. The exit code is 1 when a job had ended otherwise before.

            With --job or --queue it says how many there are, and asks. It reads the queue for \
            that; to empty a long one 'queues purge' is faster.
            """,
        options: [job, queues, Confirmation.yes, OutputFormat.option], arguments: [ids], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let jobs = invocation.all(ids)
        let help = "See '\(invocation.executable) jobs cancel --help'."
        let selects = invocation.optional(job) != nil || !invocation.all(queues).isEmpty
        if jobs.isEmpty, !selects {
            throw CommandFailure(
                "which jobs? Name ids, or select with --job or --queue", hint: help)
        }
        if !jobs.isEmpty, selects {
            throw CommandFailure("--job and --queue cannot go with ids", hint: help)
        }
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            return selects
                ? try await cancelSelected(invocation, session.client)
                : try await cancel(jobs, invocation, session.client)
        } catch {
            throw CommandFailure(error)
        }
    }

    // MARK: By id

    /// Ids looked for at once.
    private static let batch = 500

    private static func cancel(
        _ jobs: [JobHandleID], _ invocation: Invocation, _ client: JobClient
    ) async throws -> ExitCode {
        var words: [JobHandleID: (text: String, hasEnded: Bool)] = [:]
        var open: [String: [JobHandleID]] = [:]
        var unknown: Set<JobHandleID> = []
        for job in Set(jobs) {
            let traces = try await client.traces(
                queue: job.queue.description, id: job.id.description)
            if let state = traces.outcome?.state {
                words[job] = ("already \(state.rawValue)", state != .cancelled)
            } else {
                open[job.queue.description, default: []].append(job)
                guard traces.isEmpty else { continue }
                // Ids are not remembered for long: it may be a job that waits.
                unknown.insert(job)
                let flow = try await client.summary(
                    queue: job.queue.description, id: job.id.description)
                if let flow, flow.state == .running {
                    throw CommandFailure(
                        "\(job) is a workflow: nothing was cancelled",
                        hint: "Cancel it with '\(invocation.executable) flows cancel \(job)'.",
                        exit: .usage)
                }
            }
        }
        for (queue, jobs) in open {
            for start in stride(from: 0, to: jobs.count, by: batch) {
                let some = jobs[start..<min(jobs.count, start + batch)]
                let states = try await client.cancel(some.map(\.id.description), in: queue)
                for job in some {
                    let state = states[job.id.description] ?? .marked(isNew: true)
                    words[job] = (text(of: state, isKnown: !unknown.contains(job)), false)
                }
            }
        }
        for job in jobs { show(job, words[job]?.text ?? "", invocation) }
        return words.values.contains { $0.hasEnded } ? .no : .success
    }

    private static func text(of state: Cancellation, isKnown: Bool) -> String {
        switch state {
        case .removed: "cancelled"
        case .marked(isNew: false): "cancelling since before"
        case .marked: isKnown ? "cancelling" : "cancelling, if there is such a job"
        case .ended(let state): "already \(state.rawValue)"
        }
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

    // MARK: By name or queue

    private static func cancelSelected(
        _ invocation: Invocation, _ client: JobClient
    ) async throws -> ExitCode {
        let named = Set(invocation.all(queues)).sorted()
        try await QueuesCommand.check(named, client)
        let name = invocation.optional(job)
        var counts: [(queue: String, count: Int)] = []
        for queue in named.isEmpty ? try await client.queueNames() : named {
            counts.append((queue, try await client.countUnfinished(in: queue, job: name)))
        }
        let count = counts.reduce(0) { $0 + $1.count }
        let what = "cancel \(EnqueueTally.count(count, "job"))"
        if count > 0, try await !Confirmation.isGiven(to: what, invocation) { return .no }
        var sum = Cancelled()
        for (queue, most) in counts where most > 0 {
            let some = try await client.cancelUnfinished(in: queue, job: name, most: most)
            sum.removed += some.removed
            sum.marked += some.marked
        }
        show(sum, invocation)
        return .success
    }

    private static func show(_ sum: Cancelled, _ invocation: Invocation) {
        switch invocation[OutputFormat.option] {
        case .name: break
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("cancelled", sum.removed)
            object.set("cancelling", sum.marked)
            invocation.console.print(object.text)
        case .table, .wide:
            var parts: [String] = []
            if sum.removed > 0 { parts.append("cancelled \(grouped(sum.removed))") }
            if sum.marked > 0 { parts.append("cancelling \(grouped(sum.marked))") }
            invocation.console.print(parts.isEmpty ? "0 jobs" : parts.joined(separator: ", "))
        }
    }
}
