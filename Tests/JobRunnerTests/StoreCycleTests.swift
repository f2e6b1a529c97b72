import RedisLink
import Testing

@testable import JobRunner

/// `cycle.lua` on a real server.
@Suite(.timeLimit(.minutes(1))) struct StoreCycleTests {
    @Test func `one without a lease changes nothing`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1")
        let acks = [Ack(tag: 1, writes: [.result(id: "x", milliseconds: 1000, json: [1])])]
        let reply = try await queue.send(queue.store.cycle(worker: "w", want: 5, acks: acks))
        guard case .lost = reply else { return #expect(Bool(false), "\(reply)") }
        try await queue.expectOnePlace(["1"])
        #expect(try await queue.integer("LLEN", queue.keys.ready) == 1)
        #expect(try await queue.integer("EXISTS", queue.keys.result("x")) == 0)
    }

    @Test func `fetches oldest first, landing before ready, and moves nothing twice`() async throws
    {
        let queue = try QueueFixture()
        try await queue.push("1", "2", "3", "4")
        try await queue.join("w")
        #expect(try await queue.send(queue.store.park(seconds: 1)))
        #expect(try await queue.send(queue.store.park(seconds: 1)))
        #expect(try await queue.ids(queue.keys.landing) == ["2", "1"])
        try await queue.expectOnePlace(["1", "2", "3", "4"])
        let jobs = try await queue.fetch("w", 3)
        #expect(jobs.map { QueueFixture.id($0.json) } == ["1", "2", "3"])
        #expect(jobs.map(\.tag) == Array(jobs[0].tag..<jobs[0].tag + 3))
        try await queue.expectOnePlace(["1", "2", "3", "4"])
        let last = try await queue.fetch("w", 3)
        #expect(last.map { QueueFixture.id($0.json) } == ["4"])
        #expect(last[0].tag > jobs[2].tag)
        #expect(try await queue.fetch("w", 3).isEmpty)
    }

    @Test func `a parked job goes back to where others see it`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1", "2")
        #expect(try await queue.send(queue.store.park(seconds: 1)))
        try await queue.send(queue.store.unpark())
        #expect(try await queue.ids(queue.keys.ready) == ["2", "1"])
        try await queue.send(queue.store.unpark())
        #expect(try await queue.ids(queue.keys.ready) == ["2", "1"])
    }

    @Test func `parking an empty queue waits and says so`() async throws {
        let queue = try QueueFixture()
        #expect(try await !queue.send(queue.store.park(seconds: 1)))
    }

    @Test func `every write of an ack is made, once`() async throws {
        let queue = try QueueFixture()
        try await queue.push("done", "retry", "bury", "release", "next")
        try await queue.join("w")
        let tags = try await queue.fetch("w", 5).map(\.tag)
        try await queue.redis("SET", queue.keys.unique("u"), "done")
        try await queue.redis("HSET", queue.keys.crashes, "done", "2")
        try await queue.redis("HSET", queue.keys.steps("done"), "one", "[]")
        let acks = [
            Ack(
                tag: tags[0],
                writes: [
                    .result(id: "done", milliseconds: 60_000, json: Array("{}".utf8)),
                    .drop(id: "done"), .unlock(key: "u", id: "done"), .forget(id: "done"),
                ]),
            Ack(
                tag: tags[1],
                writes: [.retry(milliseconds: 60_000, job: QueueFixture.job("retry"))]),
            Ack(
                tag: tags[2], writes: [.bury(reason: "no good", job: QueueFixture.job("bury"))]),
            Ack(tag: tags[3], writes: [.release(job: QueueFixture.job("release"))]),
            Ack(
                tag: tags[4],
                writes: [
                    .next(milliseconds: 0, job: QueueFixture.job("n1")),
                    .next(milliseconds: 60_000, job: QueueFixture.job("n2")),
                ]),
        ]
        let first = try await queue.cycle("w", acks)
        #expect(first.acked == 5)
        #expect(first.held == 0)
        for _ in 0..<2 {
            #expect(try await queue.cycle("w", acks).acked == 0)
            try await queue.expectOnePlace(["retry", "bury", "release", "n1", "n2"])
        }
        #expect(try await queue.text("GET", queue.keys.result("done")) == "{}")
        let ttl = try await queue.integer("PTTL", queue.keys.result("done"))
        #expect((50_000...60_000).contains(ttl))
        #expect(try await queue.ids(queue.keys.ready) == ["n1", "release"])
        let dead = try await queue.redis("ZRANGE", queue.keys.dead, "0", "-1").array?.first?.text
        #expect(dead == "w/\(tags[2]) no good\n{\"id\":\"bury\",\"job\":\"a\"}")
        #expect(try await queue.integer("EXISTS", queue.keys.unique("u")) == 0)
        #expect(try await queue.integer("HLEN", queue.keys.crashes) == 0)
        #expect(try await queue.integer("EXISTS", queue.keys.steps("done")) == 0)
        #expect(try await queue.ids(queue.keys.scheduled).sorted() == ["n2", "retry"])
    }

    @Test func `a tag of another worker is nobody's business`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1")
        try await queue.join("w")
        try await queue.join("x")
        let tag = try await queue.fetch("w", 1)[0].tag
        let ack = Ack(tag: tag, writes: [.release(job: QueueFixture.job("1"))])
        let reply = try await queue.cycle("x", [ack])
        #expect(reply.acked == 0)
        #expect(reply.held == 0)
        try await queue.expectOnePlace(["1"])
        #expect(try await queue.cycle("w", [ack]).acked == 1)
        #expect(try await queue.ids(queue.keys.ready) == ["1"])
    }

    @Test func `a lock that another job holds stays`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1")
        try await queue.join("w")
        let tag = try await queue.fetch("w", 1)[0].tag
        try await queue.redis("SET", queue.keys.unique("u"), "other")
        try await queue.cycle("w", [Ack(tag: tag, writes: [.unlock(key: "u", id: "1")])])
        #expect(try await queue.text("GET", queue.keys.unique("u")) == "other")
    }

    @Test func `a paused queue takes acks and hands out nothing`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1", "2")
        try await queue.join("w")
        let tag = try await queue.fetch("w", 1)[0].tag
        try await queue.redis("HSET", queue.keys.meta, "paused", "1")
        let reply = try await queue.cycle("w", want: 9, [Ack(tag: tag)])
        #expect(reply.isPaused)
        #expect(reply.acked == 1)
        #expect(reply.deliveries.isEmpty)
        try await queue.redis("HDEL", queue.keys.meta, "paused")
        #expect(try await queue.cycle("w", want: 9).deliveries.count == 1)
    }

    @Test func `crashes and cancels come with the jobs`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1", "2", "3")
        try await queue.redis("LPUSH", queue.keys.ready, "foreign")
        try await queue.redis("HSET", queue.keys.crashes, "2", "3")
        try await queue.redis("HSET", queue.keys.crashes, sha1Hex(Array("foreign".utf8)), "1")
        #expect(try await queue.send(queue.store.cancel("3", keep: .seconds(60))))
        try await queue.join("w")
        let jobs = try await queue.fetch("w", 9)
        #expect(jobs.map(\.crashes) == [0, 3, 0, 1])
        #expect(jobs.map(\.isCancelled) == [false, false, true, false])
    }

    @Test func `takes and acks a thousand at once`() async throws {
        let queue = try QueueFixture()
        let ids = (0..<1000).map { "j\($0)" }
        try await queue.push(ids)
        try await queue.join("w")
        let jobs = try await queue.fetch("w", 1000)
        #expect(jobs.map { QueueFixture.id($0.json) } == ids)
        let acks = jobs.map { job in
            let id = QueueFixture.id(job.json)
            return Ack(
                tag: job.tag, writes: [.result(id: id, milliseconds: 10_000, json: Array("1".utf8))]
            )
        }
        let reply = try await queue.cycle("w", acks)
        #expect(reply.acked == 1000)
        #expect(reply.held == 0)
        try await queue.expectOnePlace([])
    }

    @Test func `any bytes go through, NUL and no UTF-8 among them`() async throws {
        let queue = try QueueFixture()
        let bytes: [UInt8] = [0, 255, 13, 10, 0, 128]
        var words = Arguments()
        words.append("LPUSH")
        words.append(queue.keys.ready)
        words.append(bytes)
        words.append([] as [UInt8])
        _ = try await queue.connection.send(Command(name: "LPUSH", words))
        try await queue.join("w")
        #expect(try await queue.fetch("w", 2).map(\.json) == [bytes, []])
    }

    @Test func `a result ends with its time`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1")
        try await queue.join("w")
        let tag = try await queue.fetch("w", 1)[0].tag
        let write = Ack.Write.result(id: "1", milliseconds: 50, json: Array("{}".utf8))
        try await queue.cycle("w", [Ack(tag: tag, writes: [write])])
        try await queue.pass(0.1)
        #expect(try await queue.send(queue.store.result("1")) == nil)
    }
}
