import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Loops that go on where an earlier run was.
@Suite(.timeLimit(.minutes(1))) struct IterateTests {
    struct Failed: Error {}

    private static let options = JobOptions(
        maxAttempts: 5, retryDelay: .fixed(.zero))

    private func run(
        _ queue: QueueFixture, until end: JobEnd.Verdict = .done,
        _ handler: @escaping @Sendable (JobContext) async throws -> String?
    ) async throws {
        let worker = try WorkerFixture(queue) {
            $0.add(.named("a", options: Self.options, handler))
        }
        try await queue.push("1")
        try await worker.run { await $0.log.end(end) }
    }

    @Test func `a worker that stops gives the loop to the next one, which goes on behind it`()
        async throws
    {
        let queue = try QueueFixture()
        let seen = Mutex<[Int]>([])
        let attempts = Mutex<[Int]>([])
        let reached = Latch()
        let stopping = Latch()
        func worker() throws -> WorkerFixture {
            try WorkerFixture(queue) {
                let heard = $0.onEvent
                $0.onEvent = { event in
                    if case .draining = event { stopping.open() }
                    heard(event)
                }
                // It is the loop that yields, long before its time to drain is up.
                $0.drainTimeout = .seconds(3600)
            } register: {
                $0.add(
                    .named("a") { context in
                        attempts.withLock { $0.append(context.attempt) }
                        try await context.iterate(every: 10, over: 1...100, cursor: { $0 }) {
                            item in
                            seen.withLock { $0.append(item) }
                            guard item == 25 else { return }
                            reached.open()
                            await stopping.wait()
                        }
                        return nil
                    })
            }
        }
        try await queue.push("1")
        let first = try worker()
        let released = try await first.run { _ in await reached.wait() }
        #expect(released == 1)
        #expect(first.worker.interrupted == 0, "it has lost nothing")
        #expect(seen.withLock { $0 } == Array(1...25))
        #expect(try await queue.text("HGET", queue.keys.steps("1"), "@items") == "[25]")
        #expect(try await queue.waiting() == ["1"])
        try await worker().run { await $0.log.end(.done) }
        #expect(seen.withLock { $0 } == Array(1...100))
        #expect(attempts.withLock { $0 } == [1, 1], "a release is no attempt")
        #expect(try await queue.integer("EXISTS", queue.keys.steps("1")) == 0)
    }

    @Test func `an item that fails is tried again, those before it are not`() async throws {
        let queue = try QueueFixture()
        let seen = Mutex<[Int]>([])
        let starts = Mutex<[Int?]>([])
        try await run(queue) { context in
            try await context.iterate(
                "rows", every: 1000,
                from: { (last: Int?) in
                    starts.withLock { $0.append(last) }
                    return ((last ?? 0) + 1)..<7
                },
                cursor: { $0 }
            ) { item in
                seen.withLock { $0.append(item) }
                if item == 4, context.attempt == 1 { throw Failed() }
            }
            if context.attempt == 2 { throw Failed() }
            return nil
        }
        #expect(seen.withLock { $0 } == [1, 2, 3, 4, 4, 5, 6])
        #expect(starts.withLock { $0 } == [nil, 3, 6])
    }

    @Test func `a run that is lost repeats what came after its last note`() async throws {
        let queue = try QueueFixture()
        let seen = Mutex<[Int]>([])
        // What the machine had noted before it went away.
        try await queue.redis("HSET", queue.keys.steps("1"), "@items", "[40]", ":bytes", "10")
        try await queue.redis("HSET", queue.keys.crashes, "1", "1")
        try await run(queue) { context in
            let items = AsyncStream { continuation in
                for item in 1...45 { continuation.yield(item) }
                continuation.finish()
            }
            try await context.iterate(over: items, cursor: { $0 }) { item in
                seen.withLock { $0.append(item) }
            }
            return nil
        }
        #expect(seen.withLock { $0 } == Array(41...45))
        #expect(try await queue.integer("EXISTS", queue.keys.steps("1")) == 0)
    }

    @Test func `items that do not ascend are an error, none is passed over`() async throws {
        let queue = try QueueFixture()
        let errors = Mutex<[StepError]>([])
        let seen = Mutex<[Int]>([])
        try await run(queue) { context in
            do {
                try await context.iterate("mix", over: [1, 3, 2, 4], cursor: { $0 }) { item in
                    seen.withLock { $0.append(item) }
                }
            } catch let error as StepError {
                errors.withLock { $0.append(error) }
            }
            await #expect(throws: JobRunnerError.self) {
                try await context.iterate(every: 0, over: [1], cursor: { $0 }) { _ in }
            }
            await #expect(throws: NameError.self) {
                try await context.iterate("a b", over: [1], cursor: { $0 }) { _ in }
            }
            return nil
        }
        #expect(errors.withLock { $0 } == [.notAscending("loop 'mix'")])
        #expect(seen.withLock { $0 } == [1, 3])
    }

    @Test func `a time limit ends the attempt, and the next one goes on`() async throws {
        let queue = try QueueFixture()
        let seen = Mutex<[Int]>([])
        let worker = try WorkerFixture(queue) {
            let options = JobOptions(
                maxAttempts: 100, retryDelay: .fixed(.zero), timeLimit: .milliseconds(200))
            $0.add(
                .named("a", options: options) { context in
                    try await context.iterate(over: [1, 2, 3], cursor: { $0 }) { item in
                        seen.withLock { $0.append(item) }
                        // Done all the same: it does not hear of it.
                        if item == 2 { _ = try? await waitForCancel() }
                    }
                    return nil
                })
        }
        try await queue.push("1")
        try await worker.run { await $0.log.end(.done) }
        #expect(seen.withLock { $0 } == [1, 2, 3])
        #expect(worker.log.ends.first?.verdict == .retried)
    }

    @Test func `a cursor is noted every so many items, or after a second`() {
        var pace = CursorPace(most: 3, now: 0)
        let atOnce = [1, 2, 3].map { pace.passed(now: $0) }
        #expect(atOnce == [false, false, true])
        pace.noted(now: 3)
        #expect(pace.items == 0)
        let later = [999_999_999, 1_000_000_003].map { pace.passed(now: $0) }
        #expect(later == [false, true])
    }
}
