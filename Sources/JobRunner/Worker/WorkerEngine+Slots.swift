internal import RedisLink
internal import Synchronization

/// The slots: each a task that runs one job after another, and how they come to an end.
extension WorkerEngine {
    func start(_ slot: Int, _ held: Held) {
        // Awaited by nobody: `drained` says when the last one ended. Unstructured, because a
        // handler that ignores cancellation must not hold up the others (STYLE 3.13).
        // Made under the lock, so that whoever cancels the slot finds the task it runs.
        state.withLock { state in
            let task = Task { await self.serve(slot, held) }
            state.runs[slot].task = task
            if state.runs[slot].cancel != nil { task.cancel() }
        }
    }

    /// One slot: a job, then the next that is there, until there is none.
    func serve(_ slot: Int, _ first: Held) async {
        var job: Held? = first
        while let held = job {
            let verdict = await execute(held, slot)
            Failpoint.ended.pass()
            let now = monotonicNanoseconds()
            let (next, orders) = state.withLock { $0.finish(held, slot, verdict, now: now) }
            report(verdict)
            if let orders { perform(orders) }
            job = next
        }
    }

    func report(_ verdict: Verdict) {
        switch verdict.end.verdict {
        case .done where !options.reportsJobs: break
        default: options.onEvent(.ended(verdict.end))
        }
    }

    func isCancelled(_ slot: Int) -> Bool {
        state.withLock { $0.runs[slot].cancel != nil }
    }

    func mayReport(_ slot: Int) -> Bool {
        let now = monotonicNanoseconds()
        return state.withLock { state in
            guard now - state.runs[slot].reportedAt >= 100_000_000 else { return false }
            state.runs[slot].reportedAt = now
            return true
        }
    }

    // MARK: Stopping

    /// As `Worker.stop`.
    func stop() {
        let running = state.withLock { state in
            state.dispatch.phase = .draining
            state.checks?.cancel()
            return state.dispatch.busy
        }
        stopParking()
        options.onEvent(.draining(running: running, deadline: options.drainTimeout))
        kick()
        // By the clock: handlers that block the cooperative pool would hold up a task's sleep.
        let cancelsAt = monotonicDeadline(after: options.drainTimeout)
        let (givesUpAt, overflow) = cancelsAt.addingReportingOverflow(
            options.cancelGrace.nanoseconds)
        state.withLock { state in
            state.cancelsAt = min(state.cancelsAt, cancelsAt)
            state.givesUpAt = min(state.givesUpAt, overflow ? .max : givesUpAt)
        }
        clock.wake(at: cancelsAt)
    }

    func drained() {
        let waiting = state.withLock { state in
            state.isDrained = true
            defer { state.drained = nil }
            return state.drained
        }
        waiting?.resume()
    }

    /// Returns when nothing runs and every ack is confirmed, or when `giveUp` was called.
    func waitUntilDrained() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.isDrained { state.drained = continuation }
                return state.isDrained
            }
            if isOver { continuation.resume() }
        }
    }

    /// Ends `waitUntilDrained` whatever still runs.
    func giveUp() { drained() }

    func cancelAll(_ reason: CancelReason) {
        state.withLock { state in
            for slot in state.runs.indices where state.runs[slot].held != nil {
                state.cancel(slot, reason)
            }
        }
    }

    func closeConnections() {
        for connection in parking + bells { connection.close() }
        heartbeat.close()
        threads.stop()
    }

    /// How long the server has to drop a blocking command; one that takes longer may still bring
    /// a job to this worker, which the next reaper gives back.
    static let parkingPatience: Duration = .seconds(3)

    /// Blocks on the server no more; what it brought until then is given back.
    func stopParking() {
        let isFirst = state.withLock { state in
            defer { state.isParkingStopped = true }
            return !state.isParkingStopped
        }
        guard isFirst else { return }
        // What rings from now on is for others to hear.
        for connection in bells { connection.close() }
        for connection in parking {
            connection.end(patience: Self.parkingPatience) {
                let now = monotonicNanoseconds()
                let (orders, isQuiet) = self.state.withLock { state in
                    let orders = state.dispatched { $0.parkingEnded(now: now) }
                    let isLast = state.dispatch.openParkings == 0
                    return (orders, isLast && state.dispatch.phase == .quiet)
                }
                self.perform(orders)
                if isQuiet { self.options.onEvent(.quiet) }
            }
        }
    }
}
