import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Several queues, pauses and cancels.
@Suite(.timeLimit(.minutes(1))) struct WorkerQueueTests {
    private func fill(
        _ queue: QueueFixture, _ name: String, _ count: Int, prefix: String = ""
    ) async throws {
        let keys = Keys(prefix: queue.prefix).queue(name)
        let jobs = (0..<count).map { #"{"id":"\#(name)\#(prefix)\#($0)","job":"a"}"# }
        _ = try await queue.connection.send(Command(["LPUSH", keys.ready] + jobs))
    }

    @Test func `strict queues: a lower one waits while a higher one has jobs`() async throws {
        let queue = try QueueFixture()
        try await fill(queue, "low", 300)
        try await fill(queue, "high", 300)
        let order = Mutex<[String]>([])
        let fixture = try WorkerFixture(
            queue,
            {
                $0.queues = [.init("high"), .init("low")]
                $0.concurrency = 1
            }
        ) {
            $0.add(
                .named("a") { context in
                    order.withLock { $0.append(context.queue) }
                    return nil
                })
        }
        // Both are joined before either is fetched from.
        for name in ["high", "low"] {
            let keys = Keys(prefix: queue.prefix).queue(name)
            try await queue.redis("HSET", keys.meta, "paused", "1")
        }
        try await fixture.run { fixture in
            await fixture.log.joined(2)
            for name in ["high", "low"] {
                let keys = Keys(prefix: queue.prefix).queue(name)
                try await queue.redis("HDEL", keys.meta, "paused")
            }
            await fixture.log.end(.done, count: 600)
        }
        let ran = order.withLock { $0 }
        let first = ran.prefix(300).count { $0 == "low" }
        // What the pauses end apart, and one batch on the wire.
        #expect(first <= Dispatch.batch, "\(first) low before the last high")
        #expect(ran.count == 600)
    }

    @Test func `weighted queues get their shares`() async throws {
        let queue = try QueueFixture()
        let weights = ["x": 5, "y": 3, "z": 1]
        let order = Mutex<[String]>([])
        let allOpen = Latch()
        let fixture = try WorkerFixture(
            queue,
            {
                $0.queues = ["x", "y", "z"].map { .init($0, weight: weights[$0]) }
                $0.concurrency = 1
                $0.visibilityTimeout = .seconds(3)
            }
        ) {
            $0.add(
                .named("a") { context in
                    // The first job holds the only slot until all three queues are open.
                    await allOpen.wait()
                    order.withLock { $0.append(context.queue) }
                    return nil
                })
        }
        for name in weights.keys {
            for part in 0..<3 { try await fill(queue, name, 900, prefix: "\(part)-") }
        }
        try await fixture.run { fixture in
            await fixture.log.joined(3)
            allOpen.open()
            await fixture.log.end(.done, count: 8100)
        }
        let ran = order.withLock { $0 }
        #expect(ran.count == 8100)
        // After the first batch, and before the heaviest queue is empty.
        let part = ran[300..<3900]
        let share = { name in Double(part.count { $0 == name }) / Double(part.count) }
        #expect((0.35...0.75).contains(share("x")), "x \(share("x"))")
        #expect((0.18...0.50).contains(share("y")), "y \(share("y"))")
        #expect((0.03...0.25).contains(share("z")), "z \(share("z"))")
    }

    @Test func `a paused queue rests, and goes on when it is resumed`() async throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue, { $0.visibilityTimeout = .milliseconds(600) }) {
            $0.add(.named("a") { _ in nil })
        }
        try await queue.redis("HSET", queue.keys.meta, "paused", "1")
        try await fixture.run { fixture in
            try await queue.push("1")
            try await queue.pass(0.5)
            #expect(fixture.log.ends.isEmpty)
            try await queue.expectOnePlace(["1"])
            try await queue.redis("HDEL", queue.keys.meta, "paused")
            await fixture.log.end(.done)
            try await queue.redis("HSET", queue.keys.meta, "paused", "1")
            try await queue.pass(0.5)
            try await queue.push("2")
            try await queue.pass(0.3)
            #expect(fixture.log.ends.count == 1)
            try await queue.redis("HDEL", queue.keys.meta, "paused")
            await fixture.log.end(.done, count: 2)
        }
    }

    @Test func `a cancelled job that waits does not run`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1", "2")
        _ = try await queue.send(queue.store.cancel("1", keep: .seconds(60)))
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run {
            await $0.log.end(.cancelled)
            await $0.log.end(.done)
        }
        #expect(fixture.log.ends.first { $0.verdict == .cancelled }?.id == "1")
        let outcome = try await queue.send(queue.store.result("1")).flatMap { JobOutcome(json: $0) }
        #expect(outcome?.state == .cancelled)
        try await queue.expectOnePlace([])
    }

    @Test func `a cancelled job that is scheduled does not run`() async throws {
        let queue = try QueueFixture()
        let job = NewJob(id: "1", json: QueueFixture.job("1"))
        _ = try await queue.send(
            queue.store.enqueue(job, due: .after(milliseconds: 50), window: 0))
        _ = try await queue.send(queue.store.cancel("1", keep: .seconds(60)))
        let fixture = try WorkerFixture(queue, { $0.visibilityTimeout = .milliseconds(400) }) {
            $0.add(.named("a") { _ in nil })
        }
        try await fixture.run { await $0.log.end(.cancelled) }
        try await queue.expectOnePlace([])
    }

    @Test func `a cancelled job that runs is told, and its slot goes on`() async throws {
        let queue = try QueueFixture()
        let started = Latch()
        let fixture = try WorkerFixture(
            queue,
            {
                $0.concurrency = 1
                $0.visibilityTimeout = .milliseconds(600)
            }
        ) {
            $0.add(
                .named("a") { context in
                    guard context.id == "1" else { return nil }
                    started.open()
                    try await waitForCancel()
                    return nil
                })
        }
        try await queue.push("1", "2")
        try await fixture.run { fixture in
            await started.wait()
            _ = try await queue.send(queue.store.cancel("1", keep: .seconds(60)))
            await fixture.log.end(.cancelled)
            await fixture.log.end(.done)
        }
        #expect(fixture.log.ends.map(\.id) == ["1", "2"])
        #expect(fixture.log.ends.map(\.verdict) == [.cancelled, .done])
    }
}
