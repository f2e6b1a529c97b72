internal import JobRunner

/// `jobrunner jobs wait`: waits until jobs have ended.
enum JobsWait {
    static let ids = Argument(
        "id", help: "Which jobs: queue/id, or an id alone for the queue default.", repeats: true,
        read: .handle)
    static let result = Flag(
        "result", short: "r", env: "JOBRUNNER_WAIT_RESULT",
        help: "Print the results as JSON, in the order of the jobs, not their states.")
    static let any = Flag(
        "any", env: "JOBRUNNER_WAIT_ANY", help: "Wait for one of them, not for all.")

    static let spec = CommandSpec(
        name: "wait", abstract: "Wait until jobs have ended.",
        discussion: """
            Prints a line 'queue/id state' for each as it ends: done, dead, discarded, expired or \
            cancelled; of a workflow too. The exit code is 0 when all are done, 1 when one is not, 75 when the time \
            is up; of a job that has not ended then, the line says what is known of it.
            """,
        options: [WaitOptions.timeout, result, any, OutputFormat.option],
        arguments: [ids],
        run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            var wait = Waiting(invocation, session.client)
            return try await wait.run()
        } catch {
            throw CommandFailure(error)
        }
    }

    /// A wait for some jobs at once.
    private struct Waiting {
        private let invocation: Invocation
        private let client: JobClient
        private let jobs: [JobHandleID]
        private let format: OutputFormat
        private let printsResults: Bool
        private var outcomes: [JobOutcome?]
        /// Results that were printed, which is done in order.
        private var printed = 0
        /// For the one object of `-o json`.
        private var objects: [String] = []

        init(_ invocation: Invocation, _ client: JobClient) {
            self.invocation = invocation
            self.client = client
            jobs = invocation.all(JobsWait.ids)
            format = invocation[OutputFormat.option]
            printsResults = invocation[JobsWait.result] && !format.isJSON
            outcomes = Array(repeating: nil, count: jobs.count)
        }

        mutating func run() async throws -> ExitCode {
            let timeout = invocation[WaitOptions.timeout]
            try await look(timeout)
            let open = outcomes.count { $0 == nil }
            let isOver = open == 0 || (invocation[JobsWait.any] && open < jobs.count)
            guard isOver else { return try await giveUp(timeout) }
            finish()
            let hasFailed = outcomes.contains { $0.map { $0.state != .done } ?? false }
            return hasFailed ? .no : .success
        }

        /// Waits for all at once, over one connection, and prints each as it ends.
        private mutating func look(_ timeout: Duration) async throws {
            let (client, jobs, isAny) = (client, jobs, invocation[JobsWait.any])
            let (ends, ended) = AsyncStream.makeStream(
                of: (Int, Result<JobOutcome, any Error>).self)
            let waiting = Task {
                await withTaskGroup { group in
                    for (index, job) in jobs.enumerated() {
                        group.addTask {
                            ended.yield((index, await client.end(of: job, timeout)))
                        }
                    }
                }
                ended.finish()
            }
            defer { waiting.cancel() }
            for await (index, end) in ends {
                switch end {
                case .success(let outcome):
                    outcomes[index] = outcome
                    show(index, outcome)
                    if isAny { return }
                case .failure(JobRunnerError.timedOut): break
                case .failure(let error): throw error
                }
            }
        }

        private mutating func show(_ index: Int, _ outcome: JobOutcome) {
            let handle = jobs[index].description
            if outcome.state != .done {
                invocation.console.note(outcome.reason(of: handle))
            }
            if format.isJSON {
                var object = format == .jsonl ? JSONObject.versioned : JSONObject()
                object.set("handle", handle)
                object.set(outcome)
                show(object)
            } else if !printsResults {
                invocation.console.print("\(handle) \(outcome.state.rawValue)")
            } else if !invocation[JobsWait.any] {
                printResults()
            } else if outcome.state == .done {
                invocation.console.print(outcome.shownValue)
            }
        }

        private mutating func show(_ object: JSONObject) {
            if format == .jsonl {
                invocation.console.print(object.text)
            } else {
                objects.append(object.text)
            }
        }

        /// Up to the first job that has not ended; a job without a result has no line.
        private mutating func printResults() {
            while printed < outcomes.count, let outcome = outcomes[printed] {
                if outcome.state == .done { invocation.console.print(outcome.shownValue) }
                printed += 1
            }
        }

        private func finish() {
            guard format == .json else { return }
            var object = JSONObject.versioned
            object.set("jobs", raw: "[" + objects.joined(separator: ",") + "]")
            invocation.console.print(object.text)
        }

        /// The time is up: says what else is known of those that have not ended.
        private mutating func giveUp(_ timeout: Duration) async throws -> ExitCode {
            var open = 0
            for index in outcomes.indices where outcomes[index] == nil {
                let job = jobs[index]
                open += 1
                let (queue, id) = (job.queue.description, job.id.description)
                let status = try await client.state(queue: queue, id: id)
                let flow =
                    status.state == .unknown ? try await client.summary(queue: queue, id: id) : nil
                let word = flow?.state.rawValue ?? status.word
                if format.isJSON {
                    var object = format == .jsonl ? JSONObject.versioned : JSONObject()
                    object.set("handle", job.description)
                    object.set("state", word)
                    show(object)
                } else if !printsResults {
                    invocation.console.print("\(job) \(word)")
                }
            }
            finish()
            let failed = outcomes.count { $0.map { $0.state != .done } ?? false }
            let subject =
                open == 1 && jobs.count == 1
                ? "job \(jobs[0])" : "\(open) of \(EnqueueTally.count(jobs.count, "job"))"
            var failure = WaitOptions.timedOut(subject, timeout, invocation)
            if failed > 0 { failure.exit = .no }
            throw failure
        }
    }
}

extension JobClient {
    /// The outcome of a job, where an error is an answer too.
    fileprivate func end(
        of job: JobHandleID, _ timeout: Duration
    ) async -> Result<JobOutcome, any Error> {
        do {
            return .success(
                try await waitForOutcome(
                    queue: job.queue.description, id: job.id.description, timeout: timeout))
        } catch {
            return .failure(error)
        }
    }
}

extension JobStatus {
    /// Where it is, in a word or two.
    var word: String {
        if state == .unknown { return "unknown or expired" }
        return isCancelling && !isOver ? "cancelling" : state.rawValue
    }

    /// What else is to be said of that.
    var row: (label: String, text: String)? {
        switch state {
        case .parked: place.map { ("parked", "no worker knows \(escaped($0))") }
        case .blocked: place.map { ("blocked", "by the limit \(escaped($0))") }
        case .active: place.map { ("worker", escaped($0)) }
        case .accepted:
            ("place", "not among the \(grouped(JobClient.mostLocated)) jobs that were looked at")
        case .gone: ("place", "it ended and that is not kept, or it was purged")
        default: nil
        }
    }
}
