internal import RedisLink

extension Worker {
    /// Keeps the schedules that the app declares, once, as the worker starts.
    ///
    /// Not again while it runs: in a rolling deploy the last to start has the last word, and
    /// nothing goes to and fro.
    ///
    /// - Throws: `JobRunnerError.invalid`, and `JobRunnerError.redis` for a refusal that waiting
    ///   does not mend. An outage is waited out; on a full server the schedules stay as they are.
    func declareSchedules() async throws {
        for declared in engine.schedules {
            let schedule = declared.schedule
            var backoff = Backoff()
            var random = SystemRandomNumberGenerator()
            var isKept = false
            while !isKept {
                do {
                    let schedules = engine.client.schedules
                    let addition = try await schedules.put(schedule, source: declared.source)
                    engine.options.onEvent(
                        .declared(
                            schedule: schedule.name, queue: schedule.queue, addition))
                    if let isEnabled = declared.isEnabled {
                        try await schedules.enable(schedule.name, isEnabled)
                    }
                    isKept = true
                } catch let error as ScheduleError {
                    throw JobRunnerError.invalid(error.description)
                } catch {
                    guard case JobRunnerError.redis(let cause) = error else { throw error }
                    engine.options.onEvent(.trouble(queue: schedule.queue, cause))
                    if case .server(let refusal) = cause, refusal.code == .OOM { break }
                    guard cause.isTransient, !isStopping else { throw error }
                    // Redis is away: between two tries.
                    try await Task.sleep(for: .nanoseconds(backoff.next(using: &random)))
                }
            }
        }
    }
}

extension WorkerEngine {
    /// Those whose first tick `tick` tells of.
    var queueNames: Set<String> { Set(options.queues.map(\.name)) }

    /// For the worker's queues, and those that its own schedules enqueue to.
    static func scheduler(
        _ keys: Keys, _ options: WorkerOptions, _ schedules: [DeclaredSchedule],
        _ connection: Connection,
        _ clock: WorkerClock
    ) -> Scheduler? {
        guard options.runsSchedules else { return nil }
        let queues = options.queues.map(\.name) + schedules.map(\.schedule.queue)
        let onEvent = options.onEvent
        return Scheduler(
            keys: keys, queues: queues, connection: { _ in connection },
            wake: { [weak clock] in clock?.wake(at: $0) },
            onNews: { news in
                switch news {
                case .event(let event): onEvent(.schedule(event))
                case .trouble(let queue, let error): onEvent(.trouble(queue: queue, error))
                }
            })
    }
}
