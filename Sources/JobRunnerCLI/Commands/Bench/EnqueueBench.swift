internal import JobRunner

/// How many jobs are accepted a second: one by one, from many tasks, in bulk.
struct EnqueueBench {
    private let bench: Bench
    private var settings: BenchSettings { bench.settings }

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        let job = try BenchJob.ofSize(settings.payload, queue: settings.queue)
        // The first one opens the connection and notes the queue.
        _ = try await timed { try await one(job, 1) }
        figures.add(.enqueueOne, try await timed { try await one(job, settings.jobsFromOne) })
        figures.add(.enqueueMany, try await timed { try await many(job) })
        let before = try await bench.counters()
        let cpu = ProcessUsage.cpu()
        var used = 0.0
        var after = before
        let rate = try await timed {
            let ids = try await bulk(job)
            used = ProcessUsage.cpu() - cpu
            return ids
        } onEnd: {
            after = try await bench.counters()
        }
        figures.add(.enqueueBulk, rate)
        figures.add(.enqueueProducer, used / Double(settings.jobs))
        figures.add(.enqueueRedis, (after.cpu - before.cpu) / Double(settings.jobs))
    }

    /// Jobs a second of `body`, which returns their ids; what it left is cleared.
    private func timed(
        _ body: () async throws -> [String], onEnd: () async throws -> Void = {}
    ) async throws -> Double {
        let start = monotonicNanoseconds()
        let ids = try await body()
        let elapsed = monotonicNanoseconds() - start
        try await onEnd()
        try await bench.queue.forget(ids)
        try await bench.clear()
        return Double(ids.count) / Double(max(1, elapsed)) * 1e9
    }

    private func one(_ job: BenchJob, _ count: Int) async throws -> [String] {
        try await Self.enqueue(job, count, bench.queue)
    }

    private func many(_ job: BenchJob) async throws -> [String] {
        let queue = bench.queue
        let share = settings.jobsFromMany / BenchSettings.tasks
        return try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<BenchSettings.tasks {
                group.addTask { try await Self.enqueue(job, share, queue) }
            }
            var ids: [String] = []
            for try await part in group { ids += part }
            return ids
        }
    }

    private func bulk(_ job: BenchJob) async throws -> [String] {
        var ids: [String] = []
        ids.reserveCapacity(settings.jobs)
        for start in stride(from: 0, to: settings.jobs, by: BenchSettings.bulk) {
            try Task.checkCancellation()
            let jobs = repeatElement(job, count: min(BenchSettings.bulk, settings.jobs - start))
            let handles = try await bench.queue.client.enqueue(jobs, queue: settings.queue)
            for handle in handles { ids.append(handle.id) }
        }
        return ids
    }

    private static func enqueue(
        _ job: BenchJob, _ count: Int, _ queue: BenchQueue
    ) async throws -> [String] {
        var ids: [String] = []
        ids.reserveCapacity(count)
        for _ in 0..<count {
            try Task.checkCancellation()
            ids.append(try await queue.client.enqueue(job, queue: queue.name).id)
        }
        return ids
    }
}
