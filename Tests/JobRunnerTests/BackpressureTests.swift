import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

private struct Small: Job {
    static let name = "small"
    static let options = JobOptions(queue: "q")
    var number: Int
}

/// Queues that are as long as they may be.
@Suite(.timeLimit(.minutes(1))) struct BackpressureTests {
    private func expectFull(
        _ limit: Int, _ body: () async throws -> Void,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: JobRunnerError.self, sourceLocation: sourceLocation) {
            try await body()
        }
        #expect(
            error?.description == "queue 'q' is full (\(limit) jobs): the job was not accepted",
            sourceLocation: sourceLocation)
    }

    @Test func `what fits is accepted, the rest is refused, whichever way it comes`()
        async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client { (options: inout ClientOptions) in
            options.maxLengths["q"] = 3
        }
        _ = try await client.enqueue(Small(number: 0))
        await expectFull(3) { _ = try await client.enqueue((1..<5).map(Small.init)) }
        #expect(try await queue.integer("LLEN", queue.keys.ready) == 3)
        await expectFull(3) { _ = try await client.enqueue(Small(number: 5)) }
        await expectFull(3) { _ = try await client.enqueue(Small(number: 5), id: "own") }
        // Later is not ready, and another queue has no limit here.
        _ = try await client.enqueue(Small(number: 6), in: .seconds(60))
        _ = try await client.enqueue(Small(number: 7), queue: "free")
        #expect(try await queue.integer("LLEN", queue.keys.ready) == 3)
        // What was refused is not remembered.
        _ = try await queue.redis("RPOP", queue.keys.ready)
        let own = try await client.enqueue(Small(number: 5), id: "own")
        #expect(!own.isDuplicate)
    }

    @Test func `a producer that waits goes on in order as workers make room`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client {
            $0.maxLength = 10
            $0.waitWhenFull = .seconds(3600)
        }
        let longest = Mutex(0)
        let ran = Mutex<[Int]>([])
        let fixture = try WorkerFixture(queue, { $0.concurrency = 1 }) {
            $0.handle(Small.self) { job, _ in
                ran.withLock { $0.append(job.number) }
                let length = try await queue.integer("LLEN", queue.keys.ready)
                longest.withLock { $0 = max($0, length) }
            }
        }
        try await fixture.run { fixture in
            let all = Task { try await client.enqueue((0..<200).map(Small.init)) }
            let one = Task { try await client.enqueue(Small(number: 200), id: "own") }
            #expect(try await all.value.count == 200)
            _ = try await one.value
            await fixture.log.end(.done, count: 201)
        }
        #expect(longest.withLock { $0 } <= 10)
        #expect(ran.withLock { $0.filter { $0 < 200 } } == Array(0..<200))
    }

    @Test func `a wait for room ends`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1", "2")
        let client = try queue.client {
            $0.maxLength = 2
            $0.waitWhenFull = .milliseconds(50)
        }
        await expectFull(2) { _ = try await client.enqueue(Small(number: 5)) }
        await expectFull(2) { _ = try await client.enqueue(Small(number: 5), id: "own") }
        #expect(try await queue.waiting() == ["1", "2"])
    }

    @Test func `callers whose jobs travel together are told each their own`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client { $0.maxLength = 50 }
        let accepted = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask { (try? await client.enqueue(Small(number: number))) != nil }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(accepted == 50)
        #expect(try await queue.integer("LLEN", queue.keys.ready) == 50)
    }
}

/// The line of an enqueue batcher: what flies when, and in which order.
@Suite struct EnqueueLineTests {
    private final class Nobody: EnqueueSink {
        func enqueued(_ index: Int, _ answer: Result<Acceptance, JobRunnerError>) {}
    }

    private func line(_ count: Int) -> EnqueueLine {
        var line = EnqueueLine()
        add(0..<count, to: &line)
        return line
    }

    private func add(_ numbers: Range<Int>, to line: inout EnqueueLine, deadline: Int64 = 100) {
        for number in numbers {
            line.add(
                NewJob(id: "\(number)", json: []), deadline: deadline, fullUntil: 0, Nobody(),
                number)
        }
    }

    private let fault = RedisError.closed(address: "a", reason: "r")
    private var random = SystemRandomNumberGenerator()

    @Test mutating func `two batches that come back keep their order and go before the others`() {
        var line = line(1500)
        let first = line.next(mayFlyBeside: true) ?? []
        let second = line.next(mayFlyBeside: true) ?? []
        #expect(first.count == 1000)
        #expect(second.count == 500)
        add(1500..<1600, to: &line)
        #expect(line.next(mayFlyBeside: true) == nil)
        // The later one comes back first.
        #expect(line.land(second, because: fault, using: &random) != nil)
        #expect(line.land(first, because: fault, using: &random) == nil)
        #expect(line.waiting.map(\.index) == Array(0..<1600))
        #expect(line.next(mayFlyBeside: true) == nil, "held")
        #expect(line.goOn(now: 99).isEmpty)
        #expect(line.next(mayFlyBeside: true)?.map(\.index) == Array(0..<1000))
    }

    @Test mutating func `those that waited behind an outage are let go when their time is over`() {
        var line = line(1)
        let batch = line.next(mayFlyBeside: false) ?? []
        add(1..<3, to: &line, deadline: 50)
        _ = line.land(batch, because: fault, using: &random)
        #expect(line.goOn(now: 60).map(\.index) == [1, 2])
        #expect(line.next(mayFlyBeside: false)?.map(\.index) == [0])
    }

    @Test mutating func `no batch flies beside one that a full queue may refuse`() {
        var line = line(2000)
        let batch = line.next(mayFlyBeside: false) ?? []
        #expect(line.next(mayFlyBeside: false) == nil)
        _ = line.land(Array(batch.suffix(10)), because: nil, using: &random)
        #expect(line.goOn(now: 1000).isEmpty, "a full queue is asked once more")
        #expect(line.next(mayFlyBeside: false)?.map(\.index) == Array(990..<1990))
    }
}
