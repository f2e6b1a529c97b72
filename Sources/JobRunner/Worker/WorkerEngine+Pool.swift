internal import FoundationEssentials
internal import RedisLink
internal import Synchronization

/// Handlers that block the threads of all: who they may be, and where else they can run.
extension WorkerEngine {
    /// Asks the cooperative pool for a sign of life, when handlers run on it.
    func askPool(_ now: Int64) {
        let asks = state.withLock { state in
            state.dispatch.busy > 0 && state.pool.ask(now: now)
        }
        guard asks else { return }
        // Awaited by nobody: that it runs at all is the answer.
        Task { self.poolAnswered() }
        clock.wake(at: now + PoolWatch.patience)
    }

    private func poolAnswered() {
        let took = state.withLock { $0.pool.answer(now: monotonicNanoseconds()) }
        if let took { options.onEvent(.poolAnswered(after: .nanoseconds(took))) }
    }

    /// Tells when the pool does not answer; returns when to look again.
    func watchPool(_ now: Int64) -> Int64 {
        let (look, suspects) = state.withLock { state in
            let look = state.pool.look(now: now)
            return (look, look.isStarved ? state.suspects() : [])
        }
        guard look.isStarved else { return look.next }
        var runs: [BlockingRun] = []
        for (held, startedAt) in suspects {
            guard let envelope = try? Envelope(held.delivery.json),
                handlers[envelope.job]?.execution == .task
            else { continue }
            runs.append(
                BlockingRun(
                    job: envelope.job, id: envelope.id?.description ?? "",
                    queue: options.queues[held.lane].name, ran: .nanoseconds(now - startedAt)))
        }
        options.onEvent(.poolStarved(runs))
        if options.movesBlocking { move(Set(runs.map(\.job))) }
        return look.next
    }

    /// Kinds that were there twice when the pool starved, or alone, run on threads from now on.
    private func move(_ jobs: Set<String>) {
        let moved = state.withLock { state in
            let guilty = jobs.filter { state.blockers.contains($0) || jobs.count == 1 }
            state.blockers.formUnion(jobs)
            return guilty.filter { state.moved.insert($0).inserted }
        }
        for job in moved.sorted() { options.onEvent(.movedToThreads(job: job)) }
        if !moved.isEmpty { hasMoved.store(true, ordering: .relaxed) }
    }

    /// Runs a handler, on threads of its own if its kind was moved there.
    func run(_ handler: Handler, _ envelope: Envelope, _ context: JobContext) async throws
        -> [UInt8]?
    {
        guard hasMoved.load(ordering: .relaxed),
            state.withLock({ $0.moved.contains(handler.name) })
        else { return try await handler.run(envelope, context) }
        // A child of its own: a task that prefers an executor only moves when it next waits.
        return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask(executorPreference: threads) {
                try await handler.run(envelope, context)
            }
            return try await group.next() ?? nil
        }
    }
}

extension WorkerEngine.State {
    /// Runs that may hold the pool's threads: those that began since it last answered, or all when
    /// there are none; twice as many as it has threads at most, those that run longest first.
    func suspects() -> [(held: Held, startedAt: Int64)] {
        var running: [(held: Held, startedAt: Int64)] = []
        for run in runs {
            if let held = run.held { running.append((held, run.startedAt)) }
        }
        let recent = running.filter { $0.startedAt > pool.answeredAt }
        return (recent.isEmpty ? running : recent).sorted { $0.startedAt < $1.startedAt }
            .prefix(2 * ProcessInfo.processInfo.activeProcessorCount).map { $0 }
    }
}
