internal import JobRunner

/// Whether what waits slows down what runs: bursts of 1,000 jobs by a worker that just joined,
/// with nothing else there, with many ready behind them, with many scheduled beside them.
struct ScalingBench {
    private let bench: Bench
    private var settings: BenchSettings { bench.settings }

    static let burst = 1000
    /// Measured bursts, whose median counts; one more comes first and warms the process up.
    static let bursts = 15

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        if let rate = median(try await bursts(beside: {}, before: one)) {
            figures.add(.burstFew, rate)
        }
        if let rate = median(try await bursts(beside: {}, before: fillUp)) {
            figures.add(.burstReady, rate)
        }
        if let rate = median(try await bursts(beside: schedule, before: one)) {
            figures.add(.burstScheduled, rate)
        }
    }

    /// A burst and the many behind it: a worker takes more than its burst before it has stopped.
    private func fillUp() async throws {
        let ready = bench.queue.keys.queue(settings.queue).ready
        let there = try await bench.queue.connection.send(Command("LLEN", ready)).integer ?? 0
        let missing = settings.ready + Self.burst - there
        if missing > 0 { _ = try await bench.fill(SilentJob.self, count: missing) }
    }

    private func one() async throws {
        _ = try await bench.fill(SilentJob.self, count: Self.burst)
    }

    private func bursts(
        beside: () async throws -> Void, before: () async throws -> Void
    ) async throws -> [Double] {
        try await beside()
        let rates = try await bench.withWorker(target: Self.burst) { worker in
            var rates: [Double] = []
            for _ in 0...Self.bursts {
                try await before()
                worker.order(.go)
                let end = try await worker.next(.finished)
                worker.order(.stop)
                _ = try await worker.next(.left)
                rates.append(Double(Self.burst) / Double(max(1, end.last - end.first)) * 1e9)
            }
            return Array(rates.dropFirst())
        }
        try await bench.clear()
        return rates
    }

    /// Jobs that are due tomorrow: they are never read, only kept.
    private func schedule() async throws {
        let key = bench.queue.keys.queue(settings.queue).scheduled
        let due = "\(WallClock.milliseconds() + 86_400_000)"
        let pad = String(repeating: "x", count: max(0, settings.payload - 8))
        for start in stride(from: 0, to: settings.ready, by: 10_000) {
            try Task.checkCancellation()
            let end = min(settings.ready, start + 10_000)
            let commands = stride(from: start, to: end, by: 100).map { first in
                let members = (first..<min(end, first + 100)).flatMap { [due, "\($0)" + pad] }
                return Command(["ZADD", key] + members)
            }
            try await bench.queue.connection.pipeline(commands)
            if start == 0 { try await bench.queue.expire(key) }
        }
    }
}
