internal import FoundationEssentials
internal import RedisLink
internal import Synchronization

extension WorkerEngine {
    /// One delivery, from its bytes to a verdict that may be acked.
    func execute(_ held: Held, _ slot: Int) async -> Verdict {
        let verdict = await decide(held, slot)
        return verdict.ending == nil ? verdict : await settle(verdict, held, slot)
    }

    private func decide(_ held: Held, _ slot: Int) async -> Verdict {
        let delivery = held.delivery
        var startedAt = monotonicNanoseconds()
        let limits = Envelope.Limits(maxBytes: options.maxJobBytes)
        var envelope: Envelope
        do throws(EnvelopeError) {
            envelope = try Envelope(delivery.json, limits: limits)
        } catch {
            return run(held, startedAt).unreadable(error)
        }
        let newID = envelope.id ?? JobID.generate(now: Int64(WallClock.milliseconds()))
        // Who is told of its end is told of which job.
        if envelope.isTied { envelope.id = newID }
        if delivery.crashes >= options.poisonLimit { return run(held, startedAt).poison(envelope) }
        if delivery.isCancelled { return run(held, startedAt).cancelled(envelope) }
        if let expires = envelope.expires {
            let late = serverTime(startedAt) - Int(expires)
            if late > 0 { return run(held, startedAt).expired(envelope, late: late) }
        }
        guard let handler = handlers[envelope.job], envelope.version <= handler.version else {
            let known = handlers[envelope.job]?.version
            return run(held, startedAt).unknown(envelope, known: known, newID: newID)
        }
        var place: Claim?
        defer { if let place { letGo(place, slot, lane: held.lane) } }
        if handler.isLimited || envelope.unique != nil || hasMuted.load(ordering: .relaxed) {
            switch await admit(
                held, slot, envelope, handler, newID: newID, startedAt: startedAt)
            {
            case .refused(let verdict): return verdict
            case .start(let claim): place = claim
            }
            // What it waited for a start is not its own time.
            startedAt = monotonicNanoseconds()
        }
        // What a single step returned came with the job, unless it was long.
        if envelope.input == nil, let place = envelope.flow, let input = place.input {
            switch await takeInput(input, of: place, held, slot) {
            case .json(let json): envelope.input = json
            case .missing(let reason): return run(held, startedAt).lacking(envelope, reason)
            case .stopped: return run(held, startedAt).released(envelope, reason: "it was stopped")
            }
        }
        let attempt = envelope.state.attempt + 1
        let limit =
            envelope.timeLimit.map { Duration.milliseconds($0) } ?? handler.options.timeLimit
        if let limit { bound(slot, to: limit, from: startedAt) }
        let context = JobContext(
            id: newID.description, job: envelope.job, queue: queueName(held), attempt: attempt,
            maxAttempts: envelope.maxAttempts ?? handler.options.maxAttempts,
            enqueuedAt: envelope.enqueued.map { Int($0) }, fence: delivery.tag,
            isRedelivery: delivery.crashes > 0, timeLimit: limit, flow: envelope.flow, slot: slot,
            startedAt: startedAt, engine: self)
        if options.reportsJobs {
            options.onEvent(
                .started(
                    job: envelope.job, id: context.id, queue: context.queue, attempt: attempt))
        }
        Failpoint.starting.pass()
        do {
            let value = try await run(handler, envelope, context)
            if let value, value.count > options.maxResultBytes {
                throw HandlerFault.tooLarge(
                    job: envelope.job, bytes: value.count, limit: options.maxResultBytes)
            }
            return run(held, startedAt).done(
                envelope, value: value, attempt: attempt, handler: handler.options)
        } catch {
            let run = run(held, startedAt)
            var cause: any Error = error
            let (reason, steps) = state.withLock { ($0.runs[slot].cancel, $0.runs[slot].stepsOf) }
            switch reason {
            case .stopping:
                // The id that its steps are noted under goes with it.
                return run.released(
                    envelope, reason: "the worker stops", id: steps == nil ? nil : newID)
            case .leaseLost: return run.released(envelope, reason: "the lease was lost")
            case .notWanted: return run.cancelled(envelope)
            case .timeLimit(let limit): cause = HandlerFault.outOfTime(limit)
            case nil: break
            }
            if case JobError.rateLimited(let until) = error {
                return await rateLimited(run, envelope, handler, until: until, newID: newID)
            }
            var random = SystemRandomNumberGenerator()
            return run.failed(
                envelope, cause, attempt: attempt, handler: handler.options, newID: newID,
                ownDelay: handler.retryDelay?(cause, attempt), using: &random)
        }
    }

    /// Somebody else said that it is too often: the limit is closed for all, and each job that
    /// was refused gets a start of its own after that.
    private func rateLimited(
        _ run: Run, _ envelope: Envelope, _ handler: Handler, until: Date, newID: JobID
    ) async -> Verdict {
        let now = serverTime(monotonicNanoseconds())
        let opens = until.timeIntervalSince1970 * 1000
        let wait = opens.isFinite ? min(max(0, opens - Double(now)), Self.longestClosed) : 0
        var grant = LimitStore.Grant.start(in: Int(wait) * 1000)
        if let limit = handler.options.rateLimit {
            close(limit, handler, until: now + Int(wait))
            let store = LimitStore(client.keys.limit(name(of: limit, handler)))
            let value = value(of: limit.argument, in: envelope)
            if let answer = try? await desk.ask(store, value, limit, reserved: 0) {
                grant = answer
            }
        }
        let reason = "told to come again later"
        return switch grant {
        case .start(let wait):
            run.deferred(envelope, until: 0, wait: wait, newID: newID, reason: reason)
        case .reserved(let at, let wait):
            run.deferred(envelope, until: at, wait: wait, newID: newID, reason: reason)
        }
    }

    /// Longest a limit is closed by a handler: a day, ms.
    private static let longestClosed = 86_400_000.0

    /// The server's clock at a monotonic time, ms since 1970; this machine's before the first tick.
    private func serverTime(_ monotonic: Int64) -> Int {
        Int(monotonic / 1_000_000) + serverOffset.load(ordering: .relaxed)
    }

    private func queueName(_ held: Held) -> String { options.queues[held.lane].name }

    /// What is known when a run ends now.
    func run(_ held: Held, _ startedAt: Int64) -> Run {
        let now = monotonicNanoseconds()
        let offset = wallOffset.load(ordering: .relaxed)
        return Run(
            held: held, queue: queueName(held), options: options, worker: identity.id,
            started: Int(startedAt / 1_000_000) + offset,
            finished: Int(now / 1_000_000) + offset, ran: .nanoseconds(now - startedAt))
    }

    /// Sets the time limit of a slot's run; the clock cancels it.
    private func bound(_ slot: Int, to limit: Duration, from startedAt: Int64) {
        let deadline = startedAt &+ limit.nanoseconds
        state.withLock { state in
            state.runs[slot].deadline = deadline
            state.runs[slot].timeLimit = limit
        }
        clock.wake(at: deadline)
    }
}

extension WorkerEngine {
    /// Writes a progress report, unless the run's last one is less than 100 ms old.
    func report(progress fraction: Double, _ message: String, of context: JobContext) async {
        guard mayReport(context.slot) else { return }
        let fraction = fraction.isNaN ? 0 : min(1, max(0, fraction))
        var json = Array(
            #"{"progress":\#(fraction),"at":\#(WallClock.milliseconds()),"message":"#.utf8)
        json.append(jsonString: String(message.prefix(200)))
        json.append(UInt8(ascii: "}"))
        let call = QueueStore(client.keys.queue(context.queue)).setProgress(
            context.id, json, keep: .seconds(3600))
        // A report that is lost must not fail the job: the next one will tell.
        _ = try? await router.connection(for: call.key).send(call)
    }
}
