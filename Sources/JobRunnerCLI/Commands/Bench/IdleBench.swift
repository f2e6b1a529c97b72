internal import JobRunner

/// What a worker costs that has nothing to do: trips to Redis, CPU of both, memory.
struct IdleBench {
    private let bench: Bench

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        let usual = try await bench.withWorker(target: .max) { worker in
            worker.order(.go)
            _ = try await worker.next(.joined)
            // Not waiting for anything: the window begins a second after the start.
            try await Task.sleep(for: .seconds(1))
            worker.order(.usage)
            let first = try await worker.next(.usage)
            let before = try await bench.counters()
            try await Task.sleep(for: bench.settings.idle)
            let after = try await bench.counters()
            worker.order(.usage)
            let last = try await worker.next(.usage)
            worker.order(.stop)
            _ = try await worker.next(.left)
            return (before, after, first, last)
        }
        try await bench.clear()
        let (before, after, first, last) = usual
        let seconds = Double(after.at - before.at) / 1e9
        // The second INFO is a read too.
        figures.add(.idleTrips, Double(max(0, after.reads - before.reads - 1)) / seconds)
        figures.add(.idleCommands, Double(after.commands - before.commands) / seconds)
        figures.add(.idleCPU, (last.cpu - first.cpu) / seconds / 10_000)
        figures.add(.idleRedisCPU, (after.cpu - before.cpu) / seconds / 10_000)
        figures.add(.residentIdle, Double(last.resident) / 1_048_576)
    }
}
