internal import JobRunner

/// What this machine and this Redis do without JobRunner, in the same minute: what other
/// figures are divided by to be compared.
struct YardstickBench {
    private let bench: Bench
    private var connection: Connection { bench.queue.connection }
    private var keys: QueueKeys { bench.queue.keys.queue(bench.settings.queue) }

    /// As many jobs as a worker takes at a time under load.
    static let batch = 64

    init(_ bench: Bench) {
        self.bench = bench
    }

    func measure(into figures: inout BenchFigures) async throws {
        let jobs = max(1000, bench.settings.jobs / 5) / Self.batch * Self.batch
        figures.add(.pings, try await pings(max(200, bench.settings.jobs / 50)))
        let job = try BenchJob.ofSize(bench.settings.payload, queue: bench.settings.queue)
            .envelope(queue: bench.settings.queue)
        figures.add(.pushes, try await pushes(jobs, job))
        let before = try await bench.counters()
        figures.add(.plainJobs, try await plain(jobs, job))
        let after = try await bench.counters()
        figures.add(.plainRedis, (after.cpu - before.cpu) / Double(jobs))
        let queue = bench.queue
        try await queue.unlink(count: jobs) { queue.plainResult($0) }
        try await bench.clear()
    }

    private func rate(_ count: Int, _ body: () async throws -> Void) async throws -> Double {
        let start = monotonicNanoseconds()
        try await body()
        return Double(count) / Double(max(1, monotonicNanoseconds() - start)) * 1e9
    }

    /// Round trips, each after the last one's reply.
    private func pings(_ count: Int) async throws -> Double {
        let ping = Command("PING")
        _ = try await connection.send(ping)
        return try await rate(count) {
            for _ in 0..<count { _ = try await connection.send(ping) }
        }
    }

    /// Pipelined, 10,000 at a time.
    private func pushes(_ count: Int, _ job: [UInt8]) async throws -> Double {
        let push = Command(words: "LPUSH", keys.ready, job)
        let rate = try await rate(count) {
            for start in stride(from: 0, to: count, by: 10_000) {
                let part = min(10_000, count - start)
                try await connection.pipeline(Array(repeating: push, count: part))
            }
        }
        try await bench.queue.expire(keys.ready)
        return rate
    }

    /// What a worker without scripts would send: take 64, remove 64 and keep their results.
    private func plain(_ count: Int, _ job: [UInt8]) async throws -> Double {
        let queue = bench.queue
        let active = queue.plainActive
        let take = Command("LMOVE", keys.ready, active, "RIGHT", "LEFT")
        // All jobs are the same: the first that LREM looks at is one.
        let remove = Command(words: "LREM", active, Array("-1".utf8), job)
        let result = JobOutcome.done(value: nil, attempt: 1, started: 0, finished: 0)
        let kept = Array("\(BenchSettings.kept.milliseconds)".utf8)
        let takes = Array(repeating: take, count: Self.batch)
        let removes = Array(repeating: remove, count: Self.batch)
        return try await rate(count) {
            try await connection.pipeline(takes)
            for start in stride(from: 0, to: count, by: Self.batch) {
                var commands = removes
                for number in start..<start + Self.batch {
                    let key = queue.plainResult(number)
                    commands.append(Command(words: "SET", key, result, Array("PX".utf8), kept))
                }
                try await connection.pipeline(commands + takes)
            }
        }
    }
}

extension Command {
    /// A command on a key with words of bytes.
    fileprivate init(words name: String, _ key: String, _ words: [UInt8]...) {
        var arguments = Arguments()
        arguments.append(name)
        arguments.append(key)
        for word in words { arguments.append(word) }
        self.init(name: name, arguments)
    }
}
