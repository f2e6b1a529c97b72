import RedisLink
import Testing

@testable import JobRunner

/// `dead.lua` and `dead_page.lua` on a real server.
@Suite(.timeLimit(.minutes(1))) struct StoreDeadTests {
    private func entry(_ id: String) -> [UInt8] {
        Array("w/1 reason\n".utf8) + QueueFixture.job(id)
    }

    private func bury(_ ids: [String], in queue: QueueFixture, from time: Int = 1000) async throws {
        let entries = ids.enumerated().map { (entry: entry($1), diedAt: time + $0) }
        #expect(try await queue.send(queue.store.addDead(entries)) == ids.count)
    }

    private func move(_ queue: QueueFixture, _ ids: [String]) async throws -> Int {
        try await queue.send(
            queue.store.retryDead(ids.map { (entry($0), QueueFixture.job($0), $0) }))
    }

    @Test func `a retry is ready again, and its outcome is gone`() async throws {
        let queue = try QueueFixture()
        try await bury(["1", "2", "3"], in: queue)
        try await queue.push("0")
        for id in ["1", "2", "3"] { try await queue.redis("SET", queue.keys.result(id), "dead") }
        #expect(try await move(queue, ["1", "2"]) == 2)
        try await queue.expectOnePlace(["0", "1", "2", "3"])
        #expect(try await queue.waiting() == ["0", "1", "2"])
        #expect(try await queue.integer("EXISTS", queue.keys.result("1")) == 0)
        #expect(try await queue.integer("EXISTS", queue.keys.result("2")) == 0)
        #expect(try await queue.integer("EXISTS", queue.keys.result("3")) == 1)
    }

    @Test func `a retry that is sent again moves nothing, nor what is not there`() async throws {
        let queue = try QueueFixture()
        try await bury(["1"], in: queue)
        #expect(try await move(queue, ["1", "9"]) == 1)
        try await queue.redis("SET", queue.keys.result("1"), "done")
        #expect(try await move(queue, ["1", "9"]) == 0)
        try await queue.expectOnePlace(["1"])
        #expect(try await queue.integer("EXISTS", queue.keys.result("1")) == 1)
    }

    @Test func `a retry wakes a worker that waits`() async throws {
        let queue = try QueueFixture()
        // Now, since its worker deletes what is dead for long.
        let now = try await queue.redis("TIME").array?.first?.integer ?? 0
        try await bury(["1"], in: queue, from: now * 1000)
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { fixture in
            await fixture.log.joined()
            let moved = try await move(queue, ["1"])
            #expect(moved == 1)
            await fixture.log.end(.done)
        }
        try await queue.expectOnePlace([String]())
    }

    @Test func `what is deleted is gone, the rest is not`() async throws {
        let queue = try QueueFixture()
        try await bury(["1", "2"], in: queue)
        let delete = queue.store.deleteDead([entry("1"), entry("9")])
        #expect(try await queue.send(delete) == 1)
        #expect(try await queue.send(delete) == 0)
        try await queue.expectOnePlace(["2"])
    }

    @Test func `the same job is added once, with its first time of death`() async throws {
        let queue = try QueueFixture()
        #expect(try await queue.send(queue.store.addDead([(entry("1"), 5)])) == 1)
        #expect(try await queue.send(queue.store.addDead([(entry("1"), 7)])) == 0)
        let page = try await queue.send(queue.store.deadPage(below: nil))
        #expect(page.entries.map(\.diedAt) == [5])
        #expect(page.below == nil)
    }

    @Test
    func `pages go from the newest to the oldest, each job once, whatever is moved meanwhile`()
        async throws
    {
        let queue = try QueueFixture()
        let ids = (0..<1234).map { "j\($0)" }
        try await bury(ids, in: queue)
        let client = try queue.client()
        defer { client.close() }
        var pages = client.dead(in: "q")
        var seen: [String] = []
        while let page = try await pages.next() {
            #expect(page.count <= 100)
            seen += page.map(\.id)
            // Out of what was read, and on top of it.
            #expect(try await client.move(page, of: "q", .delete) == page.count)
            try await bury(["new\(seen.count)"], in: queue, from: 1_000_000 + seen.count)
        }
        #expect(seen == ids.reversed())
        #expect(try await queue.integer("ZCARD", queue.keys.dead) == 13)
    }

    @Test func `a page has bounds in bytes, and a job that is too long only a head`() async throws {
        let queue = try QueueFixture()
        func large(_ id: String, _ kibibytes: Int) -> [UInt8] {
            entry(id) + [UInt8](repeating: UInt8(ascii: " "), count: kibibytes << 10)
        }
        let entries = [
            (entry: large("a", 3), diedAt: 1), (large("b", 3), 2), (large("c", 3), 3),
            (large("d", 49), 4), (large("e", 20), 5),
        ]
        #expect(try await queue.send(queue.store.addDead(entries)) == 5)
        var bounds = DeadBounds()
        bounds.bytes = 11 << 10
        bounds.bytesOfJob = 48 << 10
        var seen: [[String]] = []
        var below: Int?
        repeat {
            let page = try await queue.send(queue.store.deadPage(below: below, bounds))
            below = page.below
            let jobs = page.entries.map {
                DeadJob(queue: "q", entry: $0.text, size: $0.size, diedAt: $0.diedAt)
            }
            seen.append(jobs.map(\.id))
            for job in jobs where job.isCut {
                #expect(job.id == "d")
                #expect(job.size == large("d", 49).count - "w/1 reason\n".utf8.count)
                #expect(job.entry.count == 4096)
            }
        } while below != nil
        #expect(seen == [["e"], ["d", "c", "b"], ["a"]])
    }

    @Test func `a stranger's key is an error, not a crash`() async throws {
        let queue = try QueueFixture()
        try await queue.redis("SET", queue.keys.dead, "mine")
        do {
            _ = try await queue.send(queue.store.deadPage(below: nil))
            Issue.record("it was read")
        } catch let error as RedisError {
            guard case .server(let refusal) = error else { throw error }
            #expect(refusal.code == .WRONGTYPE)
        }
    }
}
