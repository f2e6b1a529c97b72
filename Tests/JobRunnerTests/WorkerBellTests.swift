import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Jobs that are due before the next tick: who enqueues one rings, and one worker hears it.
@Suite(.timeLimit(.minutes(1))) struct WorkerBellTests {
    private func later(_ id: String, _ milliseconds: Int, in queue: QueueFixture) async throws {
        let job = NewJob(id: id, json: QueueFixture.job(id))
        let call = queue.store.enqueue(job, due: .after(milliseconds: milliseconds), window: 0)
        #expect(try await queue.send(call) == .accepted)
    }

    @Test func `it rings for the first job of all that is due soon, and not for long`()
        async throws
    {
        let queue = try QueueFixture()
        func rings() async throws -> Int { try await queue.integer("LLEN", queue.keys.bell) }
        _ = try await queue.send(
            queue.store.enqueue(
                NewJob(id: "now", json: QueueFixture.job("now")), due: .now, window: 0))
        try await later("distant", 60_000, in: queue)
        #expect(try await rings() == 0)
        try await later("soon", 1500, in: queue)
        #expect(try await rings() == 1)
        #expect((1...2000).contains(try await queue.integer("PTTL", queue.keys.bell)))
        // It has not been heard yet: once is enough.
        try await later("sooner", 1000, in: queue)
        #expect(try await rings() == 1)
        #expect(try await queue.send(queue.store.listen(seconds: 1)))
        // Behind another, of which a worker knows by now.
        try await later("behind", 1400, in: queue)
        #expect(try await rings() == 0)
        try await later("soonest", 500, in: queue)
        #expect(try await rings() == 1)
        #expect(try await queue.send(queue.store.listen(seconds: 1)))
        #expect(try await queue.integer("EXISTS", queue.keys.bell) == 0)
        // Of what a stranger put there nothing is made.
        try await queue.redis("SET", queue.keys.bell, "x")
        try await later("first", 100, in: queue)
        #expect(try await queue.text("GET", queue.keys.bell) == "x")
        try await queue.expectOnePlace([
            "now", "distant", "soon", "sooner", "behind", "soonest", "first",
        ])
    }

    /// Returns when so many clients wait for the bell, of a server that has no other queue.
    private func listening(_ count: Int, _ queue: QueueFixture) async throws {
        while try await clients(of: queue) < count { try await queue.pass(0.02) }
    }

    private func clients(of queue: QueueFixture) async throws -> Int {
        let list = try await queue.text("CLIENT", "LIST") ?? ""
        // Blocked at this moment: that of `pass` has ended, and may not be closed yet.
        return list.split(separator: "\n").count {
            // `U` beside it: over a Unix socket, as all of these servers have.
            $0.contains(" flags=bU ") && $0.contains(" cmd=blpop ")
        }
    }

    @Test(arguments: [1, 3])
    func `a short delay is met without a tick, by one of several idle workers`(_ count: Int)
        async throws
    {
        // A server of its own: nobody else waits on its lists.
        let queue = try QueueFixture(try RedisServer.start())
        let log = EventLog()
        var fixtures: [WorkerFixture] = []
        for _ in 0..<count {
            fixtures.append(
                try WorkerFixture(queue) { options in
                    let own = options.onEvent
                    options.onEvent = {
                        own($0)
                        log.note($0)
                    }
                } register: {
                    $0.add(.named("a") { _ in nil })
                })
        }
        let running = fixtures.map { fixture in Task { try await fixture.worker.run() } }
        await log.joined(count)
        try await listening(count, queue)
        // No tick is heard from here on: only the bell can tell of a job.
        for fixture in fixtures { fixture.worker.engine.heartbeat.close() }
        for number in 1...5 {
            try await later("\(number)", 40, in: queue)
            // One alone has to be met before the next: the bell rings for each.
            await log.end(.done, count: number)
        }
        for fixture in fixtures { fixture.worker.stop() }
        for task in running { _ = try await task.value }
        #expect(log.ends.map(\.id) == ["1", "2", "3", "4", "5"])
        #expect(log.ends.allSatisfy { $0.verdict == .done && $0.attempt == 1 })
        #expect(try await queue.integer("ZCARD", queue.keys.scheduled) == 0)
    }

    @Test func `an alarm that nobody heard costs no job`() async throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        // As a connection that is half open would: it listens, and tells nobody.
        for bell in fixture.worker.engine.bells { bell.close() }
        try await fixture.run { fixture in
            try await later("1", 40, in: queue)
            await fixture.log.end(.done)
        }
        #expect(fixture.log.ends.map(\.id) == ["1"])
    }

    @Test func `a worker that is quiet leaves the bell to others`() async throws {
        let queue = try QueueFixture(try RedisServer.start())
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { fixture in
            try await listening(1, queue)
            fixture.worker.quiet()
            await fixture.log.wait { if case .quiet = $0 { true } else { false } }
            while try await clients(of: queue) > 0 { try await queue.pass(0.02) }
            // A tick of a quiet worker does not make it listen again.
            let before = try await queue.integer("HGET", queue.keys.meta, "swept")
            while try await queue.integer("HGET", queue.keys.meta, "swept") == before {
                try await queue.pass(0.05)
            }
            #expect(try await clients(of: queue) == 0)
        }
    }

    @Test func `what a bell said is not undone by a tick that was asked before`() throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        func reply(next: Int?) -> TickReply {
            TickReply(
                isAlive: true, isPaused: false, cancels: "", ready: 0, landing: 0, scheduled: 1,
                hasMore: false, reaping: [], parked: [], now: 0, next: next, workers: 1,
                muted: [], blocked: [], due: nil)
        }
        fixture.worker.engine.state.withLock { state in
            _ = state.news(0, 0, reply(next: nil), 30_000, 0)
            #expect(state.dispatch.lanes[0].promoteAt == .max)
            state.dispatch.lanes[0].promoteAt = 5_000_000
            _ = state.news(0, 0, reply(next: nil), 30_000, 0)
            _ = state.news(0, 0, reply(next: 6), 30_000, 0)
            #expect(state.dispatch.lanes[0].promoteAt == 5_000_000)
            _ = state.news(0, 0, reply(next: 4), 30_000, 0)
            #expect(state.dispatch.lanes[0].promoteAt == 4_000_000)
        }
    }
}
