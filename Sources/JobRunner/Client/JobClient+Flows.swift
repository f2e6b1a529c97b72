internal import FoundationEssentials
internal import RedisLink

extension JobClient {
    /// Starts a workflow.
    ///
    /// When it returns, its first jobs will be run, and each further one when those before it are
    /// done. When it throws `outcomeUnknown` it may have been started; with an `id` of your own,
    /// start it again: under one id it is started once.
    ///
    /// - Parameters:
    ///   - name: What people call it, for `flows list`; cut to 100 characters.
    ///   - id: Instead of a new one: 1 to 30 of `A-Z a-z 0-9 . _ -`.
    ///   - queue: Its home, where its keys are; nil is the queue of its first job.
    ///   - keep: How long its result is kept after its end, 1 s to 30 days.
    /// - Throws: `invalid` for one without a job, too large or too deep; what `enqueue` throws.
    public func start<Output>(
        _ workflow: Workflow<Output>, name: String = "", id: String? = nil, queue: String? = nil,
        keep: Duration = .seconds(86_400)
    ) async throws -> WorkflowHandle<Output> {
        try await start(
            FlowPlan(workflow.node), name: name, id: id, queue: queue, keep: keep)
    }

    func start<Output>(
        _ plan: FlowPlan, name: String, id: String?, queue: String?, keep: Duration
    ) async throws -> WorkflowHandle<Output> {
        guard keep >= .seconds(1), keep <= Self.longestFlow else {
            throw JobRunnerError.invalid(
                "a workflow's result is kept for 1 s to 30 days, got \(keep)")
        }
        let isOwn = id != nil
        let id = try id.map { try JobID($0) } ?? .generate(now: Int64(WallClock.milliseconds()))
        let opening = try FlowOpening(
            plan, id: id, queue: try queue.map { try QueueName($0) },
            name: String(name.prefix(100)), keep: keep,
            known: isOwn ? options.deduplicationOfOwnIDs : .zero, longest: options.maxLength,
            maxBytes: options.maxJobBytes)
        return try await start(opening)
    }

    /// Starts one that is known only at run time.
    package func start(
        _ node: FlowNode, name: String, id: String?, queue: String?, keep: Duration
    ) async throws -> WorkflowHandle<JSONValue> {
        try await start(FlowPlan(node), name: name, id: id, queue: queue, keep: keep)
    }

    /// Longest a workflow may take, and its result be kept.
    package static let longestFlow: Duration = .seconds(30 * 86_400)

    private func start<Output>(_ opening: FlowOpening) async throws -> WorkflowHandle<Output> {
        let store = FlowStore(keys.queue(opening.queue.description), id: opening.id.description)
        let opened = try await open(store, opening)
        let handle = WorkflowHandle<Output>(
            id: store.id, queue: store.keys.name, isDuplicate: opened != .new, client: self)
        guard opened == .new else {
            try await goOn(with: store, as: opening)
            return handle
        }
        for answer in await enqueueEach(opening.starts) {
            if try answer.get() == .full {
                // What was accepted does not run: the caller has no handle to ask for it.
                _ = try await cancelFlow(
                    queue: store.keys.name, id: store.id, reason: "its queue is full")
                throw full(opening.queue.description)
            }
        }
        return handle
    }

    private func open(_ store: FlowStore, _ opening: FlowOpening) async throws -> FlowStore.Opened {
        let queue = store.keys.name
        // Notes that there is this queue.
        _ = try await batcher(for: queue)
        let call = store.open(
            opening.store, life: Self.longestFlow.milliseconds,
            longest: options.maxLength(of: queue))
        let fullUntil = monotonicDeadline(after: options.waitWhenFull)
        var fullness = Backoff(base: .milliseconds(10), limit: .milliseconds(200))
        var random = SystemRandomNumberGenerator()
        while true {
            let opened = try await resending(call, store.id, queue: queue)
            guard opened == .full else { return opened }
            guard monotonicNanoseconds() < fullUntil, !Task.isCancelled else { throw full(queue) }
            // No event tells of room in a list; a cancelled caller hears it of the next try.
            try? await Task.sleep(for: .nanoseconds(fullness.next(using: &random)))
        }
    }

    /// One that is there already: what its starter died over is enqueued, from what it wrote.
    private func goOn(with store: FlowStore, as opening: FlowOpening) async throws {
        do {
            guard let head = FlowHead(try await read("HMGET", store.flow, FlowHead.fields)) else {
                return
            }
            guard head.plan == opening.plan else {
                throw JobRunnerError.invalid(
                    "there is another workflow under the id \(store.keys.name)/\(store.id): give "
                        + "this one an id of its own, or none")
            }
            try await resend(store, head)
        } catch let error as RedisError {
            throw JobRunnerError.redis(error)
        }
    }

    /// Sends what may be sent again, until it is answered or the time for an enqueue is up.
    func resending<Reply>(_ call: Call<Reply>, _ id: String, queue: String) async throws -> Reply {
        let deadline = monotonicDeadline(after: options.enqueueTimeout)
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        var isUnknown = false
        while true {
            do {
                return try await router.connection(for: call.key).send(call)
            } catch {
                isUnknown = isUnknown || error.isOutcomeUnknown
                // Redis frees nothing for one that waits: it is told at once, as for a job.
                if case .server(let refusal) = error, refusal.code == .OOM, !isUnknown {
                    throw JobRunnerError(refused: error)
                }
                let wait = backoff.next(using: &random)
                guard error.isTransient || error.isOutcomeUnknown,
                    monotonicNanoseconds() + wait < deadline, !Task.isCancelled
                else {
                    throw isUnknown
                        ? JobRunnerError.outcomeUnknown(queue: queue, id: id, error)
                        : JobRunnerError.redis(error)
                }
                // The server has no event for being back; who is cancelled hears of the next try.
                try? await Task.sleep(for: .nanoseconds(wait))
            }
        }
    }

    /// Cancels a workflow: nothing of it starts any more, what waits or runs is cancelled.
    ///
    /// - Returns: False when it had ended before.
    /// - Throws: `unknownOrExpired`, or `redis`.
    package func cancelFlow(queue: String, id: String, reason: String) async throws -> Bool {
        let store = FlowStore(keys.queue(queue), id: id)
        let failure = WorkflowFailure(
            flow: "\(queue)/\(id)", step: "", job: "", state: "cancelled", type: "Cancelled",
            message: reason)
        let json = [UInt8](try JSONEncoder().encode(failure))
        guard let halted = try await resending(store.halt(json), id, queue: queue) else {
            throw JobRunnerError.unknownOrExpired(handle: "\(queue)/\(id)", after: .zero)
        }
        do throws(RedisError) {
            for (queue, jobs) in Dictionary(grouping: halted.stops, by: \.queue) {
                _ = try await cancel(jobs.map(\.id), in: queue)
            }
            try await cancelMembers(store)
        } catch { throw JobRunnerError.redis(error) }
        return halted.isHalted
    }

    /// Cancels what an open group waits for, a page at a time.
    private func cancelMembers(_ store: FlowStore) async throws(RedisError) {
        var cursor = "0"
        repeat {
            let reply = try await read("SSCAN", store.wait("0"), [cursor, "COUNT", "500"])
            guard let page = reply.array, page.count == 2 else { return }
            cursor = page[0].text ?? "0"
            var ids: [String: [String]] = [:]
            for step in (page[1].array ?? []).compactMap(\.text) where step.contains(":") {
                let place = FlowPlace(queue: store.keys.name, id: store.id, step: step)
                ids[place.memberQueue, default: []].append(place.jobID)
            }
            // Not looked for among what is scheduled: that would be once a page.
            for (queue, ids) in ids { _ = try await mark(ids, QueueStore(keys.queue(queue))) }
        } while cursor != "0"
    }

    /// Tells a job's workflow, and who asked for a reply, that it was taken away before it ran.
    func end(
        _ job: [UInt8], in queue: String, _ state: JobOutcome.State, _ failure: JobFailure
    ) async throws(RedisError) {
        guard let envelope = try? Envelope(job, limits: Envelope.Limits(maxBytes: 1 << 20)),
            envelope.isTied
        else { return }
        let ending = Ending(
            envelope, state, value: nil, failure, attempt: envelope.state.attempt + 1)
        if let reply = try? ending.reply(from: queue, maxBytes: options.maxJobBytes) {
            let store = QueueStore(keys.queue(reply.queue))
            _ = try await send(store.followUp(.init(queue: reply.queue, json: reply.job.json)))
        }
        guard let place = envelope.flow else { return }
        let store = FlowStore(keys.queue(place.queue), id: place.id)
        let answer = try await send(
            store.advance(
                place.step, ending.letter, ending.report(to: place), by: ending.id,
                next: place.next))
        for (_, job) in answer?.starts ?? [] {
            _ = try await send(QueueStore(keys.queue(job.queue)).followUp(job))
        }
        try await stop(answer?.stops ?? [])
    }

    /// Cancels jobs that run, or wait; one that waits for its time meets its mark when that comes.
    func stop(_ jobs: [FlowStore.Entry]) async throws(RedisError) {
        for (queue, jobs) in Dictionary(grouping: jobs, by: \.queue) {
            _ = try await mark(jobs.map(\.id), QueueStore(keys.queue(queue)))
        }
    }
}
