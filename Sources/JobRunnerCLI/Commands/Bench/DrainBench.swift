internal import JobRunner

/// How fast a worker process empties a queue of no-op jobs, and what that costs it and Redis.
///
/// From the start of the first handler to the start of the last; the process is up and the
/// queue is full before.
struct DrainBench {
    private struct Result {
        var rate: Double
        var redis: Double
        var scriptTime: Double
        var scripts: Double
        var worker: Double
        var resident: Double
    }

    private let bench: Bench

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        let kept = try await drain(BenchJob.self)
        figures.add(.drain, kept.rate)
        figures.add(.redis, kept.redis)
        figures.add(.redisScripts, kept.scriptTime)
        figures.add(.cycles, kept.scripts * 1000)
        figures.add(.worker, kept.worker)
        figures.add(.residentAfter, kept.resident)
        let silent = try await drain(SilentJob.self)
        figures.add(.drainSilent, silent.rate)
        figures.add(.redisSilent, silent.redis)
        figures.add(.workerSilent, silent.worker)
    }

    private func drain<J: PaddedJob>(_ type: J.Type) async throws -> Result {
        let count = bench.settings.jobs
        let jobs = Double(count)
        let ids = try await bench.fill(type, count: count)
        let result = try await bench.withWorker(target: count) { worker in
            let before = try await bench.counters()
            worker.order(.go)
            let end = try await worker.next(.finished, within: bench.patience(count))
            let after = try await bench.counters()
            worker.order(.stop)
            _ = try await worker.next(.left)
            return Result(
                rate: jobs / Double(max(1, end.last - end.first)) * 1e9,
                redis: (after.cpu - before.cpu) / jobs,
                scriptTime: Double(after.scriptTime - before.scriptTime) / jobs,
                scripts: Double(after.scripts - before.scripts) / jobs,
                worker: (end.cpu - end.cpuAtFirst) / jobs,
                resident: Double(end.resident) / 1_048_576)
        }
        // Only jobs whose outcome is kept left something of their own.
        if J.options.keepResult > .zero { try await bench.queue.forget(ids) }
        try await bench.clear()
        return result
    }
}
