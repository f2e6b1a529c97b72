import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// Open groups: batches and maps.
@Suite(.timeLimit(.minutes(1))) struct BatchTests {
    @Test func `a batch: its jobs, those that they add, and what starts at its end`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            var batch = Batch(name: "tree")
            batch.onSuccess(Remark(text: "success"))
            batch.onCompletion(Remark(text: "completion"))
            batch.onDeath(Remark(text: "death"))
            let handle = try await fixture.client.open(batch, queue: "q")
            try await handle.add([Spawn(children: 3), Spawn(children: 2)])
            let open = try await handle.counts()
            #expect(open.isOpen)
            try await handle.seal()
            // 3 → 3·(1 + 2·(1 + 1)) and itself; 2 → 2·(1 + 1) and itself.
            let counts = try await handle.wait()
            #expect(counts == BatchCounts(waiting: 0, done: 16 + 5, failed: 0, isOpen: false))
            await fixture.worker.log.end(.done, count: 21 + 2)
            await #expect(throws: JobRunnerError.self) { try await handle.add(Spawn(children: 0)) }
        }
        #expect(fixture.log.notes.sorted() == ["completion", "success"])
        #expect(fixture.log.runs.values.allSatisfy { $0 == 1 })
    }

    @Test func `a dead member: told at once, the others go on`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            var batch = Batch()
            batch.onSuccess(Remark(text: "success"))
            batch.onCompletion(Remark(text: "completion"))
            batch.onDeath(Tell(who: "me"))
            let handle = try await fixture.client.open(batch, queue: "q")
            try await handle.add(Number(value: 1, fails: true))
            await fixture.worker.log.wait {
                if case .ended(let end) = $0 { end.job == "tell" } else { false }
            }
            try await handle.add((0..<5).map { Number(value: $0) })
            try await handle.seal()
            let counts = try await handle.wait()
            #expect(counts == BatchCounts(waiting: 0, done: 5, failed: 1, isOpen: false))
            await fixture.worker.log.wait {
                if case .ended(let end) = $0 { end.job == "remark" } else { false }
            }
        }
        #expect(fixture.log.told.map(\.type) == ["NumberFails"])
        #expect(fixture.log.notes == ["completion"])
    }

    @Test func `members in another queue, and a cancel that reaches them`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let handle = try await fixture.client.open(queue: "far")
            try await handle.add([Hang(), Hang()])
            await fixture.worker.log.wait(2) { if case .started = $0 { true } else { false } }
            #expect(try await handle.cancel(reason: "enough"))
            await fixture.worker.log.end(.cancelled, count: 2)
            let error = await #expect(throws: JobRunnerError.self) { try await handle.wait() }
            #expect("\(try #require(error))".contains("enough"))
        }
    }

    @Test func `an empty batch ends when it is sealed`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            var batch = Batch()
            batch.onSuccess(Remark(text: "success"))
            let handle = try await fixture.client.open(batch, queue: "q")
            try await handle.seal()
            let counts = try await handle.wait()
            #expect(counts == BatchCounts())
            await fixture.worker.log.end(.done)
        }
        #expect(fixture.log.notes == ["success"])
    }

    @Test func `a map: results in order, whole and in pages; and one that takes them all`()
        async throws
    {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let map = try await fixture.client.map(0..<1200, through: Twice())
            let values = try await map.value()
            #expect(values == (0..<1200).map { 2 * $0 })
            var paged: [Int] = []
            for try await result in map.results() {
                if case .value(let value) = result { paged.append(value) }
            }
            #expect(paged == values)
            let sum = try await fixture.client.map(0..<1000, through: Twice(), then: Sum())
            let total = try await sum.value()
            #expect(total == 999_000)
            let chunks = try await fixture.client.map(
                0..<1000, inChunksOf: 300, through: ChunkSum())
            let sums = try await chunks.value()
            #expect(sums.count == 4)
            #expect(sums.reduce(0, +) == 499_500)
            let none = try await fixture.client.map([Int](), through: Twice()).value()
            #expect(none.isEmpty)
        }
    }

    @Test func `a map of more results than one reply holds`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let map = try await fixture.client.map(0..<10_001, through: Twice())
            let counts = try await map.wait(timeout: .seconds(50))
            #expect(counts.done == 10_001)
            await #expect(throws: JobRunnerError.self) { try await map.value() }
            var count = 0
            for try await result in map.results() {
                if case .value(2 * count) = result { count += 1 }
            }
            #expect(count == 10_001)
        }
    }

    @Test func `a graph: steps that wait for several`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            var graph = WorkflowGraph()
            let one = graph.add(Number(value: 1))
            let two = graph.add(Add(term: 1), input: one)
            let three = graph.add(Far(), input: one)
            let list = graph.add(Number(value: 9), after: [two, three])
            let sum = graph.add(Sum(), inputs: [two, three, list])
            let wrapped = graph.add(Pass(), inputs: [sum, sum])
            let both = graph.add(Both(), inputs: sum, wrapped)
            try await fixture.expect(graph.returning(both), [21, 21, 21])
            try await fixture.expect(graph.returning(two), 2)

            var other = WorkflowGraph()
            let stranger = other.add(Add(term: 1), input: one)
            await #expect(throws: JobRunnerError.self) {
                try await fixture.client.start(other.returning(stranger))
            }
        }
    }

    @Test func `nothing is left after its time`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let flow = Workflow.group((1...3).map { Workflow(Number(value: $0)) }).then(Sum())
            let handle = try await fixture.client.start(flow, keep: .seconds(1))
            let sum = try await handle.value()
            #expect(sum == 6)
            let keys = try await fixture.queue.redis("KEYS", "\(fixture.queue.prefix):*flow:*")
            for key in (keys.array ?? []).compactMap(\.text) {
                let life = try await fixture.queue.redis("PTTL", key).integer ?? -1
                #expect((1...60_000).contains(life), "\(key) lives for \(life) ms")
            }
        }
    }
}

/// Gives on what it takes.
struct Pass: Job {
    static let name = "pass"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = [Int]
    typealias Output = [Int]
}
