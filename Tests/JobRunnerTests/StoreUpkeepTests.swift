import RedisLink
import Testing

@testable import JobRunner

/// `tick.lua` and `reap.lua` on a real server.
@Suite(.timeLimit(.minutes(1))) struct StoreUpkeepTests {
    private func tick(
        _ queue: QueueFixture, _ worker: String = "", joins: Bool = false,
        _ change: (inout Upkeep) -> Void = { _ in }
    ) async throws -> TickReply {
        var upkeep = queue.upkeep
        change(&upkeep)
        return try await queue.send(queue.store.tick(worker: worker, joins: joins, upkeep))
    }

    @Test func `an id joins, renews, and is not renewed unless it joined`() async throws {
        let queue = try QueueFixture()
        #expect(try await !tick(queue, "w").isAlive)
        #expect(try await tick(queue, "w", joins: true).isAlive)
        #expect(try await tick(queue, "w").isAlive)
        #expect(try await queue.integer("ZCARD", queue.keys.workers) == 1)
    }

    @Test func `a lapsed worker is fenced, then reaped, then forgotten`() async throws {
        let queue = try QueueFixture(lease: 200)
        try await queue.push("1", "2", "3")
        try await queue.join("w")
        let tag = try await queue.fetch("w", 2)[0].tag
        // A gap counts for at most a quarter of the lease.
        var reaping: [String] = []
        for _ in 0..<8 where reaping.isEmpty {
            try await queue.pass(0.06)
            reaping = try await tick(queue).reaping
        }
        #expect(reaping == ["w"])
        guard
            case .lost = try await queue.send(
                queue.store.cycle(worker: "w", want: 1, acks: [Ack(tag: tag)]))
        else { return #expect(Bool(false), "it still has a lease") }
        #expect(try await !tick(queue, "w").isAlive)
        #expect(try await !tick(queue, "w", joins: true).isAlive)
        let reap = queue.store.reap(worker: "w", isSure: false, limit: 1, crashes: 5)
        let first = try #require(try await queue.send(reap))
        #expect(first.counts == (1, 1, 0))
        #expect(try await queue.integer("ZCARD", queue.keys.reaping) == 1)
        let second = try #require(try await queue.send(reap))
        #expect(second.counts == (0, 1, 0))
        #expect(try await queue.integer("ZCARD", queue.keys.reaping) == 0)
        try await queue.expectOnePlace(["1", "2", "3"])
        #expect(try await queue.integer("HGET", queue.keys.crashes, "1") == 1)
        #expect(try await queue.integer("HGET", queue.keys.crashes, "2") == 1)
    }

    @Test func `the living are not reaped`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1")
        try await queue.join("w")
        _ = try await queue.fetch("w", 1)
        let reap = queue.store.reap(worker: "w", isSure: false, crashes: 5)
        #expect(try await queue.send(reap) == nil)
        try await queue.expectOnePlace(["1"])
        #expect(try await queue.cycle("w").held == 1)
    }

    @Test func `one that leaves gives all back in order, uncounted`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1", "2", "3", "4")
        try await queue.join("w")
        _ = try await queue.fetch("w", 3)
        let reap = queue.store.reap(worker: "w", isSure: true, crashes: 0)
        for given in [3, 0] {
            #expect(try #require(try await queue.send(reap)).counts == (0, given, 0))
        }
        #expect(try await queue.ids(queue.keys.ready) == ["4", "3", "2", "1"])
        #expect(try await queue.integer("EXISTS", queue.keys.crashes) == 0)
        #expect(try await queue.integer("ZCARD", queue.keys.workers) == 0)
    }

    @Test func `a job that went down with too many workers is buried`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1")
        for round in 1...3 {
            try await queue.join("w\(round)")
            let job = try await queue.fetch("w\(round)", 1)[0]
            #expect(job.crashes == round - 1)
            let reap = queue.store.reap(worker: "w\(round)", isSure: true, crashes: 2)
            let reply = try #require(try await queue.send(reap))
            #expect(reply.counts == (round < 3 ? (0, 1, 0) : (0, 0, 1)))
            #expect(reply.dead == (round < 3 ? [] : [QueueFixture.job("1")]))
        }
        let dead = try await queue.redis("ZRANGE", queue.keys.dead, "0", "-1").array?.first?.text
        #expect(dead?.contains(" lost with 3 workers\n{\"id\":\"1\"") == true)
        #expect(try await queue.integer("EXISTS", queue.keys.crashes) == 0)
        try await queue.expectOnePlace(["1"])
    }

    @Test func `promotes what is due, in order, a bounded number a call`() async throws {
        let queue = try QueueFixture()
        for number in 1...5 {
            let job = String(decoding: QueueFixture.job("\(number)"), as: UTF8.self)
            try await queue.redis("ZADD", queue.keys.scheduled, "\(number)", job)
        }
        let later = String(decoding: QueueFixture.job("later"), as: UTF8.self)
        try await queue.redis("ZADD", queue.keys.scheduled, "99999999999999", later)
        let first = try await tick(queue) { $0.limit = 3 }
        #expect(first.hasMore)
        #expect(first.ready == 3)
        #expect(first.scheduled == 3)
        let second = try await tick(queue) { $0.limit = 3 }
        #expect(!second.hasMore)
        #expect(try await queue.ids(queue.keys.ready) == ["5", "4", "3", "2", "1"])
        try await queue.expectOnePlace(["1", "2", "3", "4", "5", "later"])
    }

    @Test func `parked jobs that nobody came for go back, oldest first to be fetched`() async throws
    {
        let queue = try QueueFixture()
        try await queue.push("1", "2", "3")
        for _ in 0..<2 { _ = try await queue.send(queue.store.park(seconds: 1)) }
        #expect(try await tick(queue).landing == 0)
        #expect(try await queue.ids(queue.keys.ready) == ["3", "2", "1"])
    }

    @Test func `only the first caller of an interval sweeps`() async throws {
        let queue = try QueueFixture()
        _ = try await tick(queue)
        let job = String(decoding: QueueFixture.job("1"), as: UTF8.self)
        try await queue.redis("ZADD", queue.keys.scheduled, "1", job)
        #expect(try await tick(queue) { $0.sweep = 600_000 }.scheduled == 1)
        #expect(try await tick(queue).scheduled == 0)
    }

    @Test func `the dead are bounded in number and age`() async throws {
        let queue = try QueueFixture()
        let now = (try await queue.redis("TIME").array?.first?.integer ?? 0) * 1000
        for number in 0..<5 {
            try await queue.redis("ZADD", queue.keys.dead, "\(now + number)", "w/\(number) r\n{}")
        }
        try await queue.redis("ZADD", queue.keys.dead, "5", "w/9 old\n{}")
        _ = try await tick(queue) { $0.deadJobs = 3 }
        let left = try await queue.redis("ZRANGE", queue.keys.dead, "0", "-1").array ?? []
        #expect(left.compactMap(\.text) == (2..<5).map { "w/\($0) r\n{}" })
    }

    @Test func `says what is paused and how long the lists are`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1", "2")
        try await queue.redis("HSET", queue.keys.meta, "paused", "1")
        let reply = try await tick(queue, "w", joins: true)
        #expect(reply.isPaused)
        #expect(reply.ready == 2)
        #expect(reply.landing == 0)
    }

    @Test func `a visibility timeout is the first worker's, while there is any`() async throws {
        let queue = try QueueFixture()
        var other = Upkeep()
        other.lease = 5000
        #expect(try await queue.send(queue.store.agreedLease()) == nil)
        try await queue.join("w")
        #expect(try await queue.send(queue.store.agreedLease()) == 30_000)
        let call = queue.store.tick(worker: "v", joins: true, other)
        await #expect(throws: RedisError.self) { try await queue.send(call) }
        #expect(try await queue.integer("ZCARD", queue.keys.workers) == 1)
        _ = try await queue.send(queue.store.reap(worker: "w", isSure: true, crashes: 0))
        #expect(try await queue.send(call).isAlive)
        #expect(try await queue.send(queue.store.agreedLease()) == 5000)
        // It renews its lease as others do.
        #expect(try await queue.send(queue.store.tick(worker: "v", joins: false, other)).isAlive)
    }
}
