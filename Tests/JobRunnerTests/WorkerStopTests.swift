import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// A worker that stops loses nothing and counts nothing.
@Suite(.timeLimit(.minutes(1))) struct WorkerStopTests {
    private func expectGone(_ queue: QueueFixture, _ fixture: WorkerFixture) async throws {
        #expect(try await queue.integer("ZCARD", queue.keys.workers) == 0)
        #expect(try await queue.integer("ZCARD", queue.keys.reaping) == 0)
        #expect(try await queue.integer("EXISTS", queue.keys.active(fixture.id)) == 0)
        #expect(try await queue.integer("EXISTS", queue.keys.crashes) == 0)
        let info = Keys(prefix: queue.prefix).worker(fixture.id)
        #expect(try await queue.integer("EXISTS", info) == 0)
    }

    @Test func `leaves nothing behind`() async throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await queue.push("1", "2")
        let released = try await fixture.run { await $0.log.end(.done, count: 2) }
        #expect(released == 0)
        try await expectGone(queue, fixture)
    }

    @Test func `one that has left does not join again`() async throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { _ in }
        fixture.worker.engine.lost(0, life: 0)
        let lives = fixture.worker.engine.state.withLock { $0.dispatch.lanes[0].life }
        #expect(lives == 0)
    }

    @Test func `waits for what runs, and fetches nothing more`() async throws {
        let queue = try QueueFixture()
        let gate = Latch()
        let started = Latch()
        let fixture = try WorkerFixture(queue, { $0.concurrency = 1 }) {
            $0.add(
                .named("a") { _ in
                    started.open()
                    await gate.wait()
                    return "1"
                })
        }
        try await queue.push("1")
        let task = Task { try await fixture.worker.run() }
        await started.wait()
        try await queue.push("2")
        fixture.worker.stop()
        await fixture.log.wait { if case .draining(1, _) = $0 { true } else { false } }
        gate.open()
        #expect(try await task.value == 0)
        #expect(fixture.log.ends.map(\.id) == ["1"])
        #expect(try await queue.send(queue.store.result("1")) != nil)
        try await queue.expectOnePlace(["2"])
        try await expectGone(queue, fixture)
    }

    @Test func `what does not end in time is cancelled and given back, its attempt unspent`()
        async throws
    {
        let queue = try QueueFixture()
        let started = Latch()
        let json = #"{"id":"1","job":"a","state":{"attempt":1}}"#
        try await queue.redis("LPUSH", queue.keys.ready, json)
        let fixture = try WorkerFixture(queue, { $0.drainTimeout = .milliseconds(50) }) {
            $0.add(
                .named("a") { _ in
                    started.open()
                    try await waitForCancel()
                    return nil
                })
        }
        let released = try await fixture.run { _ in await started.wait() }
        #expect(released == 1)
        #expect(fixture.worker.interrupted == 1)
        #expect(fixture.log.ends.map(\.verdict) == [.released])
        #expect(try await queue.waiting() == ["1"])
        try await queue.join("other")
        #expect(try await queue.fetch("other", 1).map(\.json) == [Array(json.utf8)])
        _ = try await queue.send(queue.store.reap(worker: "other", isSure: true, crashes: 0))
        try await expectGone(queue, fixture)
    }

    @Test func `a handler that ignores all that is left behind, its job given back`() async throws {
        let queue = try QueueFixture()
        let gate = Latch()
        let started = Latch()
        let fixture = try WorkerFixture(
            queue,
            {
                $0.drainTimeout = .milliseconds(30)
                $0.cancelGrace = .milliseconds(30)
            }
        ) {
            $0.add(
                .named("a") { _ in
                    started.open()
                    await gate.wait()
                    return "1"
                })
        }
        try await queue.push("1")
        let released = try await fixture.run { _ in await started.wait() }
        #expect(released == 1)
        #expect(fixture.worker.interrupted == 1)
        try await queue.expectOnePlace(["1"])
        try await expectGone(queue, fixture)
        // It ends late, and nothing it says counts.
        gate.open()
        await fixture.log.wait { if case .ended = $0 { true } else { false } }
        try await queue.expectOnePlace(["1"])
        #expect(try await queue.send(queue.store.result("1")) == nil)
    }

    @Test func `stopping now gives all back at once, in order`() async throws {
        let queue = try QueueFixture()
        let started = EventLog()
        let fixture = try WorkerFixture(queue, { $0.concurrency = 3 }) {
            $0.add(
                .named("a") { _ in
                    started.note(.quiet)
                    try await waitForCancel()
                    return nil
                })
        }
        try await queue.push("1", "2", "3", "4")
        let task = Task { try await fixture.worker.run() }
        await started.wait(3) { _ in true }
        fixture.worker.stopNow()
        _ = try await task.value
        try await queue.expectOnePlace(["1", "2", "3", "4"])
        try await expectGone(queue, fixture)
    }

    @Test func `what ended and was not confirmed is told before the worker leaves`() async throws {
        let queue = try QueueFixture()
        let started = Latch()
        let gate = Latch()
        let fixture = try WorkerFixture(queue, { $0.concurrency = 1 }) {
            $0.add(
                .named("a") { _ in
                    started.open()
                    await gate.wait()
                    return "7"
                })
        }
        try await queue.push("1", "2")
        let task = Task { try await fixture.worker.run() }
        await started.wait()
        // As after an error: nothing is sent for a while, and the stop does not wait for that.
        fixture.worker.engine.state.withLock { $0.dispatch.lanes[0].retryAt = .max }
        gate.open()
        await fixture.log.end(.done)
        let unsent = fixture.worker.engine.state.withLock { $0.dispatch.lanes[0].finished.count }
        #expect(unsent >= 1)
        #expect(try await queue.send(queue.store.result("1")) == nil)
        fixture.worker.stopNow()
        _ = try await task.value
        #expect(try await queue.send(queue.store.result("1")) != nil)
        let done = Set(fixture.log.ends.filter { $0.verdict == .done }.map(\.id))
        try await queue.expectOnePlace(Set(["1", "2"]).subtracting(done))
        try await expectGone(queue, fixture)
    }

    @Test func `a quiet worker takes no more, and goes on with what it has`() async throws {
        let queue = try QueueFixture()
        let gate = Latch()
        let started = Latch()
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { _ in
                    started.open()
                    await gate.wait()
                    return nil
                })
        }
        try await queue.push("1")
        try await fixture.run { fixture in
            await started.wait()
            fixture.worker.quiet()
            await fixture.log.wait { if case .quiet = $0 { true } else { false } }
            try await queue.push("2")
            gate.open()
            await fixture.log.end(.done)
            try await queue.pass(0.1)
            #expect(fixture.log.ends.map(\.id) == ["1"])
        }
        try await queue.expectOnePlace(["2"])
    }

    @Test func `a busy worker that stops gives back its buffer`() async throws {
        let queue = try QueueFixture()
        let ids = (0..<3000).map { "j\($0)" }
        for part in 0..<3 { try await queue.push(Array(ids[part * 1000..<(part + 1) * 1000])) }
        let ran = Mutex<[String]>([])
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { context in
                    ran.withLock { $0.append(context.id) }
                    return nil
                })
        }
        try await fixture.run { await $0.log.end(.done, count: 500) }
        let done = ran.withLock { $0 }
        #expect(Set(done).count == done.count)
        let left = Set(ids).subtracting(done)
        try await queue.expectOnePlace(left)
        #expect(try await queue.waiting() == ids.filter { left.contains($0) })
        #expect(try await queue.counted("done") == done.count)
        try await expectGone(queue, fixture)
    }

    @Test func `two workers take over from each other`() async throws {
        let queue = try QueueFixture()
        let first = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        let second = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await first.run { first in
            try await queue.push("1")
            await first.log.end(.done)
            try await second.run { _ in }
            try await queue.push("2")
            await first.log.end(.done, count: 2)
        }
        try await expectGone(queue, first)
        try await expectGone(queue, second)
    }
}
