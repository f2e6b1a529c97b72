import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Arrays in arrays.
private struct Nested: Codable, Sendable, Equatable {
    var depth: Int

    init(depth: Int) { self.depth = depth }

    init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        depth = 1
        while !list.isAtEnd {
            list = try list.nestedUnkeyedContainer()
            depth += 1
        }
    }

    func encode(to encoder: any Encoder) throws {
        var list = encoder.unkeyedContainer()
        for _ in 1..<depth { list = list.nestedUnkeyedContainer() }
    }
}

private struct Nest: Job {
    static let name = "nest"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Output = Nested
    var depth: Int
}

private struct Depth: Job {
    static let name = "depth"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = Nested
    typealias Output = Int
}

private struct Fill: Job {
    static let name = "fill"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Output = String
    var bytes: Int
}

private struct Count: Job {
    static let name = "count"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = [String]
    typealias Output = Int
}

/// Takes a number, and much beside.
private struct Pad: Job {
    static let name = "pad"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = Int
    typealias Output = Int
    var pad: String
}

/// Ends as its test says.
private struct Gate: Job {
    static let name = "gate"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Output = Int
}

/// However a step ends, its workflow hears of it.
@Suite(.timeLimit(.minutes(1))) struct WorkflowEndingTests {
    private func worker(
        _ queue: QueueFixture, set: (inout WorkerOptions) -> Void = { _ in },
        register: (inout WorkerBuilder) -> Void = { _ in }
    ) throws -> WorkerFixture {
        try WorkerFixture(queue) { options in
            options.queues = [.init("q"), .init("far")]
            set(&options)
        } register: { builder in
            builder.handle(Number.self) { job, _ in job.value }
            builder.handle(Nest.self) { job, _ in Nested(depth: job.depth) }
            builder.handle(Depth.self) { _, input, _ in input.depth }
            builder.handle(Fill.self) { job, _ in String(repeating: "x", count: job.bytes) }
            builder.handle(Far.self) { _, input, _ in input * 10 }
            register(&builder)
        }
    }

    @Test(arguments: [31, 40, 100])
    func `a deep result is taken, whichever way it travels`(depth: Int) async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        try await worker(queue).run { _ in
            let flow = Workflow(Nest(depth: depth)).then(Depth())
            let value = try await client.start(flow).value()
            #expect(value == depth)
        }
    }

    @Test(arguments: [31, 100, 500])
    func `a deep result is read as it was stored`(depth: Int) async throws {
        let value =
            Array(String(repeating: "[", count: depth).utf8)
            + Array(String(repeating: "]", count: depth).utf8)
        let json = JobOutcome.done(value: value, attempt: 1, started: 1, finished: 2)
        #expect(JobOutcome(json: json)?.valueJSON == value)
        let none = JobOutcome.done(value: nil, attempt: 1, started: 1, finished: 2)
        #expect(JobOutcome(json: none)?.valueJSON == nil)
        #expect(JobOutcome(json: none)?.isOmitted == false)
        let text = #"{"state":"done","attempt":1,"started":1,"finished":2,"omitted":true}"#
        let omitted = try #require(JobOutcome(json: Array(text.utf8)))
        #expect(omitted.isOmitted && omitted.valueJSON == nil)
    }

    @Test func `more edges than one call may write`() throws {
        func graph(_ width: Int) -> Workflow<Int> {
            var graph = WorkflowGraph()
            var before: [any WorkflowStepReference] = []
            var last = graph.add(Number(value: 0))
            for _ in 0..<3 {
                before = (0..<width).map { _ in
                    last = graph.add(Number(value: 1), after: before)
                    return last
                }
            }
            return graph.returning(last)
        }
        _ = try FlowPlan(graph(60).node)
        #expect(throws: JobRunnerError.self) { try FlowPlan(graph(80).node) }
    }

    @Test func `a step that is too long for its worker has failed`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        try await worker(queue, set: { $0.maxJobBytes = 1024 }).run { _ in
            let flow = Workflow(Number(value: 1)).then(
                Pad(pad: String(repeating: "x", count: 2000)))
            let handle = try await client.start(flow)
            await #expect(throws: JobRunnerError.self) { try await handle.value() }
            let status = try await handle.status()
            #expect(status.state == .dead)
            #expect(status.steps[1].failure?.type == "EnvelopeError")
        }
    }

    @Test func `a step that was parked too long has failed`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        try await worker(queue, set: { $0.parkedAge = .milliseconds(1) }).run { _ in
            let handle = try await client.start(
                Workflow(Number(value: 1)).then(Pad(pad: "")).onFailure(Remark(text: "no")))
            await #expect(throws: JobRunnerError.self) { try await handle.value() }
            let status = try await handle.status()
            #expect(status.steps[1].failure?.type == "Parked")
            #expect(status.steps[2].state == .enqueued)
        }
    }

    @Test func `a parked step that somebody discards is discarded in its workflow`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        try await worker(queue).run { worker in
            let handle = try await client.start(Workflow(Number(value: 1)).then(Pad(pad: "")))
            await worker.log.end(.parked)
            // Confirmed before the next one is fetched.
            _ = try await client.enqueue(Number(value: 2))
            await worker.log.end(.done, count: 2)
            let gone = try await client.unpark(
                JobKind("pad", version: 1), in: "q", .discard, most: 1)
            #expect(gone == 1)
            let outcome = try #require(try await handle.outcome())
            #expect(outcome.state == .discarded)
        }
    }

    @Test func `what it takes is over what one worker holds`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let register: (inout WorkerBuilder) -> Void = {
            $0.handle(Count.self) { _, input, _ in input.count }
        }
        try await worker(queue, register: register).run { _ in
            var graph = WorkflowGraph()
            var parts: [WorkflowStep<String>] = []
            for _ in 0..<9 { parts.append(graph.add(Fill(bytes: 1_000_000))) }
            let end = graph.add(Count(), inputs: parts)
            let handle = try await client.start(graph.returning(end))
            await #expect(throws: JobRunnerError.self) { try await handle.value() }
            let status = try await handle.status()
            #expect(status.steps[9].failure?.message.contains("over 8 MiB") == true)
        }
    }

    @Test func `full memory stops no workflow over two queues`() async throws {
        let queue = try QueueFixture(try RedisServer.start())
        let client = try queue.client()
        let (gate, open) = AsyncStream.makeStream(of: Int.self)
        let register: (inout WorkerBuilder) -> Void = {
            $0.handle(Gate.self) { _, _ in await gate.first { _ in true } ?? 0 }
        }
        try await worker(queue, register: register).run { worker in
            let handle = try await client.start(Workflow(Gate()).then(Far()))
            await worker.log.wait { if case .started = $0 { true } else { false } }
            try await queue.redis("CONFIG", "SET", "maxmemory", "1")
            open.yield(4)
            await worker.log.end(.done, count: 2)
            try await queue.redis("CONFIG", "SET", "maxmemory", "0")
            let value = try await handle.value()
            #expect(value == 40)
        }
    }

    @Test func `full memory: an outcome that is refused keeps no other job from being told`()
        async throws
    {
        let queue = try QueueFixture(RedisServer.start())
        let client = try queue.client()
        let handle = try await client.start(Workflow(Number(value: 1)))
        let ready = try await queue.redis("LRANGE", queue.keys.ready, "0", "-1")
        let step = try #require(ready.array?.first?.bytes)
        let plain = Array(#"{"id":"p","job":"x","resultTTL":60000}"#.utf8)
        try await queue.redis("CONFIG", "SET", "maxmemory", "1")
        try await client.tell([plain, step], .dead, .poison, queue.store)
        try await queue.redis("CONFIG", "SET", "maxmemory", "0")
        #expect(try await queue.integer("EXISTS", queue.keys.result("p")) == 0)
        let outcome = try #require(try await handle.outcome())
        #expect(outcome.failure?.type == "Poison")
    }

    @Test func `who is told of a failure is told of that one, whatever is retried`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let register: (inout WorkerBuilder) -> Void = {
            $0.handle(Gate.self) { _, _ in throw NumberFails() }
        }
        try await worker(queue, register: register).run { _ in
            let handle = try await client.start(
                Workflow(Gate()).onFailure(Tell(who: "me"), queue: "later"))
            await #expect(throws: JobRunnerError.self) { try await handle.value() }
            let later = client.keys.queue("later").ready
            let jobs = try await queue.redis("LRANGE", later, "0", "-1")
            let text = try #require(jobs.array?.first?.text)
            #expect(text.contains(#""input":{"#) && text.contains("NumberFails"), "\(text)")
        }
    }

    @Test func `the dead job of a batch is retried: the batch is done after all`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let fails = Mutex(true)
        let notes = WorkflowFixture.Log()
        let register: (inout WorkerBuilder) -> Void = {
            $0.handle(Gate.self) { _, _ in
                if fails.withLock({ $0 }) { throw NumberFails() }
                return 7
            }
            $0.handle(Remark.self) { job, _ in notes.note(job.text) }
        }
        try await worker(queue, register: register).run { worker in
            var batch = Batch()
            batch.onSuccess(Remark(text: "success"))
            batch.onCompletion(Remark(text: "completion"))
            let handle = try await client.open(batch, queue: "q")
            try await handle.add(Gate())
            try await handle.add(Gate())
            try await handle.seal()
            let failed = try await handle.wait()
            #expect(failed == BatchCounts(waiting: 0, done: 0, failed: 2, isOpen: false))
            fails.withLock { $0 = false }
            var pages = client.dead(in: "q")
            let dead = try #require(try await pages.next())
            _ = try await client.move(dead, of: "q", .retry)
            // The two, and who is told of the completion, and of the success.
            await worker.log.end(.done, count: 4)
            let good = try await handle.wait()
            #expect(good == BatchCounts(waiting: 0, done: 2, failed: 0, isOpen: false))
        }
        #expect(notes.notes == ["completion", "success"])
    }
}
