internal import RedisLink

extension WorkflowHandle {
    /// Lets it go on after it ended without being done: steps that failed, were cancelled or
    /// skipped run again, what is done stays done.
    ///
    /// - Returns: False when it is going on already.
    /// - Throws: `invalid` for one that is done, or a batch; `unknownOrExpired`, or `redis`.
    @discardableResult
    public func retry() async throws -> Bool {
        try await client.retryFlow(queue: queue, id: id)
    }
}

extension JobClient {
    /// Lets a workflow go on that ended without being done.
    ///
    /// May be called again, also by others at the same time: each job is enqueued once. When it
    /// throws `outcomeUnknown`, call it again.
    ///
    /// - Returns: False when it is going on already.
    /// - Throws: `invalid` for one that is done, or a batch; `unknownOrExpired`, or `redis`.
    package func retryFlow(queue: String, id: String) async throws -> Bool {
        let store = FlowStore(keys.queue(queue), id: id)
        do {
            // What still reports of the round before may change what was read.
            for _ in 0..<Self.mostTries {
                switch try await retry(store) {
                case .goesOn: return true
                case .wentOn: return false
                case .changedMeanwhile: continue
                }
            }
        } catch let error as RedisError {
            throw JobRunnerError.redis(error)
        }
        throw JobRunnerError.invalid(
            "workflow \(queue)/\(id) changes all the time: try again when its jobs have ended")
    }

    private static let mostTries = 20
    /// Jobs that are read at once.
    private static let jobPage = 100
    /// How long what a retry started is enqueued again by another: its ids are still known.
    private static let resendable = 3_600_000

    private enum Retried { case goesOn, wentOn, changedMeanwhile }

    private func retry(_ store: FlowStore) async throws -> Retried {
        let handle = "\(store.keys.name)/\(store.id)"
        let unknown = JobRunnerError.unknownOrExpired(handle: handle, after: .zero)
        guard let head = FlowHead(try await read("HMGET", store.flow, FlowHead.fields)) else {
            throw unknown
        }
        guard let chart = head.chart else {
            throw JobRunnerError.undecodable(
                handle: handle, reason: "its plan is of another version")
        }
        guard !chart.isOpenGroup else {
            throw JobRunnerError.invalid(
                "workflow \(handle) is a batch, which is not retried as a whole: retry its dead "
                    + "jobs with 'dead retry'; when none is left that failed, it is done")
        }
        let states = try await states(
            of: store, count: chart.steps.count, opened: head.opened)
        guard let ended = head.ended else {
            try await resend(store, head, chart, states)
            return .wentOn
        }
        guard head.state != .done else {
            throw JobRunnerError.invalid("workflow \(handle) is done: there is nothing to retry")
        }
        let retry = FlowRetry(chart, states: states.map { $0?.letter }, gates: head.gates)
        let round = head.round + 1
        let jobs = try await jobs(
            of: store, retry.back.filter { chart.steps[$0].job != nil }, round: round)
        guard let jobs else { throw unknown }
        let starts = Set(retry.starts)
        var steps: [FlowStore.Revival] = []
        for number in retry.back {
            steps.append(
                .init(
                    step: number, was: states[number]?.text, starts: starts.contains(number),
                    job: jobs[number]))
        }
        let call = store.revive(
            steps, retry.sets, ended: ended, round: round, life: Self.longestFlow.milliseconds)
        switch try await resending(call, store.id, queue: store.keys.name) {
        case .unknown: throw unknown
        case .changedMeanwhile: return .changedMeanwhile
        case .goesOn:
            for number in retry.starts { if let job = jobs[number] { try await enqueue(job) } }
            try await tell(retry.tells, store)
            return .goesOn
        }
    }

    /// The jobs of some steps under new ids; nil when one is not there any more.
    private func jobs(of store: FlowStore, _ steps: [Int], round: Int) async throws
        -> [Int: FlowStore.Entry]?
    {
        let now = Int64(WallClock.milliseconds())
        var jobs: [Int: FlowStore.Entry] = [:]
        for start in stride(from: 0, to: steps.count, by: Self.jobPage) {
            let page = steps[start..<min(steps.count, start + Self.jobPage)]
            let reply = try await read("HMGET", store.flow, page.map(FlowStore.Field.job.of))
            for (step, value) in zip(page, reply.array ?? []) {
                guard let entry = value.bytes.flatMap(FlowStore.Entry.init),
                    let job = entry.renewed(as: "\(store.id).\(step).r\(round)", now: now)
                else { return nil }
                jobs[step] = job
            }
        }
        return jobs.count == steps.count ? jobs : nil
    }

    private func enqueue(_ job: FlowStore.Entry) async throws {
        let call = QueueStore(keys.queue(job.queue)).followUp(job)
        _ = try await resending(call, job.id, queue: job.queue)
    }

    /// Tells of steps that are done once more; enqueues and cancels what that leads to.
    private func tell(_ steps: [Int], _ store: FlowStore) async throws {
        for step in steps {
            let call = store.advance("\(step)", "d", nil)
            let answer = try await resending(call, store.id, queue: store.keys.name)
            for (_, job) in answer?.starts ?? [] { try await enqueue(job) }
            try await stop(answer?.stops ?? [])
        }
    }

    /// Does what a start, or a retry, has yet to do, whose caller may have died.
    func resend(_ store: FlowStore, _ head: FlowHead) async throws {
        guard head.ended == nil, let chart = head.chart else { return }
        let states = try await states(
            of: store, count: chart.steps.count, opened: head.opened)
        try await resend(store, head, chart, states)
    }

    private func resend(
        _ store: FlowStore, _ head: FlowHead, _ chart: FlowChart, _ states: [FlowState?]
    ) async throws {
        if head.round > 1 {
            try await tell(FlowRetry.untold(chart, states: states.map { $0?.letter }), store)
        } else if head.isBegun {
            return
        }
        let now = try await serverTime()
        var fields: [String] = []
        for (number, state) in states.enumerated() {
            guard let state, state.letter == "f", state.by == "*",
                now - state.at < Self.resendable
            else { continue }
            fields.append(FlowStore.Field.job.of(number))
        }
        guard !fields.isEmpty else { return }
        let reply = try await read("HMGET", store.flow, fields)
        for value in reply.array ?? [] {
            guard let job = value.bytes.flatMap(FlowStore.Entry.init) else { continue }
            // Those of rounds before belong to groups that are done.
            if head.round == 1 || job.id.hasSuffix(".r\(head.round)") { try await enqueue(job) }
        }
    }
}

extension FlowStore.Entry {
    /// The same job under another id, as if enqueued now.
    fileprivate func renewed(as id: String, now: Int64) -> FlowStore.Entry? {
        guard let id = try? JobID(id),
            let envelope = try? Envelope(json, limits: .init(maxBytes: 16 << 20))
        else { return nil }
        return .init(queue: queue, json: envelope.renewed(as: id, now: now))
    }
}
