import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// What a job remembers of its steps, with a real worker on a real server.
@Suite(.timeLimit(.minutes(1))) struct StepTests {
    /// What handlers saw, in order.
    final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        func note(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    /// Runs one job of a handler until it has ended in a certain way.
    private func run(
        _ queue: QueueFixture, id: String = "1", until end: JobEnd.Verdict = .done,
        maxResultBytes: Int = 1 << 20, maxAttempts: Int = 5,
        _ handler: @escaping @Sendable (JobContext) async throws -> String?
    ) async throws {
        let options = JobOptions(
            maxAttempts: maxAttempts, retryDelay: .fixed(.zero))
        let worker = try WorkerFixture(queue) {
            $0.maxResultBytes = maxResultBytes
        } register: {
            $0.add(.named("a", options: options, handler))
        }
        try await queue.push(id)
        try await worker.run { await $0.log.end(end) }
    }

    private func steps(_ queue: QueueFixture, _ id: String = "1") async throws -> Int {
        try await queue.integer("EXISTS", queue.keys.steps(id))
    }

    struct Failed: Error {}

    @Test func `a step that was done is not done again, and goes with its job`() async throws {
        let queue = try QueueFixture()
        let log = Log()
        try await run(queue) { context in
            let value = try await context.step("encrypt") {
                log.note("encrypt")
                return ["key": 7]
            }
            try await context.step("upload") {
                log.note("upload \(value["key"] ?? 0)")
                if context.attempt < 3 { throw Failed() }
            }
            let left = try await queue.integer("PTTL", queue.keys.steps("1"))
            #expect((6 * 86_400_000...7 * 86_400_000).contains(left))
            return nil
        }
        #expect(log.all == ["encrypt", "upload 7", "upload 7", "upload 7"])
        #expect(try await steps(queue) == 0)
    }

    @Test func `the dead keep their steps: a retry goes on there`() async throws {
        let queue = try QueueFixture()
        let log = Log()
        let mends = Mutex(false)
        let handler: @Sendable (JobContext) async throws -> String? = { context in
            try await context.step("one") { log.note("one") }
            if !mends.withLock({ $0 }) { throw Failed() }
            try await context.step("two") { log.note("two") }
            return nil
        }
        try await run(queue, until: .buried, maxAttempts: 1, handler)
        #expect(try await steps(queue) == 1)
        let entry = try #require(
            try await queue.redis("ZRANGE", queue.keys.dead, "0", "-1").array?.first?.bytes)
        mends.withLock { $0 = true }
        let revived = (entry, QueueFixture.job("1"), "1")
        #expect(try await queue.send(queue.store.retryDead([revived])) == 1)
        try await run(queue, id: "other", handler)
        let worker = try WorkerFixture(queue) { $0.add(.named("a", handler)) }
        if try await !queue.waiting().isEmpty { try await worker.run { await $0.log.end(.done) } }
        #expect(log.all.count { $0 == "one" } == 2, "once for each job")
        #expect(log.all.count { $0 == "two" } == 2)
        #expect(try await steps(queue) == 0)
        #expect(try await steps(queue, "other") == 0)
    }

    @Test func `what is discarded or cancelled leaves no steps behind`() async throws {
        let queue = try QueueFixture()
        try await run(queue, until: .discarded) { context in
            try await context.step("one") {}
            throw JobError.discard
        }
        #expect(try await steps(queue) == 0)

        let client = try queue.client()
        try await run(queue, id: "2", until: .retried) { context in
            try await context.step("one") {}
            throw JobError.retry(after: .seconds(3600))
        }
        #expect(try await steps(queue, "2") == 1)
        let handle = try client.handle("q/2", output: JSONValue.self)
        #expect(try await client.cancel(handle) == .removed)
        #expect(try await steps(queue, "2") == 0)
    }

    @Test func `a run that lost its job notes nothing over the run after it`() async throws {
        let queue = try QueueFixture()
        let errors = Mutex<[StepError]>([])
        let worker = try WorkerFixture(queue) {
            $0.add(
                .named("a") { context in
                    // The reaper gave it to somebody else, who was faster.
                    let active = try await queue.redis("KEYS", queue.keys.active("*")).array ?? []
                    for key in active.compactMap(\.text) { try await queue.redis("DEL", key) }
                    try await queue.redis("HSET", queue.keys.steps("1"), "one", "[2]")
                    do {
                        _ = try await context.step("two") { 1 }
                    } catch let error as StepError {
                        errors.withLock { $0.append(error) }
                        throw error
                    }
                    return nil
                })
        }
        try await queue.push("1")
        try await worker.run { await $0.log.wait { if case .ended = $0 { true } else { false } } }
        #expect(errors.withLock { $0 } == [.notHeld("step 'two'")])
        let kept = try await queue.redis("HGETALL", queue.keys.steps("1")).array ?? []
        #expect(kept.compactMap(\.text) == ["one", "[2]"])
    }

    @Test func `a worker that lost its lease once notes the steps of the jobs after that`()
        async throws
    {
        let queue = try QueueFixture()
        let started = Latch()
        let seen = Mutex<[String?]>([])
        let worker = try WorkerFixture(queue, { $0.visibilityTimeout = .milliseconds(600) }) {
            $0.add(
                .named("a") { context in
                    if context.id == "1" {
                        guard !started.isOpen else { return nil }
                        started.open()
                        try await waitForCancel()
                    }
                    _ = try await context.step("one") { 7 }
                    try await context.iterate(over: [1, 2], cursor: { $0 }) { _ in }
                    for field in ["one", "@items"] {
                        let noted = try await queue.text("HGET", queue.keys.steps("2"), field)
                        seen.withLock { $0.append(noted) }
                    }
                    return nil
                })
        }
        try await queue.push("1")
        try await worker.run { worker in
            await started.wait()
            try await queue.redis("ZREM", queue.keys.workers, worker.id)
            _ = try await queue.send(queue.store.reap(worker: worker.id, isSure: true, crashes: 5))
            await worker.log.joined(2)
            await worker.log.end(.done)
            try await queue.push("2")
            await worker.log.wait {
                if case .ended(let end) = $0 { end.id == "2" } else { false }
            }
        }
        #expect(worker.log.ends.last?.verdict == .done)
        #expect(seen.withLock { $0 } == ["[7]", "[2]"])
        let joins = worker.log.events.compactMap {
            if case .joined(_, let worker) = $0 { worker } else { nil }
        }
        #expect(joins == [worker.id, worker.id + "+1"])
        #expect(try await steps(queue, "2") == 0)
    }

    @Test func `a job without an id keeps the one that its steps are noted under`() async throws {
        let queue = try QueueFixture()
        let log = Log()
        let reached = Latch()
        func worker() throws -> WorkerFixture {
            try WorkerFixture(queue) {
                $0.drainTimeout = .zero
            } register: {
                $0.add(
                    .named("a") { context in
                        try await context.step("one") { log.note("one") }
                        guard reached.isOpen else {
                            reached.open()
                            try await waitForCancel()
                            return nil
                        }
                        try await context.step("two") { log.note("two \(context.attempt)") }
                        return nil
                    })
            }
        }
        try await queue.redis("LPUSH", queue.keys.ready, #"{"job":"a"}"#)
        let first = try worker()
        let released = try await first.run { _ in await reached.wait() }
        #expect(released == 1)
        #expect(first.worker.interrupted == 1)
        let id = try #require(try await queue.waiting().first)
        #expect(try await steps(queue, id) == 1)
        try await worker().run { await $0.log.end(.done) }
        #expect(log.all == ["one", "two 1"])
        #expect(try await steps(queue, id) == 0)
    }

    @Test func `a note that Redis refuses fails the attempt`() async throws {
        let queue = try QueueFixture()
        let log = Log()
        try await run(queue) { context in
            let key = queue.keys.steps("1")
            if context.attempt == 2 {
                await #expect(throws: JobRunnerError.self, "it cannot be read") {
                    try await context.step("one") { log.note("not reached") }
                }
                try await queue.redis("DEL", key)
            }
            try await context.step("one") {
                log.note("\(context.attempt)")
                if context.attempt == 1 { try await queue.redis("SET", key, "text") }
            }
            return nil
        }
        #expect(log.all == ["1", "2"])
    }

    @Test func `how much a job may remember is bounded, and said`() async throws {
        let queue = try QueueFixture()
        let errors = Mutex<[StepError?]>([])
        try await run(queue) { context in
            func attempt(_ name: String, _ bytes: Int) async throws {
                do {
                    _ = try await context.step(name) { String(repeating: "x", count: bytes) }
                    errors.withLock { $0.append(nil) }
                } catch let error as StepError {
                    errors.withLock { $0.append(error) }
                }
            }
            try await attempt("a", 600_000)
            try await attempt("b", 600_000)
            try await attempt("c", 1 << 20)
            return nil
        }
        #expect(
            errors.withLock { $0 } == [
                nil, .tooMuch("step 'b'", limit: 1 << 20),
                .tooLarge("step 'c'", bytes: 4 + 1 << 20, limit: 1 << 20),
            ])
        errors.withLock { $0 = [] }
        try await run(queue, id: "2", maxResultBytes: 100) { context in
            for number in 1...1000 { try await context.step("s\(number)") {} }
            do {
                try await context.step("one-more") {}
            } catch let error as StepError {
                errors.withLock { $0.append(error) }
            }
            // One that is known needs no room.
            try await context.step("s1") { throw Failed() }
            await #expect(throws: NameError.self) { try await context.step("a b") {} }
            return nil
        }
        #expect(errors.withLock { $0 } == [.tooMany("step 'one-more'", limit: 1000)])
        #expect(try await steps(queue) == 0)
    }

    @Test func `what was kept under another type is an error, never another value`() async throws {
        let queue = try QueueFixture()
        let errors = Mutex<[String]>([])
        try await run(queue) { context in
            if context.attempt == 1 {
                _ = try await context.step("one") { "text" }
                throw Failed()
            }
            do {
                _ = try await context.step("one") { 1 }
            } catch let error as StepError {
                errors.withLock { $0.append("\(error)") }
            }
            return nil
        }
        let error = try #require(errors.withLock { $0.first })
        #expect(error.hasPrefix("what was noted of step 'one' does not fit its type any more: "))
        #expect(!error.contains("text"))
    }

    @Test func `plain jobs pay nothing: only one that may have steps asks to drop them`() {
        func writes(
            _ verdict: JobEnd.Verdict, attempt: Int = 1, crashes: Int = 0, stepsOf id: String? = nil
        ) -> Int {
            let verdict = Verdict(
                ack: Ack(tag: 1),
                end: JobEnd(
                    verdict: verdict, job: "a", id: "1", queue: "q", attempt: attempt, ran: .zero,
                    reason: "", retryIn: nil), handled: true)
            let delivery = Delivery(tag: 1, json: [], crashes: crashes, isCancelled: false)
            return verdict.ack(for: delivery, stepsOf: id).writes.count
        }
        #expect(writes(.done) == 0)
        #expect(writes(.expired, attempt: 0) == 0)
        #expect(writes(.done, stepsOf: "1") == 1)
        #expect(writes(.done, attempt: 2) == 1)
        #expect(writes(.expired, attempt: 1) == 1)
        #expect(writes(.cancelled, crashes: 1) == 1)
        for kept in [JobEnd.Verdict.buried, .retried, .released, .snoozed, .deferred, .blocked] {
            #expect(writes(kept, attempt: 2, crashes: 1, stepsOf: "1") == 0)
        }
    }
}
