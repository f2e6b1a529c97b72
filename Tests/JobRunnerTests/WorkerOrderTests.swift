import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

private struct Mail: Job {
    static let name = "a"
    static let options = JobOptions(queue: "q", fairBy: "tenant")
    var tenant: String
}

private struct Plain: Job {
    static let name = "a"
    static let options = JobOptions(queue: "q")
    var number = 0
}

/// Who is fetched first, and jobs that are there once.
@Suite(.timeLimit(.minutes(1))) struct WorkerOrderTests {
    /// Runs what waits on one slot; returns the ids in the order they ran.
    private func run(_ queue: QueueFixture, _ count: Int) async throws -> [String] {
        let order = Mutex([String]())
        let fixture = try WorkerFixture(queue, { $0.concurrency = 1 }) {
            $0.add(
                .named("a") { context in
                    order.withLock { $0.append(context.id) }
                    return nil
                })
        }
        try await fixture.run { await $0.log.end(.done, count: count) }
        return order.withLock { $0 }
    }

    @Test func `a higher priority first, in front first of all, the others in their order`()
        async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client()
        for (id, priority) in [("a", 0), ("b", 1), ("c", 9), ("d", 1), ("e", 0)] {
            _ = try await client.enqueue(Plain(), id: id, priority: priority)
        }
        _ = try await client.enqueue(Plain(), id: "f", front: true)
        #expect(try await run(queue, 6) == ["c", "b", "d", "f", "a", "e"])
        #expect(try await queue.integer("EXISTS", queue.keys.ordered) == 0)
    }

    @Test func `one tenant's many do not hold up another's few`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let many = try await client.enqueue((0..<300).map { _ in Mail(tenant: "big") })
        let few = try await client.enqueue((0..<10).map { _ in Mail(tenant: "small") })
        let order = try await run(queue, 310)
        let last = try #require(order.lastIndex { id in few.contains { $0.id == id } })
        #expect(last <= 25)
        #expect(Set(order) == Set((many + few).map(\.id)))
        // In a tenant's own turn the oldest first.
        #expect(order.filter { id in few.contains { $0.id == id } } == few.map(\.id))
    }

    @Test func `a job keeps its rank until it is due, and through a retry`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let isFirst = Mutex(true)
        let order = Mutex([String]())
        let gate = Latch()
        let fixture = try WorkerFixture(queue, { $0.concurrency = 1 }) {
            $0.add(
                .named("a") { context in
                    order.withLock { $0.append(context.id) }
                    if context.id == "hold" { await gate.wait() }
                    let fails =
                        context.id == "late"
                        && isFirst.withLock { first in
                            defer { first = false }
                            return first
                        }
                    if fails { throw JobError.retry(after: .zero) }
                    return nil
                })
        }
        try await queue.push("hold", "x", "y")
        try await fixture.run { fixture in
            while order.withLock({ $0.isEmpty }) { try await queue.pass(0.02) }
            _ = try await client.enqueue(Plain(), in: .milliseconds(50), id: "late", priority: 5)
            while try await queue.integer("ZCARD", queue.keys.scheduled) > 0 {
                try await queue.pass(0.02)
            }
            gate.open()
            await fixture.log.end(.done, count: 4)
        }
        let ran = order.withLock { $0 }
        #expect(Array(ran.prefix(2)) == ["hold", "late"])
        #expect(ran.count == 5)
    }

    // MARK: Once

    @Test func `a second one with the same arguments is not enqueued until the first is over`()
        async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client()
        let first = try await client.enqueue(Plain(number: 1), unique: Unique())
        let second = try await client.enqueue(Plain(number: 1), unique: Unique())
        let other = try await client.enqueue(Plain(number: 2), unique: Unique())
        #expect(second.id == first.id)
        #expect(second.isDuplicate)
        #expect(!other.isDuplicate)
        await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Plain(number: 1), unique: Unique(onConflict: .reject))
        }
        #expect(try await run(queue, 2) == [first.id, other.id])
        let third = try await client.enqueue(Plain(number: 1), unique: Unique())
        #expect(!third.isDuplicate)
        #expect(third.id != first.id)
    }

    @Test func `a lock lives through retries and ends with the job, dead ones too`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        var options = JobOptions(queue: "q", maxAttempts: 2, unique: Unique(by: .key("k")))
        options.retryDelay = .fixed(.milliseconds(50))
        let handle = try await client.enqueue(name: "a", options: options)
        let key = queue.keys.unique("a.k")
        #expect(try await queue.text("GET", key) == handle.id)
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a", options: JobOptions(retryDelay: .fixed(.milliseconds(50)))) { _ in
                    #expect(try await queue.text("GET", key) == handle.id)
                    throw JobError.retry(after: .milliseconds(20))
                })
        }
        try await fixture.run { fixture in
            await fixture.log.end(.retried)
            await fixture.log.end(.buried)
        }
        #expect(try await queue.integer("EXISTS", key) == 0)
    }

    @Test func `a lock until the start is free while the job runs`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let unique = Unique(by: .key("k"), until: .start)
        _ = try await client.enqueue(Plain(), unique: unique)
        let next = Mutex<Bool?>(nil)
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { context in
                    guard next.withLock({ $0 == nil }) else { return nil }
                    next.withLock { $0 = false }
                    let handle = try await client.enqueue(Plain(), unique: unique)
                    next.withLock { $0 = !handle.isDuplicate }
                    return nil
                })
        }
        try await fixture.run { await $0.log.end(.done, count: 2) }
        #expect(next.withLock { $0 } == true)
    }

    @Test func `one that replaces cancels the other, and takes its place in time`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let unique = Unique(by: .key("k"), onConflict: .replace)
        _ = try await client.enqueue(Plain(), in: .seconds(60), id: "1", unique: unique)
        _ = try await client.enqueue(Plain(), in: .seconds(50), id: "2", unique: unique)
        try await queue.expectOnePlace(["2"])
        let replaced = try client.handle("q/1", output: NoOutput.self)
        await #expect(throws: JobRunnerError.self) { try await replaced.value() }
        _ = try await client.enqueue(Plain(), id: "3", unique: unique)
        _ = try await client.enqueue(Plain(), id: "4", unique: unique)
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { fixture in
            #expect(await fixture.log.end(.cancelled)?.id == "3")
            #expect(await fixture.log.end(.done)?.id == "4")
        }
        try await queue.expectOnePlace([])
        #expect(
            try await queue.integer("EXISTS", queue.keys.cancelled, queue.keys.unique("a.k")) == 0)
    }

    @Test func `a debounced job waits for quiet, but not for ever; throttled ones are dropped`()
        async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client()
        let calm = Unique.debounce(
            for: .seconds(60), key: .key("k"), atMost: .seconds(90))
        for id in ["1", "2", "3"] { _ = try await client.enqueue(Plain(), id: id, unique: calm) }
        try await queue.expectOnePlace(["3"])
        let rare = Unique.throttle(for: .seconds(60), key: .key("t"))
        let first = try await client.enqueue(Plain(), unique: rare)
        let second = try await client.enqueue(Plain(), unique: rare)
        #expect(second.id == first.id)
        #expect(try await run(queue, 1) == [first.id])
        #expect(try await client.enqueue(Plain(), unique: rare).isDuplicate)
        await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Plain(), in: .seconds(1), unique: calm)
        }
    }

    @Test func `what cannot be unique is told before anything is sent`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        for wrong in [
            Unique(by: .argument("nope")), Unique(for: .zero),
            Unique(for: .seconds(20 * 365 * 86_400)),
            .debounce(for: .zero), .debounce(for: .seconds(2 * 86_400)),
        ] {
            await #expect(throws: JobRunnerError.self) {
                try await client.enqueue(Plain(), unique: wrong)
            }
        }
        await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Plain(), priority: 10)
        }
        await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Plain(), in: .seconds(1), front: true)
        }
        await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Plain(), priority: 1, front: true)
        }
        try await queue.expectOnePlace([])
    }
}
