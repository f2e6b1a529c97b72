package import RedisLink
internal import Synchronization

/// Takes jobs from queues and runs their handlers, until it is stopped.
///
///     var builder = WorkerBuilder()
///     builder.handle(WelcomeEmail.self) { job, context in … }
///     let worker = try Worker(builder)
///     try await worker.run()
///
/// `jobrunner work` is this with signals, logs and a banner. A worker runs once.
public final class Worker: Sendable {
    let engine: WorkerEngine

    /// `<host>-<pid>-<random>`, new for every life of a process.
    public var id: String { engine.identity.id }

    /// Makes a worker; nothing is sent yet.
    ///
    /// - Parameter url: As `JobClient`'s.
    /// - Throws: `JobRunnerError.invalid` for options out of bounds or a name registered twice,
    ///   `RedisURLError`, `RedisRouterError`, `RedisError` when out of descriptors.
    public convenience init(
        _ builder: WorkerBuilder, url: String? = nil, prefix: String = "jobrunner",
        options: WorkerOptions = WorkerOptions()
    ) throws {
        try self.init(
            builder, url: RedisURL(url ?? JobClient.urlOfEnvironment()), prefix: prefix,
            options: options)
    }

    package init(
        _ builder: WorkerBuilder, url: RedisURL, prefix: String, options: WorkerOptions
    ) throws {
        try Failpoint.check()
        try options.check()
        for handler in builder.handlers.values {
            try handler.options.rateLimit?.check()
            try handler.options.concurrencyLimit?.check()
        }
        if let name = builder.repeated.first {
            throw JobRunnerError.invalid("two handlers are registered for '\(printable(name))'")
        }
        do { try builder.checkSchedules() } catch let error as ScheduleError {
            throw JobRunnerError.invalid(error.description)
        }
        for name in builder.handlers.keys { _ = try NameError.check(name, as: .job) }
        guard !builder.handlers.isEmpty else {
            throw JobRunnerError.invalid("no job types are registered; nothing to work on")
        }
        var connection = ConnectionOptions()
        connection.scripts = Scripts.ofWorkers + Scripts.ofClients
        connection.name = "jobrunner-worker"
        let onEvent = options.onEvent
        connection.onEvent = { onEvent(.connection($0)) }
        let router = try RedisRouter(url, options: connection)
        engine = try WorkerEngine(
            router: router, prefix: prefix, options: options, handlers: builder.handlers,
            schedules: builder.schedules, identity: WorkerIdentity())
    }

    /// Works until `stop` or `stopNow`; returns when nothing of its is left in Redis.
    ///
    /// - Throws: `JobRunnerError.invalid` when the queues' visibility timeout is another,
    ///   `JobRunnerError.redis` for what does not pass by itself: a refused login, missing
    ///   rights, a key of another type. An outage is waited out.
    /// - Returns: How many jobs were given back, begun or not; see `interrupted`.
    @discardableResult
    public func run() async throws -> Int {
        guard try await checkUntilStopped() else { return 0 }
        let note = Command(["SADD", engine.client.keys.queues] + engine.options.queues.map(\.name))
        engine.router.connection(for: engine.client.keys.queues).submit(note) { _ in }
        noteLimits()
        do throws(RedisError) { try engine.startClock() } catch {
            engine.closeConnections()
            engine.router.close()
            throw JobRunnerError.redis(error)
        }
        await engine.waitUntilDrained()
        engine.state.withLock { $0.interrupted += $0.dispatch.busy }
        await leave()
        let released = engine.state.withLock { $0.released + $0.dispatch.released }
        engine.options.onEvent(.stopped(released: released))
        return released
    }

    /// Leaves word of the limits in its code, for those who look at them or change them.
    private func noteLimits() {
        let keys = engine.client.keys
        let limits = LimitDeclaration.all(of: engine.handlers, host: engine.identity.host)
        guard let note = LimitDeclaration.note(limits, keys) else { return }
        engine.router.connection(for: keys.limits).submit(note) { _ in }
    }

    /// False when it was stopped before it was known whether it may work.
    private func checkUntilStopped() async throws -> Bool {
        let checks = Task {
            try await checkQueues()
            try await declareSchedules()
        }
        let isStopped = engine.state.withLock { state in
            state.checks = checks
            return state.dispatch.phase == .draining
        }
        if isStopped { checks.cancel() }
        do {
            try await withTaskCancellationHandler {
                try await checks.value
            } onCancel: {
                checks.cancel()
            }
            return true
        } catch {
            engine.closeConnections()
            engine.router.close()
            guard isStopping else { throw error }
            engine.options.onEvent(.stopped(released: 0))
            return false
        }
    }

    /// How many runs were begun and given back, because the stop came before their end.
    public var interrupted: Int { engine.state.withLock { $0.interrupted } }

    /// Takes no more jobs and goes on with those it has: for a deploy that is about to stop it.
    ///
    /// The event `quiet` says when nothing more can come.
    public func quiet() {
        engine.state.withLock { state in
            if state.dispatch.phase == .working { state.dispatch.phase = .quiet }
        }
        engine.stopParking()
    }

    /// Finishes what runs, gives back the rest; after the drain timeout cancels what still
    /// runs and gives that back too, its attempt not spent.
    public func stop() {
        engine.stop()
    }

    /// Cancels what runs and gives everything back at once.
    ///
    /// The process must end then:
    /// a handler that ignores cancellation would go on beside its job's next run.
    public func stopNow() {
        engine.state.withLock { state in
            state.dispatch.phase = .draining
            state.checks?.cancel()
        }
        engine.stopParking()
        engine.cancelAll(.stopping)
        engine.giveUp()
    }

    /// Who runs what since when, one line a slot, for people.
    public func report() -> [String] {
        let info = engine.describe()
        let now = WallClock.milliseconds()
        let head =
            "\(info.state): \(info.busy) of \(info.slots) slots busy, \(info.buffered) fetched"
        return [head]
            + info.running.map { run in
                let seconds = Double(now - run.since) / 1000
                return
                    "slot \(run.slot): \(printable(run.job)) \(run.queue)/\(run.id) "
                    + "for \(seconds) s"
            }
    }

    var isStopping: Bool {
        engine.state.withLock { $0.dispatch.phase == .draining }
    }

    /// Gives back what is still held, uncounted, and forgets this worker.
    private func leave() async {
        // What still runs on these would take jobs, or counts, that nobody gives back.
        await engine.clock.stop()
        for connection in engine.parking {
            await connection.end(patience: WorkerEngine.parkingPatience)
        }
        var isAnswered = true
        let lanes = engine.state.withLock { $0.dispatch.lanes }
        for (index, lane) in lanes.enumerated() where isAnswered {
            engine.settleStuck(index)
            // On the connection of the cycles: what is on the wire is executed first.
            if lane.isJoined { isAnswered = await sendAcks(index, lane) }
            guard isAnswered else { break }
            engine.flush(index, lane.store)
            isAnswered = await giveBack(lane, engine.router.connection(for: lane.store.keys.ready))
            // Once more behind the last tick: it may have been a join.
            if isAnswered { isAnswered = await giveBack(lane, engine.heartbeat) }
        }
        // When Redis is away, a reaper does it after the visibility timeout: one wait is enough.
        if isAnswered {
            let forget = Command("DEL", engine.client.keys.worker(engine.identity.id))
            _ = try? await engine.heartbeat.send(forget)
        }
        engine.closeConnections()
        engine.router.close()
    }

    /// Sends what ended and is not confirmed, so that it is not given back and run again; false
    /// when Redis does not answer.
    private func sendAcks(_ index: Int, _ lane: Lane) async -> Bool {
        var acks = engine.state.withLock { state in
            guard state.dispatch.lanes[index].life == lane.life else { return [Ack]() }
            return state.dispatch.lanes[index].takeAcks()
        }
        let connection = engine.router.connection(for: lane.store.keys.ready)
        while !acks.isEmpty {
            let some = Array(acks.prefix(1000))
            acks.removeFirst(some.count)
            do {
                let call = lane.store.cycle(worker: lane.worker, want: 0, acks: some)
                guard case .done = try await connection.send(call) else { return true }
                engine.state.withLock { $0.released += some.count { $0.isRelease } }
            } catch .server {
                // What the server refuses is given back; the others may pass.
            } catch {
                return false
            }
        }
        return true
    }

    /// Call by call until nothing is left; false when Redis does not answer.
    private func giveBack(_ lane: Lane, _ connection: Connection) async -> Bool {
        while true {
            Failpoint.givingBack.pass()
            let call = lane.store.reap(worker: lane.worker, isSure: true, crashes: 0)
            do {
                guard let counts = try await connection.send(call) else { return true }
                engine.state.withLock { $0.released += counts.given }
                if counts.left == 0 { return true }
            } catch {
                return false
            }
        }
    }
}
