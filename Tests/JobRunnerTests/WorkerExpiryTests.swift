import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

private struct Hello: Job {
    static let name = "a"
    static let options = JobOptions(queue: "q", expires: .seconds(3600))
}

/// Jobs that must not start late, and steps that must not be done twice.
@Suite(.timeLimit(.minutes(1))) struct WorkerExpiryTests {
    private func counting(_ queue: QueueFixture, _ ran: Latch = Latch()) throws -> WorkerFixture {
        try WorkerFixture(queue) {
            $0.add(
                .named("a") { _ in
                    ran.open()
                    return nil
                })
        }
    }

    @Test func `one that is late is buried, or dropped, and never runs`() async throws {
        let queue = try QueueFixture()
        let worker = try counting(queue)
        try await queue.redis("LPUSH", queue.keys.ready, #"{"id":"1","job":"a","expires":1000}"#)
        try await queue.redis(
            "LPUSH", queue.keys.ready, #"{"id":"2","job":"a","expires":1000,"expired":"drop"}"#)
        let later = WallClock.milliseconds() + 3_600_000
        try await queue.redis(
            "LPUSH", queue.keys.ready, #"{"id":"3","job":"a","expires":\#(later)}"#)
        try await worker.run { worker in
            let buried = await worker.log.end(.buried)
            #expect(buried?.id == "1")
            #expect(buried?.reason.hasPrefix("expired ") == true)
            #expect(await worker.log.end(.expired)?.id == "2")
            #expect(await worker.log.end(.done)?.id == "3")
        }
        #expect(try await queue.ids(queue.keys.dead) == ["1"])
        let outcome = try await queue.send(queue.store.result("2")).flatMap { JobOutcome(json: $0) }
        #expect(outcome?.state == .expired)
        try await queue.expectOnePlace(["1"])
    }

    @Test func `it counts from when the job is due, and its bounds are kept`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let now = WallClock.milliseconds()
        _ = try await client.enqueue(Hello(), id: "1")
        _ = try await client.enqueue(Hello(), in: .seconds(7200), id: "2", expires: .seconds(60))
        let ready = try await queue.redis("LRANGE", queue.keys.ready, "0", "-1").array?[0].bytes
        let late = try await queue.redis("ZRANGE", queue.keys.scheduled, "0", "-1").array?[0].bytes
        let first = try Envelope(ready ?? []).expires ?? 0
        let second = try Envelope(late ?? []).expires ?? 0
        #expect((now + 3_600_000...now + 3_700_000).contains(Int(first)))
        #expect((now + 7_260_000...now + 7_360_000).contains(Int(second)))
        for wrong in [Duration.zero, .seconds(-1), .seconds(20 * 365 * 86_400)] {
            await #expect(throws: JobRunnerError.self) {
                try await client.enqueue(Hello(), expires: wrong)
            }
        }
    }

    @Test(arguments: [
        #"{"job":"a","expires":0}"#, #"{"job":"a","expires":"soon"}"#, #"{"job":"a","expires":-5}"#,
        #"{"job":"a","expired":"never"}"#, #"{"job":"a","expired":1}"#,
    ])
    func `a forged expiry buries the job`(_ json: String) {
        #expect(throws: EnvelopeError.self) { try Envelope(Array(json.utf8)) }
    }

    @Test func `a step is done once, whatever becomes of the run`() async throws {
        let queue = try QueueFixture()
        let charged = Mutex(0)
        let mailed = Mutex(0)
        let values = Mutex<[Int]>([])
        let worker = try WorkerFixture(queue) {
            $0.add(
                .named("a") { context in
                    let value = try await context.once("charge") {
                        charged.withLock {
                            $0 += 1
                            return $0 * 100
                        }
                    }
                    values.withLock { $0.append(value) }
                    try await context.once("mail") {
                        mailed.withLock { $0 += 1 }
                        if context.attempt == 1 { throw JobError.retry(after: .zero) }
                    }
                    if context.attempt < 4 { throw JobError.retry(after: .zero) }
                    await #expect(throws: NameError.self) { try await context.once("a b") {} }
                    await #expect(throws: JobRunnerError.self) {
                        try await context.once("x", keep: .zero) {}
                    }
                    return nil
                })
        }
        try await queue.push("1")
        try await worker.run { await $0.log.end(.done) }
        #expect(charged.withLock { $0 } == 1)
        #expect(values.withLock { $0 } == [100, 100, 100, 100])
        #expect(mailed.withLock { $0 } == 2, "a step that throws is not done")
        let left = try await queue.integer("PTTL", queue.keys.once("1", "charge"))
        #expect((1...7 * 86_400_000).contains(left))
    }
}
