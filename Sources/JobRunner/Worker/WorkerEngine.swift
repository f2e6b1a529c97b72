internal import RedisLink
internal import Synchronization

/// Carries out what `Dispatch` decides: sends cycles, blocks for wake-ups, runs handlers.
///
/// Threads that enter: the connections' (replies), the clock's (ticks, time limits), the
/// cooperative pool's (handlers that end). All state is under one lock, held for
/// microseconds and never across a call out.
final class WorkerEngine: Sendable {
    struct State: Sendable {
        var dispatch: Dispatch
        var runs: [SlotRun]
        var released = 0
        /// Runs that were begun and given back: the stop came before their end.
        var interrupted = 0
        /// Resumed when the last job ended and every ack is confirmed.
        var drained: CheckedContinuation<Void, Never>?
        var isDrained = false
        /// Finds out whether this worker may work; a stop cancels it.
        var checks: Task<Void, any Error>?
        var isParkingStopped = false
        /// Lanes whose bell is listened for.
        var listening: Set<Int> = []
        var pool = PoolWatch()
        /// Nil when the number of slots is fixed.
        var scale: SlotScale?
        /// Starvations of the pool at the last look.
        var starvationsSeen = 0
        /// Kinds of jobs that ran when the pool starved, and those that run on threads for it.
        var blockers: Set<String> = []
        var moved: Set<String> = []
        /// Monotonic ns at which a stop cancels what still runs, and at which it leaves it behind.
        var cancelsAt = Int64.max
        var givesUpAt = Int64.max
    }

    let options: WorkerOptions
    let handlers: [String: Handler]
    let identity: WorkerIdentity
    let state: Mutex<State>
    let clock: WorkerClock
    let router: RedisRouter
    let parking: [Connection]
    /// Of the lanes, in order: each waits for its bell.
    let bells: [Connection]
    let heartbeat: Connection
    let upkeep: Upkeep
    /// What the app declares.
    let schedules: [DeclaredSchedule]
    /// Nil: others enqueue the ticks.
    let scheduler: Scheduler?
    /// Wall clock minus monotonic clock, ms.
    let wallOffset: Atomic<Int>
    /// The server's clock minus the monotonic clock, ms.
    let serverOffset: Atomic<Int>
    /// ms since 1970.
    let startedAt = WallClock.milliseconds()
    /// Some kinds run on threads for having blocked the pool.
    let hasMoved = Atomic(false)
    /// Some kinds of jobs are paused in a queue.
    let hasMuted = Atomic(false)
    /// Of the handlers, by their names: most places.
    let concurrencyLimits: [String: Int]
    let desk: LimitDesk
    /// That runs hold, by their holders.
    let locks = Mutex([String: HeldLock]())
    /// For handlers that block.
    let threads = BlockingThreads()
    /// For handlers that enqueue or report; shares the worker's sockets.
    let client: JobClient

    /// - Throws: `RedisError.unreachable` when the process is out of descriptors.
    init(
        router: RedisRouter, prefix: String, options: WorkerOptions, handlers: [String: Handler],
        schedules: [DeclaredSchedule] = [], identity: WorkerIdentity
    ) throws {
        let keys = Keys(prefix: prefix)
        self.router = router
        self.options = options
        self.handlers = handlers
        self.identity = identity
        let lanes = options.queues.map {
            Lane(QueueStore(keys.queue($0.name)), weight: $0.weight ?? 1, worker: identity.id)
        }
        let isStrict = options.queues.allSatisfy { $0.weight == nil }
        let dispatch = Dispatch(
            lanes: lanes, isStrict: isStrict, concurrency: options.concurrency,
            most: options.maxConcurrency)
        var initial = State(
            dispatch: dispatch, runs: Array(repeating: SlotRun(), count: dispatch.slots.count))
        if options.slots.count > 1 { initial.scale = SlotScale(options.slots) }
        state = Mutex(initial)
        let offset = WallClock.milliseconds() - Int(monotonicNanoseconds() / 1_000_000)
        wallOffset = Atomic(offset)
        serverOffset = Atomic(offset)
        client = JobClient(sharing: router, prefix: prefix)
        desk = LimitDesk(router)
        var limits: [String: Int] = [:]
        for handler in handlers.values {
            guard let limit = handler.options.concurrencyLimit else { continue }
            limits[limit.name ?? handler.name] = limit.most
        }
        concurrencyLimits = limits
        parking = try lanes.map { try router.dedicated(for: $0.store.keys.ready) }
        bells = try lanes.map { try router.dedicated(for: $0.store.keys.bell, isMinor: true) }
        let heartbeat = try router.dedicated(for: keys.queues)
        let clock = try WorkerClock()
        self.heartbeat = heartbeat
        self.clock = clock
        self.schedules = schedules
        scheduler = Self.scheduler(keys, options, schedules, heartbeat, clock)
        var upkeep = Upkeep()
        upkeep.lease = options.visibilityTimeout.milliseconds
        // Half the interval of ticks: one that comes a millisecond early sweeps all the same.
        upkeep.sweep = min(500, upkeep.lease / 12)
        upkeep.deadJobs = options.deadJobs
        upkeep.deadAge = options.deadAge.milliseconds
        self.upkeep = upkeep
    }

    // MARK: Orders

    /// Asks what is to be done, and does it.
    func kick(isForced: Bool = false) {
        let now = monotonicNanoseconds()
        perform(state.withLock { $0.orders(now: now, isForced: isForced) })
    }

    func perform(_ orders: Dispatch.Orders) {
        for cycle in orders.cycles {
            router.connection(for: cycle.call.key).submit(cycle.call) {
                self.cycled(cycle.lane, life: cycle.life, serial: cycle.serial, $0)
            }
        }
        for (slot, held) in orders.starts { start(slot, held) }
        for (lane, life, fetch) in orders.parks { park(lane, life, fetch) }
        for lane in orders.unparks {
            let store = state.withLock { $0.dispatch.lanes[lane].store }
            router.connection(for: store.keys.ready).submit(store.unpark()) { _ in }
        }
        for lane in orders.reconciles { reconcile(lane) }
        if let at = orders.wakeAt { clock.wake(at: at) }
        if orders.isDrained { drained() }
    }

    private func cycled(
        _ lane: Int, life: Int, serial: Int, _ result: Result<CycleReply, RedisError>
    ) {
        let now = monotonicNanoseconds()
        switch result {
        case .success(.lost):
            lost(lane, life: life)
        case .success(let reply):
            if case .done(_, let acked, _, let jobs, _) = reply {
                if acked > 0 { Failpoint.acked.pass() }
                if !jobs.isEmpty { Failpoint.fetched.pass() }
            }
            perform(
                state.withLock { state in
                    state.dispatched {
                        $0.cycled(lane, life: life, serial: serial, reply, now: now)
                    }
                })
        case .failure(let error):
            if case .stopped = error { return }
            var random = SystemRandomNumberGenerator()
            let (orders, queue) = state.withLock { state in
                let orders = state.dispatched {
                    $0.cycleFailed(
                        lane, life: life, serial: serial, isRefused: error.isRefusal, now: now,
                        using: &random)
                }
                return (orders, state.dispatch.lanes[lane].store.keys.name)
            }
            options.onEvent(.trouble(queue: queue, error))
            perform(orders)
        }
    }

    /// Blocks on the server until a job comes; the reply is only a wake-up.
    ///
    /// A fetch sent behind it is executed in the moment it wakes: then the job comes with it.
    private func park(
        _ lane: Int, _ life: Int, _ fetch: (serial: Int, call: Call<CycleReply>)?
    ) {
        let store = state.withLock { $0.dispatch.lanes[lane].store }
        // Longer than the server's 2 s by the 5 s that a slow server may take.
        let timeout: Duration = .seconds(7)
        let hasFetch = fetch != nil
        parking[lane].submit(store.park(seconds: 2), timeout: timeout) { result in
            var hasJob = false
            var wait: Int64 = 0
            switch result {
            case .success(let parked):
                hasJob = parked
                if parked { Failpoint.woken.pass() }
            case .failure(.stopped): return
            // OOM, among others: the wake-up works again later; meanwhile look once a second.
            case .failure: wait = 1_000_000_000
            }
            let now = monotonicNanoseconds()
            self.perform(
                self.state.withLock { state in
                    hasFetch
                        ? state.dispatch.rest(lane, wait: wait, now: now)
                        : state.dispatched { $0.woke(lane, hasJob: hasJob, wait: wait, now: now) }
                })
        }
        guard let fetch else { return }
        parking[lane].submit(fetch.call, timeout: timeout) { result in
            if case .failure = result {
                self.fetchFailed(lane, life, fetch.serial)
            } else {
                self.cycled(lane, life: life, serial: fetch.serial, result)
            }
        }
    }

    /// A parked fetch was not answered; the cycles on the other connection tell why.
    private func fetchFailed(_ lane: Int, _ life: Int, _ serial: Int) {
        let now = monotonicNanoseconds()
        var random = SystemRandomNumberGenerator()
        perform(
            state.withLock { state in
                state.dispatched {
                    $0.cycleFailed(lane, life: life, serial: serial, now: now, using: &random)
                }
            })
    }

    /// The server holds other jobs for this worker than the worker knows of.
    private func reconcile(_ index: Int) {
        let (store, worker, life) = state.withLock {
            let lane = $0.dispatch.lanes[index]
            return (lane.store, lane.worker, lane.life)
        }
        router.connection(for: store.keys.ready).submit(store.tags(of: worker)) { result in
            let strange = self.state.withLock { state in
                // Without an answer nothing is known: the next cycle's `held` asks again.
                (try? result.get()).map { state.dispatch.listed(index, life: life, tags: $0) } ?? []
            }
            guard !strange.isEmpty else { return self.reconciled(index, life, [], missing: 0) }
            self.router.connection(for: store.keys.ready).submit(
                store.jobs(of: worker, tags: strange)
            ) { result in
                let jobs = (try? result.get()) ?? []
                let found = zip(strange, jobs).compactMap { tag, json in json.map { (tag, $0) } }
                self.reconciled(index, life, found, missing: strange.count - found.count)
            }
        }
    }

    private func reconciled(
        _ lane: Int, _ life: Int, _ strange: [(tag: Int, json: [UInt8])], missing: Int
    ) {
        let now = monotonicNanoseconds()
        let (orders, queue) = state.withLock { state in
            let orders = state.dispatched {
                $0.reconciled(lane, life: life, strange: strange, missing: missing, now: now)
            }
            return (orders, state.dispatch.lanes[lane].store.keys.name)
        }
        if !strange.isEmpty { options.onEvent(.reconciled(queue: queue, jobs: strange.count)) }
        perform(orders)
    }

    /// The lease of a lane is lost: its jobs are another's now.
    func lost(_ lane: Int, life: Int) {
        let change: (queue: String, worker: String, slots: [Int])? = state.withLock { state in
            // One that has left is unknown to the server, and must not join again.
            guard state.dispatch.lanes[lane].life == life, !state.isDrained else { return nil }
            let old = state.dispatch.lanes[lane]
            let slots = state.dispatch.lost(lane, newWorker: identity.next(life: life + 1))
            for slot in slots { state.cancel(slot, .leaseLost) }
            return (old.store.keys.name, old.worker, slots)
        }
        guard let change else { return }
        clock.wake(at: monotonicNanoseconds())
        options.onEvent(
            .leaseLost(queue: change.queue, worker: change.worker, running: change.slots.count))
        clock.tickNow()
    }
}

extension RedisError {
    /// The server answered, and waiting will not change its mind.
    fileprivate var isRefusal: Bool {
        if case .server(let error) = self { !error.code.isTransient } else { false }
    }
}
