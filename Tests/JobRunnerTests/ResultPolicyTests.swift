import RedisLink
import Testing

@testable import JobRunner

private struct Ignored: Job {
    static let name = "ignored"
    static let options = JobOptions(queue: "q", results: .ignored)
    var number = 1
    typealias Output = Int
}

private struct OnlyErrors: Job {
    static let name = "errors"
    static let options = JobOptions(
        queue: "q", maxAttempts: 1, results: .onlyErrors(for: .seconds(600)))
    var fails: Bool
    typealias Output = Int
}

private struct Short: Job {
    static let name = "short"
    static let options = JobOptions(queue: "q", results: .kept(for: .milliseconds(999)))
}

private struct Kept: Job {
    static let name = "kept"
    static let options = JobOptions(queue: "q", results: .kept(for: .seconds(100)))
    typealias Output = String
}

/// What is kept of how jobs end, and dropped.
@Suite(.timeLimit(.minutes(1))) struct ResultPolicyTests {
    private struct Oops: Error {}

    @Test func `a result that is ignored is not waited for`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let handle = try await client.enqueue(Ignored())
        let error = await #expect(throws: JobRunnerError.self) { try await handle.value() }
        #expect(
            error?.description
                == "the result of job \(handle) is not kept: the options of its kind say so")
        let call = await #expect(throws: JobRunnerError.self) { try await client.call(Ignored()) }
        guard case .invalid = call else { return #expect(Bool(false), "\(call.debug)") }
        // Nothing was enqueued for it.
        #expect(try await queue.waiting() == [handle.id])
        let bulk = try await client.enqueue([Ignored()])
        await #expect(throws: JobRunnerError.self) { try await bulk[0].value() }
        await #expect(throws: JobRunnerError.self) {
            for try await _ in handle.updates() {}
        }
        #expect(client.watch.count == 0)
    }

    @Test func `only errors are kept where that is asked for`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let fixture = try WorkerFixture(queue) { builder in
            builder.handle(OnlyErrors.self) { job, _ in
                if job.fails { throw Oops() }
                return 1
            }
        }
        try await fixture.run { fixture in
            let good = try await client.enqueue(OnlyErrors(fails: false))
            let bad = try await client.enqueue(OnlyErrors(fails: true))
            await fixture.log.end(.done)
            await fixture.log.end(.buried)
            // Through another client: this one knows that it is not kept.
            let other = try queue.client().handle(bad.description, output: Int.self)
            let error = await #expect(throws: JobRunnerError.self) { try await other.value() }
            guard case .failed(_, let failure) = error else {
                return #expect(Bool(false), "\(error.debug)")
            }
            #expect(failure.type == "Oops")
            #expect(try await good.outcome() == nil)
            await #expect(throws: JobRunnerError.self) { try await good.value() }
            let left = try await queue.integer("TTL", queue.keys.result(bad.id))
            #expect((1...600).contains(left))
        }
    }

    @Test func `a result is kept for as long as its kind says`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let fixture = try WorkerFixture(queue) { builder in
            builder.handle(Kept.self) { _, _ in "x" }
        }
        try await fixture.run { _ in
            let handle = try await client.enqueue(Kept())
            #expect(try await handle.value() == "x")
            let left = try await queue.integer("TTL", queue.keys.result(handle.id))
            #expect((1...100).contains(left))
        }
    }

    @Test(arguments: [
        ResultPolicy.kept(for: .milliseconds(999)), .kept(for: .zero), .kept(for: .seconds(-1)),
        .onlyErrors(for: .seconds(30 * 86_400 + 1)),
    ])
    func `a time out of bounds is refused`(policy: ResultPolicy) async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let options = JobOptions(queue: "q", results: policy)
        let error = await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(name: "a", options: options)
        }
        #expect(
            error?.description
                == "results of 'a' must be kept for 1 s to 30 days, got \(policy.duration); "
                + "'ignored' keeps none")
        #expect(try await queue.waiting().isEmpty)
    }

    @Test func `what is forgotten is gone, and what comes later is kept`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let handle = try await client.enqueue(Kept())
        #expect(try await !handle.forget())
        let report = Array(#"{"progress":0.5,"at":1,"message":"half"}"#.utf8)
        try await queue.send(queue.store.setProgress(handle.id, report, keep: .seconds(60)))
        let progress = JobProgress(fraction: 0.5, message: "half", at: 1)
        #expect(try await !handle.forget(), "it has not ended")
        #expect(try await handle.progress() == progress)
        let fixture = try WorkerFixture(queue) { builder in
            builder.handle(Kept.self) { _, _ in "x" }
        }
        try await fixture.run { _ in
            let value = try await handle.value()
            #expect(value == "x")
        }
        #expect(try await client.forget(queue: "q", id: handle.id))
        #expect(try await handle.outcome() == nil)
        #expect(try await handle.progress() == nil)
    }
}
