internal import RedisLink

extension WorkerEngine {
    /// What a slot runs.
    struct SlotRun: Sendable {
        var held: Held?
        /// Monotonic ns.
        var startedAt: Int64 = 0
        /// Monotonic ns at which it is cancelled.
        var deadline: Int64?
        var timeLimit: Duration = .zero
        var cancel: CancelReason?
        /// Monotonic ns at which it was told to stop, and was found not to have.
        var cancelledAt: Int64?
        var stuckAt: Int64?
        var reportedAt: Int64 = 0
        /// A place under a concurrency limit.
        var claim: Claim?
        /// What it notes steps under, the id of a `StepOwner`; nil when it has none.
        var stepsOf: String?
        /// A loop gave its job back between two items, for nothing was to be waited for.
        var hasYielded = false
        /// Serves this slot, one job after another.
        var task: Task<Void, Never>?
    }
}

extension WorkerEngine.State {
    /// Applies an event; notes what starts, so that it can be seen and cancelled.
    mutating func dispatched(_ event: (inout Dispatch) -> Dispatch.Orders) -> Dispatch.Orders {
        let orders = event(&dispatch)
        guard !orders.starts.isEmpty else { return orders }
        let now = monotonicNanoseconds()
        for (slot, held) in orders.starts {
            runs[slot] = WorkerEngine.SlotRun(held: held, startedAt: now)
        }
        return orders
    }

    mutating func orders(now: Int64, isForced: Bool = false) -> Dispatch.Orders {
        dispatched { $0.orders(now: now, isForced: isForced) }
    }

    /// Ends a run; the slot goes on with the job returned.
    ///
    /// A slot that was cancelled does not go on: its task stays cancelled, and a cancel that came
    /// after the handler's last word was not meant for the next job.
    mutating func finish(_ held: Held, _ slot: Int, _ verdict: Verdict, now: Int64)
        -> (next: Held?, orders: Dispatch.Orders?)
    {
        if dispatch.lanes[held.lane].life == held.life {
            dispatch.lanes[held.lane].counts.note(verdict)
            // Of an earlier life it was not ours to give back: the lease was lost.
            // Nor was one interrupted that goes on elsewhere behind what it has done.
            if verdict.end.verdict == .released, !runs[slot].hasYielded { interrupted += 1 }
        }
        if let wait = verdict.end.retryIn {
            let due = now.addingReportingOverflow(wait.nanoseconds)
            let lane = held.lane
            if !due.overflow {
                dispatch.lanes[lane].promoteAt = min(
                    dispatch.lanes[lane].promoteAt, due.partialValue)
            }
        }
        let ack = verdict.ack(for: held.delivery, stepsOf: runs[slot].stepsOf)
        let next = dispatch.finished(
            held, slot: slot, ack: ack, goesOn: runs[slot].cancel == nil, now: now)
        if let next {
            runs[slot].held = next
            runs[slot].startedAt = now
            runs[slot].deadline = nil
            runs[slot].reportedAt = 0
            runs[slot].stepsOf = nil
        } else {
            runs[slot] = WorkerEngine.SlotRun()
        }
        if next == nil || dispatch.isDue(held.lane, now: now) { return (next, orders(now: now)) }
        return (next, dispatch.alarm(held.lane))
    }

    mutating func cancel(_ slot: Int, _ reason: CancelReason) {
        guard runs[slot].held != nil, runs[slot].cancel == nil else { return }
        runs[slot].cancel = reason
        runs[slot].cancelledAt = monotonicNanoseconds()
        runs[slot].task?.cancel()
    }
}
