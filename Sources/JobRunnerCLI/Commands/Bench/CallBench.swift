internal import JobRunner

/// How long a call and its answer take: from just before `enqueue` to the value that the handler
/// returned, in another process, at a pace at which nothing waits.
struct CallBench {
    private let bench: Bench

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        let count = bench.settings.latencyJobs
        var ids: [String] = []
        var samples: [Int64] = []
        let interval = Duration.nanoseconds(1_000_000_000 / bench.settings.rate)
        try await bench.withWorker(target: .max) { worker in
            worker.order(.go)
            _ = try await worker.next(.joined)
            for number in 0..<count + LatencyBench.warmUp {
                // The pace of the calls.
                try await Task.sleep(for: interval)
                let start = monotonicNanoseconds()
                let handle = try await bench.queue.client.enqueue(
                    CallJob(at: start), queue: bench.settings.queue)
                guard try await handle.value(timeout: .seconds(10)) == start else {
                    throw CommandFailure("a call got another one's answer", exit: .internal)
                }
                let end = monotonicNanoseconds()
                if number >= LatencyBench.warmUp { samples.append(end - start) }
                ids.append(handle.id)
            }
            worker.order(.stop)
            _ = try await worker.next(.left)
        }
        try await bench.queue.forget(ids)
        try await bench.clear()
        samples.sort()
        for (figure, share) in [
            (BenchFigure.call50, 0.5), (.call99, 0.99), (.call999, 0.999), (.callMax, 1),
        ] {
            guard let sample = percentile(share, ofSorted: samples) else { continue }
            figures.add(figure, Double(sample) / 1000)
        }
        figures.add(.callCount, Double(samples.count))
    }
}
