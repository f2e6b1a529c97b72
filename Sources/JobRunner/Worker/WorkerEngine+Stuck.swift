internal import RedisLink
internal import Synchronization

/// Runs that were cancelled and do not end.
extension WorkerEngine {
    /// Reports slots that became stuck, and stops a worker that has one for too long; returns when
    /// it is to be asked again.
    func watchCancelled(_ now: Int64) -> Int64 {
        let watch = state.withLock { state in
            state.watchCancelled(
                now, stuckAfter: options.stuckAfter.nanoseconds,
                exitAfter: options.exitWhenStuck?.nanoseconds)
        }
        for (slot, held) in watch.stuck {
            // The time it was given, not a millisecond more: for people.
            options.onEvent(.stuck(stuckRun(slot, held, now, since: options.stuckAfter)))
        }
        if let (slot, held) = watch.hopeless {
            options.onEvent(.givingUp(stuckRun(slot, held, now)))
            stop()
        }
        return watch.next
    }

    private func stuckRun(
        _ slot: Int, _ held: Held, _ now: Int64, since cancelled: Duration? = nil
    ) -> StuckRun {
        let (startedAt, cancelledAt) = state.withLock {
            ($0.runs[slot].startedAt, $0.runs[slot].cancelledAt ?? now)
        }
        let envelope = try? Envelope(held.delivery.json)
        return StuckRun(
            job: envelope?.job ?? "", id: envelope?.id?.description ?? "",
            queue: options.queues[held.lane].name, slot: slot,
            ran: .nanoseconds(now - startedAt),
            cancelled: cancelled ?? .nanoseconds(now - cancelledAt))
    }

    /// Before a worker leaves: a run that overran its limit and is left behind has failed, or was
    /// not wanted; it is not given back untried, to do the same again for ever.
    ///
    /// What its handler says later is of a tag that is gone.
    func settleStuck(_ lane: Int) {
        let stuck = state.withLock { state in
            state.runs.indices.compactMap { slot -> (Held, CancelReason, Int64)? in
                guard let held = state.runs[slot].held, held.lane == lane,
                    let reason = state.runs[slot].cancel
                else { return nil }
                return (held, reason, state.runs[slot].startedAt)
            }
        }
        for (held, reason, startedAt) in stuck {
            guard let verdict = verdict(onStuck: held, reason, startedAt) else { continue }
            state.withLock { state in
                state.dispatch.note(verdict.ack, of: held, now: monotonicNanoseconds())
                state.dispatch.lanes[lane].counts.note(verdict)
            }
            report(verdict)
        }
    }

    /// Nil for a run that is given back as if it had not run.
    private func verdict(onStuck held: Held, _ reason: CancelReason, _ startedAt: Int64)
        -> Verdict?
    {
        guard let envelope = try? Envelope(held.delivery.json),
            let handler = handlers[envelope.job]
        else { return nil }
        switch reason {
        case .stopping, .leaseLost:
            return nil
        case .notWanted:
            return run(held, startedAt).cancelled(envelope)
        case .timeLimit(let limit):
            var random = SystemRandomNumberGenerator()
            return run(held, startedAt).failed(
                envelope, HandlerFault.stuck(limit), attempt: envelope.state.attempt + 1,
                handler: handler.options,
                newID: envelope.id ?? JobID.generate(now: Int64(WallClock.milliseconds())),
                using: &random)
        }
    }
}

extension WorkerEngine.State {
    /// What became of cancelled runs.
    struct CancelledWatch {
        /// Found stuck just now.
        var stuck: [(slot: Int, held: Held)] = []
        /// Stuck for so long that the worker must go.
        var hopeless: (slot: Int, held: Held)?
        /// Monotonic ns of the next look.
        var next = Int64.max
    }

    /// What a stop waits for.
    enum Awaited {
        /// Runs that may end by themselves, or no stop at all.
        case others
        /// Some of them ignore their cancellation.
        case someStuck
        /// All that still runs does.
        case stuckOnly
    }

    var awaited: Awaited {
        let stuck = runs.count { $0.stuckAt != nil }
        guard dispatch.phase == .draining, stuck > 0 else { return .others }
        return stuck == dispatch.busy ? .stuckOnly : .someStuck
    }

    /// - Parameters:
    ///   - stuckAfter: ns from the cancel.
    ///   - exitAfter: ns from being found stuck; nil is never.
    mutating func watchCancelled(_ now: Int64, stuckAfter: Int64, exitAfter: Int64?)
        -> CancelledWatch
    {
        var watch = CancelledWatch()
        for slot in runs.indices {
            // A stop has deadlines of its own.
            guard let held = runs[slot].held, let cancelledAt = runs[slot].cancelledAt,
                runs[slot].cancel != .stopping
            else { continue }
            let stuckAt = runs[slot].stuckAt ?? (cancelledAt + stuckAfter)
            guard stuckAt <= now else {
                watch.next = min(watch.next, stuckAt)
                continue
            }
            if runs[slot].stuckAt == nil {
                runs[slot].stuckAt = now
                watch.stuck.append((slot, held))
            }
            guard let exitAfter, dispatch.phase != .draining else { continue }
            let exitAt = (runs[slot].stuckAt ?? now) + exitAfter
            if exitAt <= now {
                watch.hopeless = watch.hopeless ?? (slot, held)
            } else {
                watch.next = min(watch.next, exitAt)
            }
        }
        return watch
    }
}
