internal import JobRunner

/// How long a call and its answer take: from just before `call` to the value that the handler
/// returned, in another process; one call right after the other, and at a pace at which nothing
/// waits, where the caches of an idle machine have forgotten the last one.
struct CallBench {
    private let bench: Bench

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        let count = bench.settings.latencyJobs
        let pace = Duration.nanoseconds(1_000_000_000 / bench.settings.rate)
        var next: [Int64] = []
        var paced: [Int64] = []
        var ids: [String] = []
        try await bench.withWorker(target: .max) { worker in
            worker.order(.go)
            _ = try await worker.next(.joined)
            _ = try await calls(LatencyBench.warmUp, &ids)
            next = try await calls(count, &ids)
            paced = try await calls(count, every: pace, &ids)
            worker.order(.stop)
            _ = try await worker.next(.left)
        }
        try await bench.queue.forget(ids)
        try await bench.clear()
        add([(.callNext50, 0.5), (.callNext99, 0.99)], of: next, to: &figures)
        add(
            [(.call50, 0.5), (.call99, 0.99), (.call999, 0.999), (.callMax, 1)], of: paced,
            to: &figures)
        figures.add(.callCount, Double(paced.count))
    }

    /// - Returns: How long each took, ns, in their order of length.
    private func calls(
        _ count: Int, every pace: Duration? = nil, _ ids: inout [String]
    ) async throws -> [Int64] {
        let (client, queue) = (bench.queue.client, bench.settings.queue)
        var samples: [Int64] = []
        for _ in 0..<count {
            // The pace of the calls.
            if let pace { try await Task.sleep(for: pace) }
            let start = monotonicNanoseconds()
            let answer = try await client.call(
                CallJob(at: start), timeout: .seconds(10), queue: queue)
            let end = monotonicNanoseconds()
            guard answer.at == start else {
                throw CommandFailure("a call got another one's answer", exit: .internal)
            }
            samples.append(end - start)
            ids.append(answer.id)
        }
        return samples.sorted()
    }

    private func add(
        _ shares: [(BenchFigure, Double)], of samples: [Int64], to figures: inout BenchFigures
    ) {
        for (figure, share) in shares {
            guard let sample = percentile(share, ofSorted: samples) else { continue }
            figures.add(figure, Double(sample) / 1000)
        }
    }
}
