internal import FoundationEssentials
internal import JobRunner

/// What a step of a workflow costs Redis, from its enqueue to its end, against a plain job.
///
/// Groups and chains of twenty, and as many plain jobs in calls of twenty: the same client, the
/// same worker, results kept; started by eight tasks while the worker drains.
struct WorkflowBench {
    private let bench: Bench

    /// Members of a group, steps of a chain.
    static let size = 20
    private static let tasks = 8

    init(_ bench: Bench) {
        self.bench = bench
    }

    /// Jobs of each kind: a tenth of the others'.
    static func jobs(_ settings: BenchSettings) -> Int {
        max(size * tasks, settings.jobs / 10 / (size * tasks) * (size * tasks))
    }

    func measure(into figures: inout BenchFigures) async throws {
        let job = try BenchJob.ofSize(bench.settings.payload, queue: bench.settings.queue)
        let (client, queue) = (bench.queue.client, bench.settings.queue)
        figures.add(
            .workflowPlain,
            try await cost {
                try await client.enqueue(repeatElement(job, count: Self.size), queue: queue)
                    .map(\.id)
            } forget: {
                try await bench.queue.forget($0)
            })
        let member = Workflow(job, queue: queue)
        let group = Workflow.group(Array(repeating: member, count: Self.size))
        figures.add(.workflowMember, try await cost(group))
        // Each but the first takes what the one before it returned.
        var chain = Workflow(LinkJob.start(pad: job.pad), queue: queue)
        for _ in 1..<Self.size { chain = chain.then(LinkJob(pad: job.pad), queue: queue) }
        figures.add(.workflowStep, try await cost(chain))
    }

    private func cost<Output>(_ flow: Workflow<Output>) async throws -> Double {
        let (client, queue) = (bench.queue.client, bench.settings.queue)
        return try await cost {
            [try await client.start(flow, queue: queue, keep: BenchSettings.kept).id]
        } forget: { ids in
            try await bench.queue.forgetFlows(ids, steps: Self.size)
        }
    }

    /// CPU of Redis a job, µs.
    private func cost(
        _ start: @escaping @Sendable () async throws -> [String],
        forget: ([String]) async throws -> Void
    ) async throws -> Double {
        let jobs = Self.jobs(bench.settings)
        let rounds = jobs / Self.size / Self.tasks
        var ids: [String] = []
        let cost = try await bench.withWorker(target: jobs) { worker in
            worker.order(.go)
            _ = try await worker.next(.joined)
            let before = try await bench.counters()
            ids = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<Self.tasks {
                    group.addTask {
                        var ids: [String] = []
                        for _ in 0..<rounds { ids += try await start() }
                        return ids
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            _ = try await worker.next(.finished, within: bench.patience(jobs))
            let after = try await bench.counters()
            worker.order(.stop)
            _ = try await worker.next(.left)
            return (after.cpu - before.cpu) / Double(jobs)
        }
        try await forget(ids)
        try await bench.clear()
        return cost
    }
}

/// A link of a chain: hands on what it takes.
struct LinkJob: Job {
    static let name = "k"
    static let options = JobOptions(results: .kept(for: BenchSettings.kept))
    typealias Input = Int
    typealias Output = Int
    var pad: String

    /// The first link takes nothing.
    struct Start: Job {
        static let name = "k0"
        static let options = JobOptions(results: .kept(for: BenchSettings.kept))
        typealias Output = Int
        var pad: String
    }

    static func start(pad: String) -> Start { Start(pad: pad) }
}
