import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// `enqueue.lua`, `enqueue_many.lua` and `cancel.lua` on a real server.
@Suite(.timeLimit(.minutes(1))) struct StoreEnqueueTests {
    private func new(_ id: String) -> NewJob { NewJob(id: id, json: QueueFixture.job(id)) }

    @Test func `accepts an id once within its window`() async throws {
        let begin = ContinuousClock.now
        let queue = try QueueFixture()
        let call = queue.store.enqueue(new("1"), due: .now, window: 60_000)
        #expect(try await queue.send(call) == .accepted)
        #expect(try await queue.send(call) == .duplicate)
        try await queue.expectOnePlace(["1"])
        // Kept for the window, of which the test itself has used what the clock says.
        let ttl = try await queue.integer("PTTL", queue.keys.seen("1"))
        let used = (ContinuousClock.now - begin) / .milliseconds(1)
        #expect((60_000 - Int(used) - 1_000...60_000).contains(ttl))
    }

    @Test func `forgets an id after its window, and without one at once`() async throws {
        let queue = try QueueFixture()
        let call = queue.store.enqueue(new("1"), due: .now, window: 30)
        #expect(try await queue.send(call) == .accepted)
        try await queue.pass(0.1)
        #expect(try await queue.send(call) == .accepted)
        let unbounded = queue.store.enqueue(new("2"), due: .now, window: 0)
        #expect(try await queue.send(unbounded) == .accepted)
        #expect(try await queue.send(unbounded) == .accepted)
        #expect(try await queue.ids(queue.keys.ready) == ["2", "2", "1", "1"])
        #expect(try await queue.integer("EXISTS", queue.keys.seen("2")) == 0)
    }

    @Test func `a delay and a date go to scheduled, what is past to ready`() async throws {
        let queue = try QueueFixture()
        let time = try await queue.redis("TIME").array?.first?.integer ?? 0
        let store = queue.store
        _ = try await queue.send(
            store.enqueue(new("in"), due: .after(milliseconds: 60_000), window: 0))
        _ = try await queue.send(
            store.enqueue(new("at"), due: .at(milliseconds: (time + 100) * 1000), window: 0))
        _ = try await queue.send(
            store.enqueue(new("past"), due: .at(milliseconds: 1000), window: 0))
        #expect(try await queue.ids(queue.keys.scheduled) == ["in", "at"])
        #expect(try await queue.ids(queue.keys.ready) == ["past"])
        let job = String(decoding: QueueFixture.job("in"), as: UTF8.self)
        let due = try await queue.integer("ZSCORE", queue.keys.scheduled, job)
        let after = try await queue.redis("TIME").array?.first?.integer ?? 0
        #expect((time * 1000 + 60_000..<(after + 1) * 1000 + 60_000).contains(due))
    }

    @Test func `one unfinished job a unique key`() async throws {
        let queue = try QueueFixture()
        let store = queue.store
        func enqueue(_ id: String, _ window: Int) async throws -> Acceptance {
            var terms = Terms()
            terms.unique = UniqueLock(key: "k", end: .done, milliseconds: 60_000)
            return try await queue.send(
                store.enqueue(new(id), due: .now, window: window, terms: terms))
        }
        #expect(try await enqueue("1", 0) == .accepted)
        #expect(try await enqueue("2", 0) == .held(by: "1"))
        #expect(try await enqueue("1", 0) == .duplicate)
        try await queue.expectOnePlace(["1"])
    }

    @Test func `a queue that is as long as it may be refuses, and remembers nothing`() async throws
    {
        let queue = try QueueFixture()
        try await queue.push("1", "2")
        let call = queue.store.enqueue(new("3"), due: .now, window: 60_000, longest: 2)
        #expect(try await queue.send(call) == .full)
        #expect(try await queue.integer("EXISTS", queue.keys.seen("3")) == 0)
        _ = try await queue.redis("RPOP", queue.keys.ready)
        #expect(try await queue.send(call) == .accepted)
        let many = queue.store.enqueueMany([new("4"), new("5")], window: 60_000, longest: 3)
        #expect(try await queue.send(many) == [.accepted, .full])
        #expect(try await queue.integer("EXISTS", queue.keys.seen("5")) == 0)
        #expect(try await queue.waiting() == ["2", "3", "4"])
    }

    @Test func `a batch is accepted in order, each job once`() async throws {
        let queue = try QueueFixture()
        _ = try await queue.send(queue.store.enqueue(new("2"), due: .now, window: 60_000))
        let call = queue.store.enqueueMany(
            ["1", "2", "3", "3"].map { new($0) }, window: 60_000)
        #expect(
            try await queue.send(call) == [.accepted, .duplicate, .accepted, .duplicate])
        #expect(
            try await queue.send(call) == [.duplicate, .duplicate, .duplicate, .duplicate])
        #expect(try await queue.ids(queue.keys.ready) == ["3", "1", "2"])
        try await queue.expectOnePlace(["1", "2", "3"])
    }

    @Test func `a batch without a window is a plain push`() async throws {
        let queue = try QueueFixture()
        let ids = (0..<1000).map { "j\($0)" }
        let call = queue.store.enqueueMany(ids.map { new($0) }, window: 0)
        #expect(try await queue.send(call) == Array(repeating: .accepted, count: 1000))
        #expect(try await queue.ids(queue.keys.ready) == ids.reversed())
        #expect(try await queue.integer("EXISTS", queue.keys.seen("j1")) == 0)
    }

    @Test func `a full server refuses producers and lets workers drain`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        try await queue.push("1")
        try await queue.redis("CONFIG", "SET", "maxmemory", "1")
        for call in [
            queue.store.enqueue(new("2"), due: .now, window: 60_000),
            queue.store.enqueue(new("3"), due: .after(milliseconds: 1000), window: 0),
        ] {
            let error = await #expect(throws: RedisError.self) { try await queue.send(call) }
            #expect(error.map(JobRunnerError.init(refused:))?.isRedisFull == true)
        }
        let many = queue.store.enqueueMany([new("4")], window: 0)
        await #expect(throws: RedisError.self) { try await queue.send(many) }
        try await queue.join("w")
        let tag = try await queue.fetch("w", 1)[0].tag
        let job = QueueFixture.job("1")
        #expect(
            try await queue.cycle("w", [Ack(tag: tag, writes: [.bury(reason: "r", job: job)])])
                .acked == 1)
        try await queue.expectOnePlace(["1"])
    }

    @Test func `cancelling marks an id for a time, and tells running workers`() async throws {
        let queue = try QueueFixture()
        try await queue.join("w")
        let before = try await queue.send(queue.store.tick(worker: "w", joins: false, queue.upkeep))
        #expect(try await queue.send(queue.store.cancel("1", keep: .seconds(60))))
        #expect(try await !queue.send(queue.store.cancel("1", keep: .seconds(60))))
        let after = try await queue.send(queue.store.tick(worker: "w", joins: false, queue.upkeep))
        #expect(before.cancels != after.cancels)
        #expect(try await queue.send(queue.store.cancelled(["0", "1"])) == [false, true])
        _ = try await queue.send(queue.store.cancel("2", keep: .milliseconds(20)))
        try await queue.pass(0.1)
        try await queue.join("w")
        #expect(try await queue.send(queue.store.cancelled(["1", "2"])) == [true, false])
    }
}

extension JobRunnerError {
    var isRedisFull: Bool { if case .redisFull = self { true } else { false } }
    var isOutcomeUnknown: Bool { if case .outcomeUnknown = self { true } else { false } }
}
