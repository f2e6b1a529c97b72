internal import FoundationEssentials
internal import JobRunner

/// How late jobs start that are due at times of their own, while others come at a steady pace.
struct LatenessBench {
    private let bench: Bench

    /// The first is due after all are enqueued; the last some seconds later.
    private static let first: Duration = .seconds(3)
    static let span: Duration = .seconds(5)

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        let count = bench.settings.latencyJobs
        let (client, queue, rate) = (bench.queue.client, bench.settings.queue, bench.settings.rate)
        var ids: [String] = []
        let samples = try await bench.withWorker(target: count) { worker in
            worker.order(.go)
            _ = try await worker.next(.joined)
            let begin = ContinuousClock.now
            ids = try await enqueueLater(count)
            // Those that are not measured keep the worker awake meanwhile.
            let load = Task {
                var ids: [String] = []
                while begin.duration(to: .now) < Self.first + Self.span, !Task.isCancelled {
                    ids.append(try await client.enqueue(LatencyJob(at: 0), queue: queue).id)
                    // The pace of the load; cancelled it ends, and says what it enqueued.
                    try? await Task.sleep(for: .nanoseconds(1_000_000_000 / rate))
                }
                return ids
            }
            let samples = try await worker.next(.finished).samples
            load.cancel()
            if let others = try? await load.value { ids += others }
            worker.order(.stop)
            _ = try await worker.next(.left)
            return samples.sorted()
        }
        try await bench.queue.forget(ids)
        try await bench.clear()
        for (figure, share) in [
            (BenchFigure.lateness50, 0.5), (.lateness99, 0.99), (.latenessMax, 1),
        ] {
            guard let sample = percentile(share, ofSorted: samples) else { continue }
            figures.add(figure, Double(sample) / 1_000_000)
        }
        figures.add(.latenessCount, Double(samples.count))
    }

    /// Each due at its own millisecond, spread evenly; carries the time at which it is.
    private func enqueueLater(_ count: Int) async throws -> [String] {
        let (client, queue) = (bench.queue.client, bench.settings.queue)
        // By the clock of this machine, which must be the server's too.
        let start = monotonicNanoseconds()
        let wall = Date()
        return try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<count {
                let wait = Self.first + Self.span * number / count
                let job = LatencyJob(at: start + wait.nanoseconds)
                let due = wall.addingTimeInterval(Double(wait.milliseconds) / 1000)
                group.addTask { try await client.enqueue(job, at: due, queue: queue).id }
            }
            var ids: [String] = []
            for try await id in group { ids.append(id) }
            return ids
        }
    }
}
