internal import JobRunner
internal import Synchronization

/// One `jobrunner bench`: its connections, its queue, and what has to be cleared in the end.
final class Bench: Sendable {
    private struct State {
        var workers: Set<String> = []
    }

    let settings: BenchSettings
    let info: ServerInfo
    /// Enqueues as an app does, but for how long ids are remembered.
    let queue: BenchQueue
    /// Fills the queue for what is measured of workers: ids are not remembered.
    private let filler: JobClient
    private let url: String
    private let started = Bench.minute
    private let state = Mutex(State())

    private static var minute: Int { WallClock.milliseconds() / 60_000 }

    static func open(_ invocation: Invocation) async throws -> Bench {
        let settings = BenchSettings(invocation)
        let random = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let prefix = "\(invocation[GlobalOptions.prefix])-bench-\(random)"
        let session = try await Session.open(invocation) {
            $0.prefix = prefix
            $0.deduplication = BenchSettings.kept
        }
        try settings.requireRoom(session.info)
        var options = ClientOptions()
        options.prefix = prefix
        options.deduplication = .zero
        let bench = Bench(
            settings, session, filler: try JobClient(session.url, options: options),
            url: invocation[GlobalOptions.redisURL])
        try await bench.queue.requireEmpty()
        return bench
    }

    private init(_ settings: BenchSettings, _ session: Session, filler: JobClient, url: String) {
        self.settings = settings
        self.filler = filler
        self.url = url
        info = session.info
        queue = BenchQueue(session.client, name: settings.queue)
    }

    /// Measures every part as often as asked for.
    func measure(onPart: @Sendable (BenchSettings.Part, Int) -> Void) async throws -> BenchFigures {
        var figures = BenchFigures()
        for run in 1...settings.runs {
            for part in BenchSettings.Part.allCases where settings.parts.contains(part) {
                try Task.checkCancellation()
                onPart(part, run)
                switch part {
                case .yardstick: try await YardstickBench(self).measure(into: &figures)
                case .enqueue: try await EnqueueBench(self).measure(into: &figures)
                case .drain: try await DrainBench(self).measure(into: &figures)
                case .latency: try await LatencyBench(self).measure(into: &figures)
                case .call: try await CallBench(self).measure(into: &figures)
                case .lateness: try await LatenessBench(self).measure(into: &figures)
                case .idle: try await IdleBench(self).measure(into: &figures)
                case .workflow: try await WorkflowBench(self).measure(into: &figures)
                case .scaling: try await ScalingBench(self).measure(into: &figures)
                }
            }
        }
        return figures
    }

    func counters() async throws -> ServerCounters {
        try await ServerCounters.read(queue.connection)
    }

    // MARK: The queue

    /// Puts jobs into the queue as fast as it can.
    ///
    /// - Returns: Their ids.
    func fill<J: PaddedJob>(_ type: J.Type, count: Int) async throws -> [String] {
        let job = try J.ofSize(settings.payload, queue: settings.queue)
        let filler = filler
        let name = settings.queue
        var ids: [String] = []
        ids.reserveCapacity(count)
        // Two at a time: one encodes while the other waits for the server.
        try await withThrowingTaskGroup(of: [String].self) { group in
            for (index, start) in stride(from: 0, to: count, by: BenchSettings.bulk).enumerated() {
                if index >= 2, let done = try await group.next() { ids += done }
                let part = min(BenchSettings.bulk, count - start)
                group.addTask {
                    let jobs = repeatElement(job, count: part)
                    return try await filler.enqueue(jobs, queue: name).map(\.id)
                }
            }
            for try await done in group { ids += done }
        }
        try await queue.expire(queue.keys.queue(name).ready)
        return ids
    }

    /// Empties the queue between two parts.
    func clear() async throws {
        let workers = state.withLock { Array($0.workers) }
        try await queue.clear(workers: workers, minutes: started...Self.minute)
    }

    /// Clears up in the end, as far as Redis can be reached.
    func close() async {
        try? await clear()
        queue.client.close()
        filler.close()
    }

    // MARK: The worker

    /// Runs a worker process for as long as `body` takes; the process is gone afterwards.
    ///
    /// - Parameter target: How many jobs it counts until it reports `finished`.
    func withWorker<R>(
        target: Int, _ body: (BenchWorkerProcess) async throws -> R
    ) async throws -> R {
        let worker = try await BenchWorkerProcess.start(
            BenchWorkerConfig(
                url: url, prefix: queue.keys.prefix, queue: settings.queue,
                concurrency: settings.concurrency, target: target))
        let result: Result<R, any Error>
        do {
            result = .success(try await body(worker))
        } catch {
            result = .failure(error)
        }
        await worker.end()
        state.withLock { $0.workers.formUnion(worker.workers) }
        return try result.get()
    }

    /// Longest that a worker may take for jobs: a thousandth of a common machine's pace.
    func patience(_ jobs: Int) -> Duration { .seconds(60) + .milliseconds(jobs) }
}

extension BenchSettings {
    /// - Throws: `CommandFailure` when the server's memory is bounded too low.
    fileprivate func requireRoom(_ info: ServerInfo) throws {
        guard info.maxMemory > 0 else { return }
        let most = parts.contains(.scaling) ? max(jobs, ready) : jobs
        // A job, and what remembers its id or keeps its outcome: about 170 bytes beside it.
        let need = most * (payload + 170)
        let free = info.maxMemory - info.usedMemory
        guard need > free else { return }
        throw CommandFailure(
            "Redis has \(max(0, free) >> 20) MiB left of its maxmemory, \(need >> 20) are needed",
            hint: "Use fewer --jobs, or a server of its own.", exit: .configuration)
    }
}
