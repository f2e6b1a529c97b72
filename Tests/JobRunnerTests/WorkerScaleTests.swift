import JobRunnerTesting
import Synchronization
import Testing

@testable import JobRunner

/// A worker whose slots open and close with the work.
@Suite(.timeLimit(.minutes(1)), .enabled(if: RedisServer.isAvailable))
struct WorkerScaleTests {
    private static func scaled(to slots: Int, _ reason: ScaleReason)
        -> @Sendable (WorkerEvent) -> Bool
    {
        { event in
            if case .scaled(_, let to, let why) = event {
                to == slots && why == reason
            } else {
                false
            }
        }
    }

    private static func isStart(_ event: WorkerEvent) -> Bool {
        if case .started = event { true } else { false }
    }

    @Test func `it opens the most while jobs wait, and the fewest when it is idle`() async throws {
        let queue = try QueueFixture()
        let gate = Latch()
        let running = Mutex((now: 0, most: 0))
        let fixture = try WorkerFixture(
            queue,
            {
                $0.concurrency = 2
                $0.maxConcurrency = 8
                // Three ticks a second.
                $0.visibilityTimeout = .seconds(1)
            }
        ) {
            $0.add(
                .named("a") { _ in
                    running.withLock {
                        $0.now += 1
                        $0.most = max($0.most, $0.now)
                    }
                    await gate.wait()
                    running.withLock { $0.now -= 1 }
                    return nil
                })
        }
        try await queue.push((1...20).map { "\($0)" })
        try await fixture.run { fixture in
            await fixture.log.wait(8, for: Self.isStart)
            #expect(fixture.worker.engine.describe().slots == 8)
            #expect(running.withLock { $0.most } <= 8)
            gate.open()
            await fixture.log.end(.done, count: 20)
            await fixture.log.wait(for: Self.scaled(to: 2, .idle))
            let info = fixture.worker.engine.describe()
            #expect((info.slots, info.minSlots, info.maxSlots) == (2, 2, 8))
            // Closed slots are given no jobs, those that are open are.
            try await queue.push("21", "22", "23")
            await fixture.log.end(.done, count: 23)
        }
        #expect(running.withLock { $0.most } <= 8)
        let steps = fixture.log.events.compactMap { event in
            if case .scaled(let from, let to, _) = event { [from, to] } else { nil }
        }
        // The three jobs at the end may find their two slots busy at a tick.
        #expect(
            steps.starts(with: [[2, 3], [3, 4], [4, 6], [6, 8], [8, 5], [5, 3], [3, 2]]))
    }

    @Test func `a fixed number of slots stays, and says no limits`() async throws {
        let queue = try QueueFixture()
        let gate = Latch()
        let fixture = try WorkerFixture(
            queue,
            {
                $0.concurrency = 2
                $0.visibilityTimeout = .milliseconds(600)
            }
        ) {
            $0.add(
                .named("a") { _ in
                    await gate.wait()
                    return nil
                })
        }
        #expect(fixture.worker.engine.state.withLock { $0.scale == nil })
        try await queue.push((1...6).map { "\($0)" })
        try await fixture.run { fixture in
            await fixture.log.wait(2, for: Self.isStart)
            let info = fixture.worker.engine.describe()
            #expect((info.slots, info.minSlots, info.maxSlots) == (2, nil, nil))
            gate.open()
            await fixture.log.end(.done, count: 6)
        }
    }

    @Test(.enabled(if: ProcessMemory.resident() > 0))
    func `near the memory it is replaced at, nothing opens`() throws {
        let queue = try QueueFixture()
        let held = Double(ProcessMemory.resident())
        for (limit, most, isShort) in [
            (held / 2, 8, true), (held * 100, 8, false), (held / 2, nil, false), (nil, 8, false),
        ] as [(Double?, Int?, Bool)] {
            let fixture = try WorkerFixture(
                queue,
                {
                    $0.maxConcurrency = most
                    $0.memoryLimit = limit.map { Int($0) }
                }
            ) { $0.add(.named("a") { _ in nil }) }
            #expect(fixture.worker.engine.isShortOfMemory == isShort)
            fixture.worker.engine.closeConnections()
            fixture.worker.engine.router.close()
        }
    }

    @Test(arguments: [(4, 3), (1, 1025), (10, 0)])
    func `limits that are none are refused`(least: Int, most: Int) {
        var options = WorkerOptions()
        options.concurrency = least
        options.maxConcurrency = most
        let text = "maxConcurrency must be concurrency (\(least)) to 1024, got \(most)"
        #expect(throws: JobRunnerError.self) { try options.check() }
        do { try options.check() } catch { #expect("\(error)".contains(text)) }
        options.maxConcurrency = least
        #expect(throws: Never.self) { try options.check() }
    }
}
