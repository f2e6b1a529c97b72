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
            Prints a line 'queue/id state' for each as it ends: done, dead, discarded or \
            cancelled. The exit code is 0 when all are done, 1 when one is not, 75 when the time \
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
            let deadline = ContinuousClock.now + timeout
            var pause: Duration = .milliseconds(1)
            while true {
                let error = await look()
                if let error, !error.isTransient { throw error }
                let open = outcomes.count { $0 == nil }
                if open == 0 || (invocation[JobsWait.any] && open < jobs.count) { break }
                let left = deadline - .now
                guard left > .zero else {
                    // A restart while waiting is waited out, but not beyond the end.
                    if let error { throw error }
                    return try await giveUp(timeout)
                }
                try await Task.sleep(for: min(pause, left))
                // Many jobs are asked for less often: about 1,000 questions a second.
                pause = min(pause * 3 / 2, .milliseconds(min(1000, max(50, open))))
            }
            finish()
            let hasFailed = outcomes.contains { $0.map { $0.state != .done } ?? false }
            return hasFailed ? .no : .success
        }

        /// Asks for all that have not ended, in one pipeline, and prints those that have.
        private mutating func look() async -> RedisError? {
            let client = client
            let open = outcomes.indices.filter { outcomes[$0] == nil }
            let found = await withTaskGroup(of: (Int, Result<JobOutcome?, RedisError>).self) {
                group in
                for index in open {
                    let job = jobs[index]
                    group.addTask { (index, await client.look(at: job)) }
                }
                var found: [Int: Result<JobOutcome?, RedisError>] = [:]
                for await (index, result) in group { found[index] = result }
                return found
            }
            var failure: RedisError?
            for index in open {
                switch found[index] {
                case .success(let outcome?):
                    outcomes[index] = outcome
                    show(index, outcome)
                case .failure(let error): failure = error
                case .success(nil), nil: break
                }
            }
            return failure
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
                let traces = try await client.traces(
                    queue: job.queue.description, id: job.id.description)
                if format.isJSON {
                    var object = format == .jsonl ? JSONObject.versioned : JSONObject()
                    object.set("handle", job.description)
                    object.set("state", traces.state)
                    show(object)
                } else if !printsResults {
                    invocation.console.print("\(job) \(traces.state)")
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
    fileprivate func look(at job: JobHandleID) async -> Result<JobOutcome?, RedisError> {
        do {
            return .success(
                try await outcome(queue: job.queue.description, id: job.id.description))
        } catch JobRunnerError.redis(let error) {
            return .failure(error)
        } catch {
            return .failure(.cancelled)
        }
    }
}

extension JobTraces {
    /// In a word, as far as keys tell.
    var state: String {
        if let outcome { return outcome.state.rawValue }
        if isCancelled { return "cancelling" }
        if progress != nil || crashes > 0 { return "started" }
        return isSeen ? "accepted" : "unknown or expired"
    }
}
