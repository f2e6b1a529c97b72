import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// A workflow is there and begun, once under an id, or not at all.
@Suite(.timeLimit(.minutes(1))) struct WorkflowOpeningTests {
    private func worker(_ queue: QueueFixture) throws -> WorkerFixture {
        try WorkerFixture(queue) { $0.handle(Number.self) { job, _ in job.value } }
    }

    @Test func `a second start enqueues what the first died over, and nothing else`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let flow = Workflow(Number(value: 1)).then(Twice(), queue: "far")
        let first = try await client.start(flow, id: "mine")
        try await queue.redis("DEL", queue.keys.ready, queue.keys.base + "seen:mine.0")
        let second = try await client.start(flow, id: "mine")
        #expect((first.isDuplicate, second.isDuplicate) == (false, true))
        #expect(try await queue.waiting().count == 1)
        await #expect(throws: JobRunnerError.self) {
            try await client.start(Workflow(Number(value: 1)), id: "mine")
        }
        #expect(try await queue.waiting().count == 1)
    }

    @Test func `what is all in one queue is begun when it is there`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let group = Workflow.group((0..<3).map { Workflow(Number(value: $0)) })
        for isDuplicate in [false, true] {
            #expect(try await client.start(group, id: "mine").isDuplicate == isDuplicate)
            #expect(try await queue.waiting().count == 3)
        }
        #expect(try await queue.redis("KEYS", queue.keys.base + "seen:mine.*").array == [])
        #expect(try await client.queueNames() == ["q"])
    }

    @Test func `one that has ended is not run again, whatever is remembered of its jobs`()
        async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client()
        try await worker(queue).run { worker in
            let flow = Workflow(Number(value: 1))
            let first = try await client.start(flow, id: "mine", keep: .seconds(1))
            _ = try await first.value()
            // Its jobs' ids are known for a day, so it is.
            let life = try await queue.integer("PTTL", queue.keys.base + "flow:mine:seen")
            #expect(life > 86_000_000)
            #expect(try await queue.integer("PTTL", queue.keys.base + "flow:mine") <= 60_000)
            try await queue.redis("DEL", queue.keys.base + "flow:mine")
            let second = try await client.start(flow, id: "mine", keep: .seconds(1))
            #expect(second.isDuplicate)
        }
        #expect(try await queue.waiting().isEmpty)
    }

    @Test func `a full queue: nothing of it runs`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client { $0.maxLength = 3 }
        let group = Workflow.group((0..<3).map { Workflow(Number(value: $0)) })
        try await queue.push("1")
        let full = await #expect(throws: JobRunnerError.self) {
            try await client.start(group, id: "all")
        }
        guard case .queueFull("q", _) = full else { return #expect(Bool(false), "\(full.debug)") }
        #expect(try await queue.waiting().count == 1)
        #expect(try await client.workflow(queue: "q", id: "all") == nil)
        // One whose jobs are in several queues has begun before that is known: it is cancelled.
        await #expect(throws: JobRunnerError.self) {
            try await client.start(group.then(Sum(), queue: "far"), id: "g")
        }
        try await queue.redis("RPOP", queue.keys.ready)
        try await worker(queue).run { worker in await worker.log.end(.cancelled, count: 2) }
        let status = try #require(try await client.workflow(queue: "q", id: "g"))
        #expect(status.state == .cancelled)
    }

    @Test func `more than a queue may hold goes there by and by`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client {
            $0.maxLength = 2
            $0.waitWhenFull = .seconds(60)
        }
        let group = Workflow.group((0..<5).map { Workflow(Number(value: $0)) })
        try await worker(queue).run { _ in
            let values = try await client.start(group).value()
            #expect(values == [0, 1, 2, 3, 4])
        }
    }

    @Test func `a start whose first try is unknown stays unknown, though memory is full then`()
        async throws
    {
        let queue = try QueueFixture(RedisServer.start())
        let client = try queue.client {
            $0.commandTimeout = .milliseconds(100)
            $0.enqueueTimeout = .seconds(1)
        }
        _ = try await client.start(Workflow(Number(value: 1)))
        try await queue.redis("CONFIG", "SET", "maxmemory", "1")
        let full = await #expect(throws: JobRunnerError.self) {
            try await client.start(Workflow(Number(value: 1)))
        }
        guard case .redisFull = full else { return #expect(Bool(false), "\(full.debug)") }
        // The first try is not answered in time, the next ones are refused.
        try await queue.redis("CLIENT", "PAUSE", "300", "ALL")
        let unknown = await #expect(throws: JobRunnerError.self) {
            try await client.start(Workflow(Number(value: 1)), id: "mine")
        }
        guard case .outcomeUnknown("q", "mine", _) = unknown else {
            return #expect(Bool(false), "\(unknown.debug)")
        }
    }

    @Test func `its home is a queue, though no job is in it`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        _ = try await client.start(Workflow(Number(value: 1)), queue: "lonely")
        #expect(try await client.queueNames().sorted() == ["lonely", "q"])
    }
}
