internal import JobRunner

/// How long it takes from just before `enqueue` to the first line of the handler, in another
/// process, at a pace at which nothing waits.
struct LatencyBench {
    private let bench: Bench

    /// Jobs that come first and are not measured: they open connections and load code.
    static let warmUp = 10

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        let count = bench.settings.latencyJobs
        var ids: [String] = []
        let samples = try await bench.withWorker(target: count) { worker in
            worker.order(.go)
            _ = try await worker.next(.joined)
            ids = try await enqueueAtRate(count)
            let samples = try await worker.next(.finished).samples
            worker.order(.stop)
            _ = try await worker.next(.left)
            return samples.sorted()
        }
        try await bench.queue.forget(ids)
        try await bench.clear()
        for (figure, share) in [
            (BenchFigure.latency50, 0.5), (.latency99, 0.99), (.latency999, 0.999),
            (.latencyMax, 1),
        ] {
            guard let sample = percentile(share, ofSorted: samples) else { continue }
            figures.add(figure, Double(sample) / 1000)
        }
        figures.add(.latencyCount, Double(samples.count))
    }

    /// Each at its time, whether the one before was answered or not: a slow server does not
    /// slow the clock that it is measured by.
    private func enqueueAtRate(_ count: Int) async throws -> [String] {
        let interval = Duration.nanoseconds(1_000_000_000 / bench.settings.rate)
        let client = bench.queue.client
        let name = bench.settings.queue
        let start = ContinuousClock.now + interval
        return try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<count + Self.warmUp {
                try await Task.sleep(until: start + interval * number, clock: .continuous)
                group.addTask {
                    let isMeasured = number >= Self.warmUp
                    let job = LatencyJob(at: isMeasured ? monotonicNanoseconds() : 0)
                    return try await client.enqueue(job, queue: name).id
                }
            }
            var ids: [String] = []
            for try await id in group { ids.append(id) }
            return ids
        }
    }
}
