package import RedisLink
internal import Synchronization

/// Carries out schedules and runs no jobs: `jobrunner scheduler`.
///
/// Workers do so by themselves; this is for those who want it apart. Any number of both may run.
package final class SchedulerService: Sendable {
    private struct State {
        var isStopped = false
        var stopping: CheckedContinuation<Void, Never>?
    }

    private let router: RedisRouter
    private let keys: Keys
    private let clock: WorkerClock
    private let scheduler: Scheduler
    private let followsQueues: Bool
    private let onEvent: @Sendable (WorkerEvent) -> Void
    private let state = Mutex(State())

    /// - Parameter queues: Of which; nil is of all that there are and will be.
    /// - Throws: `NameError`, `RedisRouterError`, `RedisError` when out of descriptors.
    package init(
        url: RedisURL, prefix: String, queues: [String]?,
        onEvent: @escaping @Sendable (WorkerEvent) -> Void
    ) throws {
        var options = ConnectionOptions()
        options.scripts = [Scripts.due, Scripts.fire]
        options.name = "jobrunner-scheduler"
        options.onEvent = { onEvent(.connection($0)) }
        let names = try (queues ?? []).map { try QueueName($0).description }
        let router = try RedisRouter(url, options: options)
        let clock = try WorkerClock()
        self.router = router
        self.clock = clock
        self.onEvent = onEvent
        keys = Keys(prefix: prefix)
        followsQueues = queues == nil
        scheduler = Scheduler(
            keys: keys, queues: names, connection: { router.connection(for: $0) },
            wake: { [weak clock] in clock?.wake(at: $0) },
            onNews: { news in
                switch news {
                case .event(let event): onEvent(.schedule(event))
                case .trouble(let queue, let error): onEvent(.trouble(queue: queue, error))
                }
            })
    }

    /// Works until `stop`.
    ///
    /// - Throws: `RedisError.unreachable` when the system gives no thread.
    package func run() async throws {
        defer { router.close() }
        try clock.start(
            every: .seconds(1), onTick: { self.look() },
            onWake: { _ in self.scheduler.fireDue() })
        await withCheckedContinuation { continuation in
            let isStopped = state.withLock { state in
                if !state.isStopped { state.stopping = continuation }
                return state.isStopped
            }
            if isStopped { continuation.resume() }
        }
        await clock.stop()
    }

    /// Stops at once: there is nothing to finish.
    package func stop() {
        let stopping = state.withLock { state in
            defer { state.stopping = nil }
            state.isStopped = true
            return state.stopping
        }
        stopping?.resume()
    }

    private func look() {
        guard followsQueues else { return scheduler.look() }
        // Behind it: a queue that is new is looked at in the same second.
        let list = Command("SMEMBERS", keys.queues)
        router.connection(for: keys.queues).submit(list) { result in
            do throws(RedisError) {
                let names = (try result.get().orThrow().array ?? []).compactMap(\.text)
                self.scheduler.add(names.filter { (try? QueueName($0)) != nil })
                self.scheduler.look()
            } catch {
                if case .stopped = error { return }
                self.onEvent(.trouble(queue: "", error))
            }
        }
    }
}
