import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Pauses, a queue's own rate, jobs that are due, and locks between runs.
@Suite(.timeLimit(.minutes(1))) struct WorkerPauseTests {
    private func pause(_ queue: QueueFixture, _ words: String...) async throws {
        var arguments = Arguments(calling: Scripts.pause, keys: [queue.keys.meta])
        for word in words { arguments.append(word) }
        _ = try await queue.connection.send(Command(script: Scripts.pause, arguments)).orThrow()
    }

    @Test func `jobs of a kind that is paused wait aside, and come back when it goes on`()
        async throws
    {
        let queue = try QueueFixture()
        try await pause(queue, "job", "1", "0", "", "a")
        let fixture = try WorkerFixture(queue) {
            for name in ["a", "b"] { $0.add(.named(name) { _ in nil }) }
        }
        try await fixture.run { fixture in
            await fixture.log.joined()
            try await queue.push("1", "2")
            try await queue.redis("LPUSH", queue.keys.ready, #"{"id":"3","job":"b"}"#)
            await fixture.log.end(.blocked, count: 2)
            #expect(await fixture.log.end(.done)?.id == "3")
            while try await queue.integer("ZCARD", queue.keys.blocked("paused/a")) < 2 {
                try await queue.pass(0.02)
            }
            try await pause(queue, "job", "0", "0", "", "a")
            await fixture.log.end(.done, count: 3)
        }
        #expect(try await queue.integer("EXISTS", queue.keys.blocked) == 0)
        try await queue.expectOnePlace([])
    }

    @Test func `a queue paused for a time goes on by itself, idle workers too`() async throws {
        let queue = try QueueFixture()
        try await pause(queue, "queue", "1", "2000", "deploy", "")
        let ran = Latch()
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { _ in
                    ran.open()
                    return nil
                })
        }
        try await fixture.run { fixture in
            try await queue.push("1")
            var isPaused = true
            while isPaused {
                let hasRun = ran.isOpen
                isPaused = try await queue.integer("HEXISTS", queue.keys.meta, "paused") == 1
                #expect(!hasRun || !isPaused)
                try await queue.pass(0.05)
            }
            await fixture.log.end(.done)
        }
        #expect(try await queue.integer("HEXISTS", queue.keys.meta, "why") == 0)
    }

    @Test func `a queue with a rate of its own is fetched no faster`() async throws {
        let queue = try QueueFixture()
        // 20 ms a token.
        try await queue.redis("HSET", queue.keys.meta, "limit", "20000 1")
        let times = Mutex([Int64]())
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { _ in
                    times.withLock { $0.append(monotonicNanoseconds()) }
                    return nil
                })
        }
        try await queue.push((0..<30).map { "\($0)" })
        try await fixture.run { await $0.log.end(.done, count: 30) }
        let ran = times.withLock { $0.sorted() }
        #expect((ran.last ?? 0) - (ran.first ?? 0) >= 29 * 19_000_000)
    }

    @Test func `what is due is asked for then, not at the next tick`() throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        fixture.worker.engine.state.withLock { state in
            state.dispatch.lanes[0].promoteAt = 5000
            #expect(state.promotions(now: 5000).due.isEmpty, "it has not joined")
            state.dispatch.lanes[0].isJoined = true
            let early = state.promotions(now: 4999)
            #expect(early.due.isEmpty)
            #expect(early.next == 5000)
            #expect(state.promotions(now: 5000).due.map(\.lane) == [0])
            #expect(state.promotions(now: 5000).next == .max, "asked for once")
            // 1 ms until the next: not before the gap that this many workers keep.
            state.dispatch.lanes[0].promoted(moved: 1, next: 1, now: 5000)
            #expect(state.promotions(now: 5000).next == 5000 + Lane.promotionGap)
        }
    }

    @Test func `jobs that are due between two ticks run`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        // Known to the worker by its first tick; each is due between two of them.
        let count = 40
        for index in 0..<count {
            _ = try await client.enqueue(
                name: "a", options: JobOptions(queue: "q"), in: .milliseconds(1500 + 37 * index))
        }
        try await fixture.run { await $0.log.end(.done, count: count) }
        #expect(Set(fixture.log.ends.map(\.id)).count == count)
        #expect(fixture.log.ends.allSatisfy { $0.verdict == .done && $0.attempt == 1 })
        #expect(try await queue.integer("ZCARD", queue.keys.scheduled) == 0)
    }

    @Test func `a lock lets one run in at a time, with a fence that grows`() async throws {
        let queue = try QueueFixture()
        let inside = Mutex((now: 0, most: 0, fences: [Int]()))
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { context in
                    try await context.withLock("door") { fence in
                        inside.withLock {
                            $0.now += 1
                            $0.most = max($0.most, $0.now)
                            $0.fences.append(fence)
                        }
                        await Task.yield()
                        inside.withLock { $0.now -= 1 }
                    }
                    return nil
                })
        }
        try await queue.push((0..<12).map { "\($0)" })
        try await fixture.run { await $0.log.end(.done, count: 12) }
        let seen = inside.withLock { $0 }
        #expect(seen.most == 1)
        #expect(seen.fences == seen.fences.sorted())
        #expect(Set(seen.fences).count == 12)
        #expect(try await queue.integer("EXISTS", Keys(prefix: queue.prefix).lock("door")) == 0)
    }

    @Test func `a lock that is held is told, one that lapsed fails its job`() async throws {
        let queue = try QueueFixture()
        let key = Keys(prefix: queue.prefix).lock("door")
        let errors = Mutex([String]())
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a", options: JobOptions(maxAttempts: 1)) { context in
                    do {
                        try await context.withLock("door", ttl: .seconds(3), waiting: .zero) { _ in
                            // Somebody removes it: as if the worker had been frozen.
                            _ = try await queue.redis("DEL", key)
                            while context.engine.locks.withLock({
                                !$0.values.contains { $0.isLost }
                            }) {
                                try await queue.pass(0.05)
                            }
                        }
                    } catch {
                        errors.withLock { $0.append("\(error)") }
                        throw error
                    }
                    return nil
                })
            $0.add(
                .named("b", options: JobOptions(maxAttempts: 1)) { context in
                    do {
                        try await context.withLock("shut", waiting: .milliseconds(30)) { _ in }
                    } catch { errors.withLock { $0.append("\(error)") } }
                    do {
                        try await context.withLock("no good", ttl: .seconds(3)) { _ in }
                    } catch { errors.withLock { $0.append("\(error)") } }
                    do {
                        try await context.withLock("door", ttl: .seconds(1)) { _ in }
                    } catch { errors.withLock { $0.append("\(error)") } }
                    return nil
                })
        }
        let shut = Keys(prefix: queue.prefix).lock("shut")
        try await queue.redis("ZADD", shut, "9999999999999", "other")
        try await queue.redis("LPUSH", queue.keys.ready, #"{"id":"1","job":"b"}"#)
        try await fixture.run { fixture in
            await fixture.log.end(.done)
            try await queue.push("2")
            await fixture.log.end(.buried)
        }
        #expect(
            errors.withLock { $0 } == [
                "lock 'shut' is held by another run",
                "lock name 'no good' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -",
                "the ttl of a lock must be 3 s to 1 h, got 1.0 seconds",
                "lock 'door' lapsed before its work was done",
            ])
    }
}
