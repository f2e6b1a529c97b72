import RedisLink
import Testing

@testable import JobRunner

private struct Quiet: Job {
    static let name = "quiet"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
}

/// What a handle tells of its job.
@Suite(.timeLimit(.minutes(1))) struct ClientResultTests {
    private struct Oops: Error, CustomStringConvertible { let description = "it broke" }

    @Test func `typed values, and none`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let fixture = try WorkerFixture(queue) { builder in
            builder.handle(Doubling.self) { job, _ in job.number * 2 }
            builder.handle(Quiet.self) { _, _ in }
        }
        try await fixture.run { _ in
            let handle = try await client.enqueue(Doubling(number: 21))
            #expect(try await handle.value(timeout: .seconds(10)) == 42)
            let quiet = try await client.enqueue(Quiet())
            #expect(try await quiet.value(timeout: .seconds(10)) == NoOutput())
            let outcome = try #require(try await handle.outcome())
            #expect(outcome.state == .done)
            #expect(outcome.attempt == 1)
            #expect(outcome.startedAt <= outcome.finishedAt)
            let other = try client.handle(handle.description, output: String.self)
            let error = await #expect(throws: JobRunnerError.self) { try await other.value() }
            #expect(
                error?.description
                    == "the result of job \(handle) does not decode: not of type String at 'value'")
            let any = try client.handle(handle.description)
            #expect(try await any.value() == .integer(42))
        }
    }

    @Test func `a job that is given up throws its reason`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let fixture = try WorkerFixture(queue) { builder in
            builder.handle(Quiet.self) { (_, _) -> Void in throw Oops() }
        }
        try await fixture.run { _ in
            let handle = try await client.enqueue(Quiet())
            let error = await #expect(throws: JobRunnerError.self) { try await handle.value() }
            guard case .failed(let name, let failure) = error else {
                return #expect(Bool(false), "\(error.debug)")
            }
            #expect(name == handle.description)
            #expect(failure == JobFailure(type: "Oops", message: "it broke"))
            #expect(try await handle.outcome()?.state == .dead)
        }
    }

    @Test func `an id that nothing is known of`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        func wait(_ handle: String) async -> JobRunnerError? {
            await #expect(throws: JobRunnerError.self) {
                try await client.handle(handle).value(timeout: .milliseconds(5))
            }
        }
        #expect(await wait("q/none")?.description.contains("nothing is known of it") == true)
        // Accepted, and remembered for that.
        let known = try await client.enqueue(Doubling(number: 1))
        #expect(
            await wait(known.description)?.description
                == "job \(known) had no result after 0.005 seconds")
    }

    @Test func `a job that does not end in time`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let handle = try await client.enqueue(Doubling(number: 1))
        let error = await #expect(throws: JobRunnerError.self) {
            try await handle.value(timeout: .milliseconds(30))
        }
        guard case .timedOut(handle.description, after: .milliseconds(30)) = error else {
            return #expect(Bool(false), "\(error.debug)")
        }
        #expect(try await handle.outcome() == nil)
    }

    @Test func `a result that nobody wants is not kept`() async throws {
        let queue = try QueueFixture()
        try await queue.redis(
            "LPUSH", queue.keys.ready, #"{"id":"1","job":"a","resultTTL":0}"#)
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in "1" }) }
        try await fixture.run { await $0.log.end(.done) }
        #expect(try await queue.integer("EXISTS", queue.keys.result("1")) == 0)
    }
}
