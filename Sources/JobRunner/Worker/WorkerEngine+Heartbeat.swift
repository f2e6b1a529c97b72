internal import RedisLink
internal import Synchronization

/// The heartbeat: renews the leases, hears the news, flushes the counters. On the clock's
/// thread and the heartbeat connection's.
extension WorkerEngine {
    /// Six in a lease, one a second at least.
    ///
    /// A lease that lapses during three lost ticks would be lost to a hiccup. And the queue's clock
    /// counts at most a quarter of a lease between two sweeps: ticks of one worker alone that came
    /// more rarely would make it slow, and the leases of the dead longer than they are.
    var tickInterval: Duration {
        min(.seconds(1), .nanoseconds(options.visibilityTimeout.nanoseconds / 6))
    }

    /// - Throws: `RedisError.unreachable` when the system gives no thread.
    func startClock() throws(RedisError) {
        try clock.start(
            every: tickInterval, onTick: { self.tickAll() },
            onWake: { now in
                // In this order: what is found stuck may begin a stop, or end one.
                let next = min(
                    self.enforceLimits(now), self.watchCancelled(now), self.enforceStop(now),
                    self.watchPool(now), self.promoteDue(now),
                    self.scheduler?.fireDue() ?? .max)
                self.kick()
                return next
            })
    }

    // MARK: Ticks

    private func tickAll() {
        wallOffset.store(
            WallClock.milliseconds() - Int(monotonicNanoseconds() / 1_000_000), ordering: .relaxed)
        let count = state.withLock { $0.isDrained ? 0 : $0.dispatch.lanes.count }
        guard count > 0 else { return }
        for index in 0..<count { tick(index, sweepsNow: false) }
        // Of the other queues no tick tells.
        scheduler?.look(but: queueNames)
        keepClaims()
        keepLocks()
        publish()
        askPool(monotonicNanoseconds())
    }

    private func tick(_ index: Int, sweepsNow: Bool) {
        let lane = state.withLock { $0.dispatch.lanes[index] }
        let call = lane.store.tick(
            worker: lane.worker, joins: !lane.isJoined, upkeep, sweepsNow: sweepsNow)
        heartbeat.submit(call) { result in
            switch result {
            case .success(let reply): self.ticked(index, lane.life, reply, isSweep: sweepsNow)
            case .failure(.stopped): break
            case .failure(let error):
                self.options.onEvent(.trouble(queue: lane.store.keys.name, error))
            }
        }
        flush(index, lane.store)
    }

    private func ticked(_ index: Int, _ life: Int, _ reply: TickReply, isSweep: Bool) {
        Failpoint.ticked.pass()
        // First of all: whoever is killed before it has asked leaves it to the next sweep.
        reap(reply.reaping, index)
        guard reply.isAlive else { return lost(index, life: life) }
        let now = monotonicNanoseconds()
        serverOffset.store(reply.now - Int(now / 1_000_000), ordering: .relaxed)
        // Once a tick, and after all queues were heard of.
        let scales = !isSweep && index == options.queues.count - 1
        let isShortOfMemory = scales && isShortOfMemory
        let (news, change, orders) = state.withLock { state in
            let news = state.news(
                index, life, reply, self.upkeep.lease, now, knows: { self.knows($0) })
            let isMuted = state.dispatch.lanes.contains { !$0.muted.isEmpty }
            self.hasMuted.store(isMuted, ordering: .relaxed)
            let change =
                scales ? state.rescale(isShortOfMemory: isShortOfMemory, now: now) : nil
            return (news, change, state.orders(now: now))
        }
        if let change {
            options.onEvent(.scaled(from: change.from, to: change.to, change.reason))
        }
        if news.hasJoined { Failpoint.joined.pass() }
        perform(orders)
        let store = news.store
        if news.hasJoined {
            options.onEvent(.joined(queue: store.keys.name, worker: news.worker))
        }
        if news.asksForCancelled { askForCancelled(index, life, store) }
        if news.isStale { kick(isForced: true) }
        buryParked(reply.parked, index, store)
        checkBlockades(reply.blocked, index, workers: reply.workers)
        if let due = reply.due, due <= reply.now + QueueStore.scheduleHorizon {
            scheduler?.look(store.keys.name)
        }
        listen(index)
        if let next = reply.next { clock.wake(at: now + Int64(next) * 1_000_000) }
        if reply.hasMore { tick(index, sweepsNow: true) }
    }

    /// Gives back the jobs of workers that a sweep found gone: nobody else hears of them until the
    /// next one.
    func reap(_ workers: [String], _ index: Int) {
        guard !workers.isEmpty else { return }
        let store = state.withLock { $0.dispatch.lanes[index].store }
        for worker in workers { reap(worker, index, store) }
    }

    /// Call by call until none is left.
    private func reap(_ worker: String, _ index: Int, _ store: QueueStore) {
        // Twice the limit workers go by: this is for jobs that kill even the one that buries.
        let call = store.reap(
            worker: worker, isSure: false, crashes: max(5, options.poisonLimit + 2))
        heartbeat.submit(call) { result in
            // A failure is repeated by the next sweep: the worker is still in `reaping`.
            if case .failure(let error) = result {
                if case .stopped = error { return }
                return self.options.onEvent(.trouble(queue: store.keys.name, error))
            }
            guard case .success(let counts?) = result else { return }
            Failpoint.reaped.pass()
            self.tell(counts.dead, .poison, store)
            if counts.given + counts.buried > 0 {
                self.state.withLock {
                    $0.dispatch.lanes[index].counts.reaped += counts.given
                    $0.dispatch.lanes[index].counts.buried += counts.buried
                }
                self.options.onEvent(
                    .reaped(
                        queue: store.keys.name, worker: worker, given: counts.given,
                        buried: counts.buried))
            }
            if counts.left > 0 { self.reap(worker, index, store) }
        }
    }

    /// A handler here takes such jobs.
    func knows(_ kind: JobKind) -> Bool {
        handlers[kind.name].map { kind.version <= $0.version } ?? false
    }

    /// Parked jobs that no worker came for go to the dead, in bounded numbers.
    private func buryParked(
        _ parked: [(kind: JobKind, age: Int)], _ index: Int, _ store: QueueStore
    ) {
        for (kind, age) in parked where age >= options.parkedAge.milliseconds && !knows(kind) {
            heartbeat.submit(store.unpark(kind, .bury, age: options.parkedAge)) { result in
                guard let (moved, _, taken) = try? result.get(), moved > 0 else { return }
                self.tell(taken, .parked(kind, "parked too long"), store)
                self.state.withLock { $0.dispatch.lanes[index].counts.buried += moved }
                self.options.onEvent(
                    .parkedTooLong(queue: store.keys.name, kind: kind.description, jobs: moved))
            }
        }
    }

    // MARK: Cancellation and limits

    private func askForCancelled(_ index: Int, _ life: Int, _ store: QueueStore) {
        let jobs = state.withLock { $0.dispatch.jobs(of: index) }
        let asked: [(tag: Int, id: String)] = jobs.compactMap { delivery in
            Envelope.idAtStart(of: delivery.json).map { (delivery.tag, $0.description) }
        }
        guard !asked.isEmpty else { return }
        heartbeat.submit(store.cancelled(asked.map(\.id))) { result in
            let marks = try? result.get()
            self.state.withLock { state in
                // Unanswered: the next tick's `cancels` is news again.
                guard let marks else { return state.dispatch.lanes[index].cancels = "?" }
                state.cancel(
                    Set(zip(asked, marks).compactMap { $1 ? $0.tag : nil }), in: index, life: life)
            }
            self.clock.wake(at: monotonicNanoseconds())
        }
    }

    /// Cancels runs that are out of time; returns when the next one will be.
    private func enforceLimits(_ now: Int64) -> Int64 {
        state.withLock { state in
            var next = Int64.max
            for slot in state.runs.indices {
                guard let deadline = state.runs[slot].deadline else { continue }
                if deadline <= now {
                    state.cancel(slot, .timeLimit(state.runs[slot].timeLimit))
                    state.runs[slot].deadline = nil
                } else {
                    next = min(next, deadline)
                }
            }
            return next
        }
    }

    /// Ends a stop that takes too long; returns when it is to be asked again.
    private func enforceStop(_ now: Int64) -> Int64 {
        let (cancelsAt, givesUpAt, awaited) = state.withLock {
            ($0.cancelsAt, $0.givesUpAt, $0.awaited)
        }
        if awaited == .stuckOnly {
            giveUp()
            return .max
        }
        guard cancelsAt <= now else {
            return awaited == .others ? cancelsAt : min(cancelsAt, now + 50_000_000)
        }
        cancelAll(.stopping)
        guard givesUpAt <= now else { return givesUpAt }
        giveUp()
        return .max
    }

    // MARK: Counters and info

    /// Adds what was counted since the last flush to the minute's counters.
    func flush(_ index: Int, _ store: QueueStore) {
        let minute = WallClock.milliseconds() / 60_000
        let (counts, waiting) = state.withLock { state in
            (
                state.dispatch.lanes[index].counts.take(),
                state.dispatch.lanes[index].takeWaiting(minute: minute)
            )
        }
        if let command = store.count(counts.fields, waiting: waiting, minute: minute) {
            heartbeat.submit(command) { _ in }
        }
    }

    private func publish() {
        let info = describe()
        let json = info.json()
        let key = client.keys.worker(identity.id)
        var words = Arguments(calling: Scripts.publish, keys: [key])
        words.append(json)
        words.append(WorkerInfo.kept(lease: upkeep.lease))
        heartbeat.submit(Command(script: Scripts.publish, words)) { _ in }
    }

    /// What this worker is and does now.
    func describe() -> WorkerInfo {
        let now = monotonicNanoseconds()
        let wall = WallClock.milliseconds()
        let (runs, open, busy, buffered, phase, starved) = state.withLock { state in
            (
                state.runs, state.dispatch.openSlots, state.dispatch.busy, state.dispatch.buffered,
                state.dispatch.phase, state.pool.starvations
            )
        }
        var running: [WorkerInfo.Running] = []
        let longest = runs.indices.filter { runs[$0].held != nil }
            .sorted { runs[$0].startedAt < runs[$1].startedAt }
        for slot in longest.prefix(64) {
            guard let held = runs[slot].held else { continue }
            let envelope = try? Envelope(held.delivery.json)
            running.append(
                WorkerInfo.Running(
                    slot: slot, job: envelope?.job ?? "", id: envelope?.id?.description ?? "",
                    queue: options.queues[held.lane].name,
                    since: wall - Int((now - runs[slot].startedAt) / 1_000_000)))
        }
        var info = WorkerInfo(
            id: identity.id, host: identity.host, pid: identity.pid,
            supervisor: options.supervisor, version: version, started: startedAt, state: "\(phase)",
            queues: options.queues.map(\.name), handlers: handlers.keys.sorted(),
            versions: handlers.mapValues(\.version).filter { $0.value != .max },
            slots: open, scale: options.slots.count > 1 ? options.slots : nil,
            busy: busy, buffered: buffered,
            rss: ProcessMemory.resident(), starved: starved, running: running)
        let locks = describeLocks()
        if locks.count > 0 { (info.lockCount, info.locks) = (locks.count, locks.longest) }
        return info
    }
}
