internal import RedisLink

/// What limits, pauses and locks make of a run.
extension Run {
    /// A job that may not start now, and waits aside until it may; its attempts unspent.
    func blocked(_ envelope: Envelope, _ blockade: Blockade, newID: JobID) -> Verdict {
        let reason =
            switch blockade {
            case .paused: "jobs of this kind are paused"
            case .slots(let limit, _): "all places of limit '\(limit)' are taken"
            }
        let job = envelope.rewritten(state: envelope.state, idIfMissing: newID)
        return verdict(
            [.block(blockade.description, job: job)] + hold(envelope), .blocked, envelope,
            id: envelope.id ?? newID, attempt: envelope.state.attempt + 1, reason: reason,
            handled: false)
    }

    /// A job over its rate limit: it starts later, its attempts unspent.
    ///
    /// - Parameters:
    ///   - reserved: The start that is its own, server µs; 0 is none.
    ///   - wait: µs until then.
    func deferred(
        _ envelope: Envelope, until reserved: Int64, wait: Int, newID: JobID,
        reason: String = "over its rate limit"
    ) -> Verdict {
        var state = envelope.state
        state.reserved = reserved
        let milliseconds = (wait + 999) / 1000
        let job = envelope.rewritten(state: state, idIfMissing: newID)
        return verdict(
            [.retry(milliseconds: milliseconds, job: job)]
                + hold(envelope, beyond: milliseconds), .deferred, envelope,
            id: envelope.id ?? newID, attempt: envelope.state.attempt + 1, reason: reason,
            retryIn: .milliseconds(milliseconds), handled: false)
    }

    // MARK: Locks

    /// Lets go of the lock of a job that is over.
    func unlock(_ envelope: Envelope) -> [Ack.Write] {
        guard let unique = envelope.unique, unique.end.isHeldByJob, let id = envelope.id else {
            return []
        }
        return [.unlock(key: unique.key, id: id.description)]
    }

    /// Lets the lock of a job that runs again live for as long as it may, from then on.
    ///
    /// - Parameter wait: ms until it is due.
    func hold(_ envelope: Envelope, beyond wait: Int = 0) -> [Ack.Write] {
        guard let unique = envelope.unique, unique.end == .done, let id = envelope.id else {
            return []
        }
        return [
            .hold(
                key: unique.key, id: id.description, milliseconds: unique.milliseconds + wait)
        ]
    }
}

extension JobEnd.Verdict {
    /// What was counted against the job is settled: it ran, or never will.
    ///
    /// One that is put aside may take down the next worker too.
    var endsDelivery: Bool {
        switch self {
        case .released, .deferred, .blocked, .parked: false
        default: true
        }
    }
}
