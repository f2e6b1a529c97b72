internal import RedisLink

/// What is decided about one run: the ack to send, and what to say of it.
struct Verdict: Sendable {
    var ack: Ack
    let end: JobEnd
    /// Unset for runs that do not count in statistics.
    let handled: Bool
    /// Who else is to hear of it before it is acked; nil for nearly all.
    var ending: Ending?
}

/// Why a run was told to stop.
enum CancelReason: Sendable, Equatable {
    case timeLimit(Duration)
    case notWanted
    case leaseLost
    case stopping
}

/// One delivery on its way to a verdict.
///
/// A value: given what happened, it says what to write.
struct Run: Sendable {
    let held: Held
    let queue: String
    let options: WorkerOptions
    let worker: String
    /// Wall clock, ms.
    let started: Int
    let finished: Int
    let ran: Duration

    /// A job that cannot be read at all.
    func unreadable(_ error: EnvelopeError) -> Verdict {
        let id = Envelope.idAtStart(of: held.delivery.json)?.description
        let failure = JobFailure(type: "EnvelopeError", message: error.description)
        let verdict = bury(
            reason: error.description, name: "", id: id, attempt: 0,
            job: held.delivery.json, failure: failure,
            keep: JobOptions().keepResult.milliseconds)
        // One that is only too long, or too deep, for this worker says who is to hear of it.
        let limits = Envelope.Limits(maxBytes: 16 << 20, maxDepth: 64, maxMembers: 4096)
        guard let envelope = try? Envelope(held.delivery.json, limits: limits) else {
            return verdict
        }
        return verdict.ending(.dead, failure, envelope)
    }

    /// A job that took down too many workers.
    func poison(_ envelope: Envelope) -> Verdict {
        let reason = "lost with \(held.delivery.crashes) workers"
        return bury(
            envelope, reason: reason, attempt: envelope.state.attempt,
            failure: JobFailure(type: "Poison", message: reason), keep: keep(envelope, nil))
    }

    /// A job that no handler here knows: it waits for a worker that does, its attempts unspent.
    ///
    /// - Parameter known: The version that is known here; nil when the name is not.
    func unknown(_ envelope: Envelope, known: Int?, newID: JobID) -> Verdict {
        let name = printable(envelope.job)
        let reason =
            known.map { "'\(name)' is of version \(envelope.version), known here up to \($0)" }
            ?? "no handler for '\(name)' in this worker"
        let job = envelope.rewritten(state: envelope.state, idIfMissing: newID)
        return verdict(
            [.park(kind: envelope.kind, job: job)], .parked, envelope,
            id: envelope.id ?? newID, attempt: envelope.state.attempt + 1, reason: reason,
            handled: false)
    }

    /// The handler returned.
    func done(_ envelope: Envelope, value: [UInt8]?, attempt: Int, handler: JobOptions) -> Verdict {
        var writes: [Ack.Write] = []
        let ttl = keep(envelope, handler)
        if ttl > 0, handler.results.keepsDone, let id = envelope.id {
            let json = JobOutcome.done(
                value: value, attempt: attempt, started: started, finished: finished)
            writes.append(
                .result(
                    id: id.description, milliseconds: ttl, json: json, client: envelope.answer))
        }
        if envelope.unique != nil { writes += unlock(envelope) }
        var verdict = verdict(writes, .done, envelope, id: envelope.id, attempt: attempt)
        if envelope.isTied { verdict.ending = Ending(envelope, value: value, attempt: attempt) }
        return verdict
    }

    /// Not started in time.
    ///
    /// - Parameter late: ms.
    func expired(_ envelope: Envelope, late: Int) -> Verdict {
        let span = late < 10_000 ? "\(late) ms" : "\(late / 1000) s"
        let reason = "expired \(span) before it could start"
        let failure = JobFailure(type: "Expired", message: reason)
        let attempt = envelope.state.attempt
        guard envelope.whenExpired == .drop else {
            return bury(
                envelope, reason: reason, attempt: attempt, failure: failure,
                keep: keep(envelope, nil))
        }
        return verdict(
            outcome(.expired, failure, envelope, attempt: attempt, keep: keep(envelope, nil)),
            .expired, envelope, id: envelope.id, attempt: attempt, reason: reason, handled: false
        ).ending(.expired, failure, envelope)
    }

    /// Cancelled by somebody before it ended.
    func cancelled(_ envelope: Envelope) -> Verdict {
        let attempt = envelope.state.attempt + 1
        let failure = JobFailure(type: "Cancelled", message: "cancelled")
        return verdict(
            outcome(
                .cancelled, failure, envelope, attempt: attempt, keep: keep(envelope, nil)),
            .cancelled, envelope, id: envelope.id, attempt: attempt, reason: "cancelled",
            handled: false
        ).ending(.cancelled, failure, envelope)
    }

    /// Given back, as if it had not run.
    ///
    /// - Parameter id: For a job without one that must keep it; nil leaves it without.
    func released(_ envelope: Envelope, reason: String, id: JobID? = nil) -> Verdict {
        var job = held.delivery.json
        if envelope.id == nil, let id {
            job = envelope.rewritten(state: envelope.state, idIfMissing: id)
        }
        return verdict(
            [.release(job: job)], .released, envelope, id: envelope.id,
            attempt: envelope.state.attempt + 1, reason: reason, handled: false)
    }

    /// The handler threw.
    func failed(
        _ envelope: Envelope, _ error: any Error, attempt: Int, handler: JobOptions, newID: JobID,
        ownDelay: Duration? = nil, using random: inout some RandomNumberGenerator
    ) -> Verdict {
        let failure = JobFailure(error, redact: options.redact)
        var delay =
            ownDelay.map { max(0, $0.milliseconds) }
            ?? handler.retryDelay.milliseconds(after: attempt, using: &random)
        switch error {
        case JobError.bury(let reason):
            return bury(
                envelope, reason: options.redact(reason), attempt: attempt, failure: failure,
                keep: keep(envelope, handler))
        case JobError.discard:
            return verdict(
                outcome(
                    .discarded, failure, envelope, attempt: attempt, keep: keep(envelope, handler)),
                .discarded, envelope, id: envelope.id, attempt: attempt
            ).ending(.discarded, failure, envelope)
        case JobError.snooze(let wait):
            let job = envelope.rewritten(state: envelope.state, idIfMissing: newID)
            let wait = max(.zero, wait)
            return verdict(
                [.retry(milliseconds: wait.milliseconds, job: job)]
                    + hold(envelope, beyond: wait.milliseconds), .snoozed, envelope,
                id: envelope.id ?? newID, attempt: attempt, reason: "snoozed", retryIn: wait,
                handled: false)
        case JobError.retry(let wait, _):
            delay = max(0, wait.milliseconds)
        default:
            break
        }
        let most = envelope.maxAttempts ?? handler.maxAttempts
        var errors = envelope.state.errors
        errors.append(
            DeliveryState.Failure(
                type: failure.type, message: failure.message, at: Int64(finished),
                attempt: attempt, worker: worker))
        let state = DeliveryState(
            attempt: attempt, errors: errors)
        guard attempt < most else {
            return bury(
                reason: "failed \(attempt == 1 ? "once" : "\(attempt) times"), "
                    + "last with \(failure.type): \(failure.message)",
                name: envelope.job, id: envelope.id?.description, attempt: attempt,
                job: envelope.rewritten(state: state, idIfMissing: newID), failure: failure,
                keep: keep(envelope, handler), answer: envelope.answer,
                further: unlock(envelope)
            ).ending(.dead, failure, envelope)
        }
        let job = envelope.rewritten(state: state, idIfMissing: newID)
        return verdict(
            [.retry(milliseconds: delay, job: job)] + hold(envelope, beyond: delay), .retried,
            envelope, id: envelope.id ?? newID,
            attempt: attempt, reason: failure.description, retryIn: .milliseconds(delay))
    }

    // MARK: Parts

    private func keep(_ envelope: Envelope, _ handler: JobOptions?) -> Int {
        envelope.resultTTL.map { Int($0) }
            ?? (handler ?? JobOptions()).keepResult.milliseconds
    }

    private func outcome(
        _ state: JobOutcome.State, _ failure: JobFailure, _ envelope: Envelope, attempt: Int,
        keep: Int
    ) -> [Ack.Write] {
        guard keep > 0, let id = envelope.id else { return unlock(envelope) }
        let json = JobOutcome.ended(
            state, failure, attempt: attempt, started: started, finished: finished)
        return [
            .result(id: id.description, milliseconds: keep, json: json, client: envelope.answer)
        ] + unlock(envelope)
    }

    private func bury(
        _ envelope: Envelope, reason: String, attempt: Int, failure: JobFailure, keep: Int
    ) -> Verdict {
        bury(
            reason: reason, name: envelope.job, id: envelope.id?.description, attempt: attempt,
            job: held.delivery.json, failure: failure, keep: keep, answer: envelope.answer,
            further: unlock(envelope)
        ).ending(.dead, failure, envelope)
    }

    private func bury(
        reason: String, name: String, id: String?, attempt: Int, job: [UInt8],
        failure: JobFailure, keep: Int, answer: String? = nil, further: [Ack.Write] = []
    ) -> Verdict {
        let line = printable(reason, limit: 600)
        var writes: [Ack.Write] = [.bury(reason: line, job: job)]
        if keep > 0, let id {
            let json = JobOutcome.ended(
                .dead, failure, attempt: attempt, started: started, finished: finished)
            writes.append(.result(id: id, milliseconds: keep, json: json, client: answer))
        }
        return Verdict(
            ack: Ack(tag: held.delivery.tag, writes: writes + further + forget),
            end: JobEnd(
                verdict: .buried, job: name, id: id ?? "", queue: queue, attempt: attempt,
                ran: ran, reason: line, retryIn: nil),
            handled: true)
    }

    func verdict(
        _ writes: [Ack.Write], _ kind: JobEnd.Verdict, _ envelope: Envelope, id: JobID?,
        attempt: Int, reason: String = "", retryIn: Duration? = nil, handled: Bool = true
    ) -> Verdict {
        Verdict(
            ack: Ack(
                tag: held.delivery.tag,
                // Nearly always none: an array a job less.
                writes: isMarked && kind.endsDelivery ? writes + forget : writes),
            end: JobEnd(
                verdict: kind, job: envelope.job, id: id?.description ?? "", queue: queue,
                attempt: attempt, ran: ran, reason: reason, retryIn: retryIn),
            handled: handled)
    }

    /// The server keeps a crash count or the mark of a cancel for it.
    private var isMarked: Bool { held.delivery.crashes > 0 || held.delivery.isCancelled }

    /// Drops the crash count and the mark of a cancel, where there is one.
    private var forget: [Ack.Write] {
        guard isMarked else { return [] }
        let id = Envelope.idAtStart(of: held.delivery.json)?.description
        return [.forget(id: id ?? sha1Hex(held.delivery.json))]
    }
}

extension JobFailure {
    /// An error as it is kept: type and text, cut by scalars, escaped only when it is shown.
    ///
    /// - Parameter redact: Takes out what must not be kept.
    init(_ error: any Error, redact: (String) -> String) {
        let text =
            switch error {
            case JobError.retry(_, let reason): reason.isEmpty ? "asked to run again" : reason
            case JobError.bury(let reason): reason
            default: "\(error)"
            }
        self.init(
            type: "\(Swift.type(of: error))",
            message: String(String.UnicodeScalarView(redact(text).unicodeScalars.prefix(500))))
    }
}
