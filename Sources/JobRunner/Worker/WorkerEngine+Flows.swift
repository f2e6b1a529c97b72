internal import FoundationEssentials
internal import RedisLink
internal import Synchronization

/// Jobs that are steps of a workflow, or whose outcome somebody asked for as a job.
extension WorkerEngine {
    /// What a step takes, or why it cannot be had.
    enum Taking: Sendable {
        case json([UInt8])
        case missing(String)
        case stopped
    }

    /// Reads what the steps before returned.
    func takeInput(_ input: FlowPlace.Input, of place: FlowPlace, _ held: Held, _ slot: Int) async
        -> Taking
    {
        let store = FlowStore(client.keys.queue(place.queue), id: place.id)
        var found: [[UInt8]] = []
        var bytes = 0
        // A few at a time: together they may be more than one reply holds.
        for start in stride(from: 0, to: input.steps.count, by: 4) {
            let page = Array(input.steps[start..<min(start + 4, input.steps.count)])
            guard let known = await asking(store.values(of: page), held, slot) else {
                return .stopped
            }
            guard let values = known else {
                return .missing("workflow \(place.handle) has expired")
            }
            for (step, value) in zip(page, values) {
                if value?.isEmpty == true {
                    return .missing(
                        "the results of group \(step) of workflow \(place.handle) were over "
                            + "10,000, or over \(FlowStore.mostGathered >> 20) MiB")
                }
                bytes += value?.count ?? 0
                // Nothing is kept of a step that returned nothing.
                found.append(value ?? Array("null".utf8))
            }
            if bytes > FlowStore.mostGathered {
                return .missing(
                    "what it takes of workflow \(place.handle) is over "
                        + "\(FlowStore.mostGathered >> 20) MiB")
            }
        }
        return .json(input.json(of: found))
    }

    /// Tells those who are to hear of a job's end, before it is acked: when this worker dies in
    /// between, the job runs again, and what it says then changes nothing.
    func settle(_ verdict: Verdict, _ held: Held, _ slot: Int) async -> Verdict {
        guard let ending = verdict.ending else { return verdict }
        var writes: [Ack.Write] = []
        var elsewhere: [FlowStore.Entry] = []
        let queue = options.queues[held.lane].name
        func add(_ job: FlowStore.Entry, isPlain: Bool) {
            if job.queue == queue, isPlain {
                writes.append(.next(milliseconds: 0, job: job.json))
            } else {
                elsewhere.append(job)
            }
        }
        if let place = ending.ties.flow, place.isLocal, place.queue == queue {
            writes.append(
                .step(
                    place, letter: ending.letter, id: ending.id, json: ending.report(to: place)))
        } else if let place = ending.ties.flow {
            let store = FlowStore(client.keys.queue(place.queue), id: place.id)
            let call = store.advance(
                place.step, ending.letter, ending.report(to: place), by: ending.id,
                next: place.next)
            Failpoint.advancing.pass()
            guard let answer = await asking(call, held, slot) else {
                return released(verdict, held)
            }
            Failpoint.advanced.pass()
            for (_, job) in answer?.starts ?? [] { add(job, isPlain: job.isPlain) }
            stop(answer?.stops ?? [])
        }
        do {
            if let reply = try ending.reply(from: queue, maxBytes: options.maxJobBytes) {
                add(.init(queue: reply.queue, json: reply.job.json), isPlain: true)
            }
        } catch {
            options.onEvent(
                .log(
                    .error, "its outcome cannot be sent as a job: \(error)", job: ending.job,
                    id: ending.id, attempt: ending.attempt))
        }
        for job in elsewhere {
            let call = QueueStore(client.keys.queue(job.queue)).followUp(job)
            guard await asking(call, held, slot) != nil else { return released(verdict, held) }
        }
        var verdict = verdict
        verdict.ack.writes += writes
        return verdict
    }

    /// Asks until there is an answer: what is asked may be asked again.
    ///
    /// - Returns: Nil when the run is to be given back: the worker stops, or its lease is lost.
    private func asking<Reply>(_ call: Call<Reply>, _ held: Held, _ slot: Int) async -> Reply? {
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        while true {
            switch await answer(to: call) {
            case .success(let reply): return reply
            case .failure(let error):
                options.onEvent(.trouble(queue: options.queues[held.lane].name, error))
                if case .stopped = error { return nil }
                switch state.withLock({ $0.runs[slot].cancel }) {
                case .stopping, .leaseLost: return nil
                case .notWanted, .timeLimit, nil: break
                }
                await Self.pause(backoff.next(using: &random))
            }
        }
    }

    /// What the server says, whoever cancels this task meanwhile: what a run did is told all the
    /// same, and `send` would not be sent.
    func answer<Reply>(to call: Call<Reply>) async -> Result<Reply, RedisError> {
        await withCheckedContinuation { continuation in
            router.connection(for: call.key).submit(call) { continuation.resume(returning: $0) }
        }
    }

    /// Waits before the server is asked again, which has no event for being back.
    ///
    /// In a task of its own: a cancelled one would not wait.
    ///
    /// - Parameter wait: ns.
    static func pause(_ wait: Int64) async {
        // Nobody cancels that task, so that it does sleep.
        await Task.detached { try? await Task.sleep(for: .nanoseconds(wait)) }.value
    }

    /// Not waited for: a job that does not hear of it runs to its end, which changes nothing.
    private func stop(_ jobs: [FlowStore.Entry]) {
        if jobs.isEmpty { return }
        Task { try? await client.stop(jobs) }
    }

    /// Tells who waits for jobs that a script has buried, until the server has heard of it.
    func tell(_ dead: [[UInt8]], _ failure: JobFailure, _ store: QueueStore) {
        if dead.isEmpty { return }
        Task {
            for job in dead {
                var backoff = Backoff()
                var random = SystemRandomNumberGenerator()
                while true {
                    do throws(RedisError) {
                        try await client.tell([job], .dead, failure, store)
                        break
                    } catch {
                        if case .stopped = error { return }
                        options.onEvent(.trouble(queue: store.keys.name, error))
                        await Self.pause(backoff.next(using: &random))
                    }
                }
            }
        }
    }

    private func released(_ verdict: Verdict, _ held: Held) -> Verdict {
        Verdict(
            ack: Ack(tag: held.delivery.tag, writes: [.release(job: held.delivery.json)]),
            end: JobEnd(
                verdict: .released, job: verdict.end.job, id: verdict.end.id,
                queue: verdict.end.queue, attempt: verdict.end.attempt, ran: verdict.end.ran,
                reason: "the worker stops before its workflow has heard of it", retryIn: nil),
            handled: false)
    }
}

extension FlowStore.Entry {
    /// Nothing but to be run: it may be enqueued with an ack.
    fileprivate var isPlain: Bool {
        guard let envelope = try? Envelope(json, limits: .init(maxBytes: 1 << 20)) else {
            return true
        }
        return envelope.priority == 0 && envelope.tenant == nil
    }
}

extension QueueStore {
    /// Enqueues what another job led to: accepted once, and by a full queue as well.
    func followUp(_ job: FlowStore.Entry) -> Call<Acceptance> {
        enqueue(
            NewJob(id: job.id, json: job.json), due: .now,
            window: ClientOptions().deduplicationOfOwnIDs.milliseconds, isFollowUp: true)
    }
}
