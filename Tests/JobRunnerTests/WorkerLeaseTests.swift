import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Leases that are lost, and jobs that a worker never saw.
@Suite(.timeLimit(.minutes(1))) struct WorkerLeaseTests {
    private final class Fences: Sendable {
        let all = Mutex<[Int]>([])
    }

    @Test(arguments: ["reaped", "removed"])
    func `a lost lease cancels, joins again, and the job runs elsewhere`(_ how: String)
        async throws
    {
        let queue = try QueueFixture()
        let started = Latch()
        let fences = Fences()
        let fixture = try WorkerFixture(queue, { $0.visibilityTimeout = .milliseconds(600) }) {
            $0.add(
                .named("a") { context in
                    let isFirst = fences.all.withLock { fences in
                        fences.append(context.fence)
                        return fences.count == 1
                    }
                    guard isFirst else { return "2" }
                    started.open()
                    try await waitForCancel()
                    return "1"
                })
        }
        try await queue.push("1")
        try await fixture.run { fixture in
            await started.wait()
            let id = fixture.id
            if how == "removed" { try await queue.redis("ZREM", queue.keys.workers, id) }
            _ = try await queue.send(queue.store.reap(worker: id, isSure: true, crashes: 5))
            await fixture.log.wait { if case .leaseLost(_, id, 1) = $0 { true } else { false } }
            await fixture.log.joined(2)
            await fixture.log.end(.done)
        }
        let numbers = fences.all.withLock { $0 }
        #expect(numbers.count == 2)
        #expect(numbers[0] < numbers[1])
        let joins = fixture.log.events.compactMap {
            if case .joined(_, let worker) = $0 { worker } else { nil }
        }
        #expect(joins == [fixture.id, fixture.id + "+1"])
        let outcome = try #require(
            try await queue.send(queue.store.result("1")).flatMap { JobOutcome(json: $0) })
        #expect(try outcome.value(as: Int.self) == 2)
        #expect(fixture.log.ends.map(\.verdict) == [.released, .done])
        #expect(fixture.log.ends.first?.reason == "the lease was lost")
        // The stop that follows gave nothing back: the process ends with 0.
        #expect(fixture.worker.interrupted == 0)
        try await queue.expectOnePlace([])
        #expect(try await queue.integer("ZCARD", queue.keys.workers) == 0)
    }

    @Test func `what a handler says after its lease was lost does not count`() async throws {
        let queue = try QueueFixture(lease: 4000)
        let started = Latch()
        let gate = Latch()
        let fixture = try WorkerFixture(
            queue,
            {
                $0.visibilityTimeout = .seconds(4)
                $0.concurrency = 1
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
        try await fixture.run { fixture in
            await started.wait()
            _ = try await queue.send(
                queue.store.reap(worker: fixture.id, isSure: true, crashes: 5))
            await fixture.log.joined(2)
            // Another worker takes it, and still has it when the first handler returns.
            try await queue.join("other")
            let job = try await queue.fetch("other", 1)
            #expect(job.map(\.crashes) == [1])
            gate.open()
            await fixture.log.wait { if case .ended = $0 { true } else { false } }
            try await queue.push("2")
            await fixture.log.end(.done, count: 2)
            #expect(try await queue.cycle("other").held == 1)
            #expect(try await queue.send(queue.store.result("1")) == nil)
        }
    }

    @Test func `a worker keeps its lease while its handlers run long`() async throws {
        let queue = try QueueFixture()
        let started = Latch()
        let gate = Latch()
        let fixture = try WorkerFixture(queue, { $0.visibilityTimeout = .milliseconds(300) }) {
            $0.add(
                .named("a") { _ in
                    started.open()
                    await gate.wait()
                    return nil
                })
        }
        let other = try WorkerFixture(queue, { $0.visibilityTimeout = .milliseconds(300) }) {
            $0.add(.named("b") { _ in nil })
        }
        try await queue.push("1")
        try await fixture.run { fixture in
            await started.wait()
            try await other.run { _ in
                try await queue.pass(1)
                gate.open()
                await fixture.log.end(.done)
            }
        }
        let lost = fixture.log.events.contains { if case .leaseLost = $0 { true } else { false } }
        #expect(!lost)
        #expect(fixture.log.ends.count == 1)
    }

    @Test func `a dead worker's jobs are given back by a living one`() async throws {
        let queue = try QueueFixture(lease: 300)
        try await queue.push("1", "2")
        try await queue.join("dead")
        _ = try await queue.fetch("dead", 2)
        let fixture = try WorkerFixture(queue, { $0.visibilityTimeout = .milliseconds(300) }) {
            $0.add(.named("a") { context in context.isRedelivery ? nil : "0" })
        }
        try await fixture.run { fixture in
            await fixture.log.wait {
                if case .reaped(_, "dead", 2, 0) = $0 { true } else { false }
            }
            await fixture.log.end(.done, count: 2)
        }
        try await queue.expectOnePlace([])
    }

    @Test func `a reap that the server refuses is told, and repeated`() async throws {
        let queue = try QueueFixture(lease: 300)
        let fixture = try WorkerFixture(queue, { $0.visibilityTimeout = .milliseconds(300) }) {
            $0.add(.named("a") { _ in nil })
        }
        try await fixture.run { fixture in
            try await queue.redis("HSET", queue.keys.active("gone"), "1", #"{"id":"1","job":"a"}"#)
            try await queue.redis("SET", queue.keys.crashes, "not a hash")
            try await queue.redis("ZADD", queue.keys.reaping, "1", "gone")
            await fixture.log.wait {
                if case .trouble("q", .server(let error)) = $0 {
                    error.code == .WRONGTYPE
                } else {
                    false
                }
            }
            try await queue.redis("DEL", queue.keys.crashes)
            await fixture.log.wait { if case .reaped(_, "gone", 1, 0) = $0 { true } else { false } }
            await fixture.log.end(.done)
        }
        try await queue.expectOnePlace([])
    }

    @Test func `jobs the server says are ours and we never saw are given back`() async throws {
        let queue = try QueueFixture()
        let started = Latch()
        let gate = Latch()
        let fixture = try WorkerFixture(
            queue,
            {
                $0.visibilityTimeout = .milliseconds(600)
                $0.concurrency = 1
            }
        ) {
            $0.add(
                .named("a") { context in
                    guard context.id == "long" else { return nil }
                    started.open()
                    await gate.wait()
                    return nil
                })
        }
        try await queue.push("long")
        try await fixture.run { fixture in
            await started.wait()
            // As a fetch would leave it that was executed late: its only slot is busy meanwhile.
            let job = String(decoding: QueueFixture.job("stray"), as: UTF8.self)
            try await queue.redis("HSET", queue.keys.active(fixture.id), "17", job)
            await fixture.log.wait { if case .reconciled(_, 1) = $0 { true } else { false } }
            gate.open()
            await fixture.log.end(.done, count: 2)
        }
        #expect(fixture.log.ends.map(\.id) == ["long", "stray"])
        try await queue.expectOnePlace([])
    }
}
