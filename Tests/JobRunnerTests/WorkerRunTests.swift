import FoundationEssentials
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

private struct Boom: Error, CustomStringConvertible { let description = "no luck" }

/// One job from its fetch to its end.
@Suite(.timeLimit(.minutes(1))) struct WorkerRunTests {
    /// Runs jobs `{"id":"1","job":"a",…}` once with a handler, until the verdict came.
    private func run(
        _ queue: QueueFixture, _ json: String = #"{"id":"1","job":"a"}"#,
        until verdict: JobEnd.Verdict, count: Int = 1,
        options: JobOptions = JobOptions(retryDelay: .fixed(.seconds(60))),
        change: (inout WorkerOptions) -> Void = { _ in },
        handler: @escaping @Sendable (JobContext) async throws -> String?
    ) async throws -> JobEnd {
        let fixture = try WorkerFixture(queue, change) {
            $0.add(.named("a", options: options, handler))
        }
        try await queue.redis("LPUSH", queue.keys.ready, json)
        try await fixture.run { await $0.log.end(verdict, count: count) }
        return try #require(fixture.log.ends.last { $0.verdict == verdict })
    }

    private func deadReason(_ queue: QueueFixture) async throws -> String {
        let dead = try await queue.redis("ZRANGE", queue.keys.dead, "0", "-1").array ?? []
        #expect(dead.count == 1)
        let line = dead.first?.text?.split(separator: "\n").first ?? ""
        return line.split(separator: " ").dropFirst().joined(separator: " ")
    }

    @Test func `a handler that returns: result, and nothing else is left`() async throws {
        let queue = try QueueFixture()
        let end = try await run(queue, until: .done) { _ in "[1,2]" }
        #expect(end.id == "1")
        #expect(end.attempt == 1)
        let outcome = try #require(
            try await queue.send(queue.store.result("1")).flatMap { JobOutcome(json: $0) })
        #expect(outcome.state == .done)
        #expect(try outcome.value(as: [Int].self) == [1, 2])
        try await queue.expectOnePlace([])
    }

    @Test func `a handler that throws: again later, with what happened in the envelope`()
        async throws
    {
        let queue = try QueueFixture()
        let job =
            #"{"id":"1","job":"a","args":{"big":123456789012345678901, "e":[]},"mine":{"x":[]}}"#
        let end = try await run(queue, job, until: .retried) { _ in throw Boom() }
        #expect(end.retryIn == .seconds(60))
        #expect(end.reason == "failed with Boom: no luck")
        let bytes = try #require(
            try await queue.redis("ZRANGE", queue.keys.scheduled, "0", "-1").array?.first?.bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasPrefix(job.dropLast() + #","state":{"attempt":1,"errors":["#))
        let envelope = try Envelope(bytes)
        #expect(envelope.state.attempt == 1)
        #expect(envelope.state.errors.count == 1)
        #expect(envelope.state.errors.first?.type == "Boom")
        #expect(envelope.state.errors.first?.message == "no luck")
        #expect(envelope.state.errors.first?.attempt == 1)
        #expect(try await queue.integer("EXISTS", queue.keys.result("1")) == 0)
        try await queue.expectOnePlace(["1"])
    }

    @Test func `attempts are counted up to the last, then it is dead`() async throws {
        let queue = try QueueFixture()
        let attempts = Mutex<[Int]>([])
        let end = try await run(
            queue, #"{"id":"1","job":"a","maxAttempts":3}"#, until: .buried,
            options: JobOptions(retryDelay: .list([])),
            change: { $0.visibilityTimeout = .milliseconds(800) }
        ) { context in
            attempts.withLock { $0.append(context.attempt) }
            throw Boom()
        }
        #expect(attempts.withLock { $0 } == [1, 2, 3])
        #expect(end.reason == "failed 3 times, last with Boom: no luck")
        #expect(try await deadReason(queue) == end.reason)
        let outcome = try #require(
            try await queue.send(queue.store.result("1")).flatMap { JobOutcome(json: $0) })
        #expect(outcome.state == .dead)
        #expect(outcome.attempt == 3)
        #expect(outcome.failure == JobFailure(type: "Boom", message: "no luck"))
        let dead = try await queue.redis("ZRANGE", queue.keys.dead, "0", "-1").array?.first?.bytes
        let json = try #require(dead?.split(separator: 10, maxSplits: 1).last)
        #expect(try Envelope(Array(json)).state.errors.map(\.attempt) == [1, 2, 3])
    }

    @Test func `buried at once by the handler's word`() async throws {
        let queue = try QueueFixture()
        let end = try await run(queue, until: .buried) { _ in throw JobError.bury("bad\naddress") }
        #expect(end.reason.hasPrefix("bad"))
        #expect(try await deadReason(queue) == end.reason)
        try await queue.expectOnePlace(["1"])
    }

    @Test func `given up and forgotten`() async throws {
        let queue = try QueueFixture()
        _ = try await run(queue, until: .discarded) { _ in throw JobError.discard }
        try await queue.expectOnePlace([])
        let outcome = try await queue.send(queue.store.result("1")).flatMap { JobOutcome(json: $0) }
        #expect(outcome?.state == .discarded)
    }

    @Test func `a snooze is no attempt`() async throws {
        let queue = try QueueFixture()
        let end = try await run(queue, until: .snoozed) { _ in
            throw JobError.snooze(for: .seconds(90))
        }
        #expect(end.retryIn == .seconds(90))
        let bytes = try await queue.redis("ZRANGE", queue.keys.scheduled, "0", "-1").array?.first?
            .text
        #expect(bytes == #"{"id":"1","job":"a"}"#)
    }

    @Test func `a retry after a time of the handler's choice`() async throws {
        let queue = try QueueFixture()
        let end = try await run(queue, until: .retried) { _ in
            throw JobError.retry(after: .seconds(5), "busy")
        }
        #expect(end.retryIn == .seconds(5))
        #expect(end.reason.hasSuffix("busy"))
    }

    @Test func `what a handler knows of its job`() async throws {
        let queue = try QueueFixture()
        let seen = Mutex<JobContext?>(nil)
        let json =
            #"{"id":"1","job":"a","enqueued":1234,"maxAttempts":4,"timeLimit":5000,"#
            + #""state":{"attempt":2}}"#
        _ = try await run(queue, json, until: .done) { context in
            seen.withLock { $0 = context }
            let left = try #require(context.deadline) - .now
            #expect(left > .zero && left <= .seconds(5))
            return nil
        }
        let context = try #require(seen.withLock { $0 })
        #expect(context.id == "1")
        #expect(context.job == "a")
        #expect(context.queue == "q")
        #expect(context.attempt == 3)
        #expect(context.maxAttempts == 4)
        #expect(context.enqueuedAt == 1234)
        #expect(context.fence > 0)
        #expect(context.timeLimit == .seconds(5))
        #expect(!context.isRedelivery)
    }

    @Test func `a job whose worker died runs with a greater fence, and is told`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1")
        try await queue.join("dead")
        let fence = try await queue.fetch("dead", 1)[0].tag
        _ = try await queue.send(queue.store.reap(worker: "dead", isSure: true, crashes: 5))
        let seen = Mutex<(Int, Bool)?>(nil)
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { context in
                    seen.withLock { $0 = (context.fence, context.isRedelivery) }
                    return nil
                })
        }
        try await fixture.run { await $0.log.end(.done) }
        let (later, isRedelivery) = try #require(seen.withLock { $0 })
        #expect(later > fence)
        #expect(isRedelivery)
        #expect(try await queue.integer("EXISTS", queue.keys.crashes) == 0)
    }

    @Test func `a job that took down three workers is buried unrun`() async throws {
        let queue = try QueueFixture()
        try await queue.redis("HSET", queue.keys.crashes, "1", "3")
        let end = try await run(queue, until: .buried) { _ in
            Issue.record("it ran")
            return nil
        }
        #expect(end.reason == "lost with 3 workers")
        #expect(try await queue.integer("EXISTS", queue.keys.crashes) == 0)
    }

    @Test func `a run that is out of time is cancelled and counts`() async throws {
        let queue = try QueueFixture()
        let end = try await run(
            queue, #"{"id":"1","job":"a","timeLimit":50}"#, until: .retried
        ) { context in
            do {
                try await waitForCancel()
            } catch {
                #expect(context.isCancelled)
                throw error
            }
            return nil
        }
        #expect(end.reason.contains("ran longer than 0.05 seconds; cancelled"))
        #expect(end.ran >= .milliseconds(50))
    }

    @Test func `progress and follow-ups`() async throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { context in
                    await context.progress(7, "half \"way\"")
                    let options = JobOptions(queue: "q")
                    _ = try await context.client.enqueue(name: "b", options: options, id: "next")
                    return nil
                })
            $0.add(.named("b") { _ in nil })
        }
        try await queue.push("1")
        try await fixture.run { await $0.log.end(.done, count: 2) }
        // The follow-up may end before the one that asked for it.
        #expect(Set(fixture.log.ends.map(\.id)) == ["1", "next"])
        let report = try #require(try await queue.send(queue.store.progress("1")))
        let text = String(decoding: report, as: UTF8.self)
        #expect(text.hasPrefix(#"{"progress":1.0,"at":"#))
        #expect(text.hasSuffix(#","message":"half \"way\""}"#))
    }

    @Test func `handlers that block hold up nobody else`() async throws {
        struct Blocks: Job {
            static let name = "blocks"
            static let options = JobOptions(queue: "q")
        }
        let queue = try QueueFixture()
        let gate = Latch()
        let begun = EventLog()
        let fixture = try WorkerFixture(queue, { $0.concurrency = 5 }) {
            $0.handleBlocking(Blocks.self) { _, _ in
                begun.note(.quiet)
                gate.block()
                return NoOutput()
            }
            $0.add(.named("a") { _ in nil })
        }
        let client = try queue.client()
        _ = try await client.enqueue((0..<4).map { _ in Blocks() })
        try await fixture.run { fixture in
            await begun.wait(4) { _ in true }
            try await queue.push("1")
            await fixture.log.end(.done)
            #expect(fixture.log.ends.map(\.job) == ["a"])
            gate.open()
            await fixture.log.end(.done, count: 5)
        }
    }
}
