import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Handlers that ignore their cancellation.
@Suite(.timeLimit(.minutes(1))) struct WorkerStuckTests {
    private func fixture(
        _ queue: QueueFixture, exit: Duration?, gate: Latch, other: Latch = Latch()
    ) throws -> WorkerFixture {
        try WorkerFixture(
            queue,
            {
                $0.stuckAfter = .milliseconds(20)
                $0.exitWhenStuck = exit
            }
        ) {
            $0.add(
                Handler(name: "a", options: JobOptions(timeLimit: .milliseconds(20))) { _, _ in
                    await gate.wait()
                    return nil
                })
            $0.add(
                .named("b") { _ in
                    await other.wait()
                    return nil
                })
        }
    }

    private func stuck(_ log: EventLog) async -> StuckRun? {
        await log.wait { if case .stuck = $0 { true } else { false } }
        return log.events.compactMap { if case .stuck(let run) = $0 { run } else { nil } }.first
    }

    @Test func `a stuck slot is reported once, holds its lease, and works again when it ends`()
        async throws
    {
        let queue = try QueueFixture()
        let gate = Latch()
        let fixture = try fixture(queue, exit: nil, gate: gate)
        try await queue.push("1")
        try await fixture.run { fixture in
            let run = await stuck(fixture.log)
            #expect(run?.id == "1")
            #expect(run?.job == "a")
            #expect(run?.slot == 0)
            #expect(run.map { $0.ran >= .milliseconds(40) && $0.cancelled < $0.ran } == true)
            let held = try await queue.integer("HLEN", queue.keys.active(fixture.id))
            #expect(held == 1)
            gate.open()
            let end = await fixture.log.end(.done)
            #expect(end?.id == "1", "a handler that returns at last has done its work")
            let reports = fixture.log.events.count {
                if case .stuck = $0 { true } else { false }
            }
            #expect(reports == 1)
            #expect(fixture.worker.engine.state.withLock { $0.dispatch.busy } == 0)
        }
    }

    @Test
    func `a worker with a slot that is stuck for good stops: its job has failed, the others end`()
        async throws
    {
        let queue = try QueueFixture()
        let gate = Latch()
        let other = Latch()
        let fixture = try fixture(queue, exit: .milliseconds(20), gate: gate, other: other)
        try await queue.push("1")
        try await queue.redis("LPUSH", queue.keys.ready, #"{"id":"2","job":"b"}"#)
        let task = Task { try await fixture.worker.run() }
        await fixture.log.wait { if case .givingUp(let run) = $0 { run.id == "1" } else { false } }
        // From then on it starts nothing.
        await fixture.log.wait { if case .draining = $0 { true } else { false } }
        try await queue.push("3")
        other.open()
        // It may have fetched what came before its connections closed: then it gives that back.
        #expect(try await task.value <= 1)
        #expect(await fixture.log.end(.done)?.id == "2")
        let end = await fixture.log.end(.retried)
        #expect(end?.reason.contains("did not stop when cancelled") == true)
        #expect(end?.attempt == 1)
        #expect(try await queue.ids(queue.keys.scheduled) == ["1"])
        try await queue.expectOnePlace(["1", "3"])
        let text = try await queue.redis("ZRANGE", queue.keys.scheduled, "0", "-1").array?[0].text
        #expect(text?.contains(#""attempt":1"#) == true)
        // It ends late, and nothing it says counts.
        gate.open()
        await fixture.log.end(.done, count: 2)
        try await queue.expectOnePlace(["1", "3"])
    }

    @Test func `a cancelled job that is stuck is over when its worker goes`() async throws {
        let queue = try QueueFixture()
        let gate = Latch()
        let started = Latch()
        let fixture = try WorkerFixture(
            queue,
            {
                $0.stuckAfter = .milliseconds(20)
                $0.exitWhenStuck = .milliseconds(20)
            }
        ) {
            $0.add(
                .named("a") { _ in
                    started.open()
                    await gate.wait()
                    return nil
                })
        }
        try await queue.push("1")
        let task = Task { try await fixture.worker.run() }
        await started.wait()
        _ = try await queue.send(queue.store.cancel("1", keep: .seconds(60)))
        #expect(try await task.value == 0)
        #expect(await fixture.log.end(.cancelled)?.id == "1")
        try await queue.expectOnePlace([String]())
        gate.open()
    }
}
