import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// A dead worker's jobs are given back by somebody who knows that it is dead.
@Suite("client reaps", .timeLimit(.minutes(1)), .enabled(if: RedisServer.isAvailable))
struct ClientReapTests {
    @Test func `all lives of that worker, and no other's`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await queue.push("1", "2", "3", "4")
        for worker in ["w-1-a", "w-1-a+1", "w-1-a+2", "w-1-ab"] {
            try await queue.join(worker)
            #expect(try await queue.fetch(worker, 1).count == 1)
        }
        // One that others are giving back already is in `reaping` alone.
        try await queue.redis("ZREM", queue.keys.workers, "w-1-a+1")
        try await queue.redis("ZADD", queue.keys.reaping, "1", "w-1-a+1")
        let counts = try await client.reap(
            worker: "w-1-a", queue: queue.keys.name, isCounted: true, poisonLimit: 3)
        #expect(counts == (3, 0))
        #expect(try await queue.ids(queue.keys.ready).sorted() == ["1", "2", "3"])
        #expect(try await queue.integer("HLEN", queue.keys.active("w-1-ab")) == 1)
        #expect(try await queue.integer("HGET", queue.keys.crashes, "1") == 1)
        #expect(try await queue.integer("HLEN", queue.keys.crashes) == 3)
        #expect(try await queue.counted("reaped") == 3)
        let again = try await client.reap(
            worker: "w-1-a", queue: queue.keys.name, isCounted: true, poisonLimit: 3)
        #expect(again == (0, 0))
    }

    @Test func `not counted when it was not the jobs' doing`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await queue.push("1")
        try await queue.join("w")
        #expect(try await queue.fetch("w", 1).count == 1)
        let counts = try await client.reap(
            worker: "w", queue: queue.keys.name, isCounted: false, poisonLimit: 3)
        #expect(counts == (1, 0))
        #expect(try await queue.integer("EXISTS", queue.keys.crashes) == 0)
        #expect(try await queue.ids(queue.keys.ready) == ["1"])
    }

    @Test func `a job that was lost with too many is buried`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await queue.push("1")
        for life in 1...6 {
            try await queue.join("w\(life)")
            #expect(try await queue.fetch("w\(life)", 1).count == 1)
            let counts = try await client.reap(
                worker: "w\(life)", queue: queue.keys.name, isCounted: true, poisonLimit: 3)
            #expect(counts == (life < 6 ? (1, 0) : (0, 1)))
        }
        #expect(try await queue.integer("ZCARD", queue.keys.dead) == 1)
    }

    @Test func `who waits for a job that is buried so is told, and its lock ends`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        var options = JobOptions(queue: queue.keys.name)
        options.unique = Unique(by: .key("k"))
        let handle = try await client.enqueue(name: "a", options: options)
        #expect(try await queue.integer("EXISTS", queue.keys.unique("a.k")) == 1)
        for life in 1...6 {
            #expect(try await queue.send(queue.store.result(handle.id)) == nil)
            try await queue.join("w\(life)")
            #expect(try await queue.fetch("w\(life)", 1).count == 1)
            _ = try await client.reap(
                worker: "w\(life)", queue: queue.keys.name, isCounted: true, poisonLimit: 3)
        }
        let outcome = try #require(try await client.outcome(queue: handle.queue, id: handle.id))
        #expect(outcome.state == .dead)
        #expect(outcome.failure?.type == "Poison")
        #expect(try await queue.integer("EXISTS", queue.keys.unique("a.k")) == 0)
    }
}
