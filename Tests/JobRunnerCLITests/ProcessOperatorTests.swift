import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// What an operator does, by the built executable, to a worker that is another process.
@Suite(
    "an operator and a worker", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessOperatorTests {
    private let fixture: CommandFixture

    init() async throws {
        fixture = try CommandFixture()
        try await fixture.gate()
    }

    private func jobrunner(_ words: String...) async throws -> BuiltExecutable.End {
        try await BuiltExecutable.run(words + ["-u", fixture.url, "--prefix", fixture.prefix])
    }

    @Test func `a paused queue keeps its jobs, a purge takes them, a resume goes on`() async throws
    {
        let unknown = try await jobrunner("queues", "pause", "default")
        #expect(unknown.code == 1)
        #expect(unknown.errors.contains("there is no queue 'default'"))
        let worker = try fixture.work()
        _ = try await fixture.value(try await fixture.enqueue("echo"))
        #expect(try await jobrunner("queues", "pause", "default").output == "default paused\n")
        try await fixture.enqueue("echo", id: "kept")
        let refused = try await jobrunner("queues", "purge", "default")
        #expect(refused.code == 64)
        #expect(refused.errors.contains("this would delete 1 ready job of queue 'default'"))
        let purged = try await jobrunner("queues", "purge", "default", "--yes")
        #expect(purged.code == 0)
        #expect(purged.output == "deleted 1 ready job\n")
        #expect(try await jobrunner("queues", "resume", "default").output == "default goes on\n")
        #expect(try await fixture.value(try await fixture.enqueue("echo", "7")) == "7")
        #expect(!worker.lines.contains { $0.contains(#""id":"kept""#) })
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
    }

    @Test func `a program that runs is cancelled by the name of its job`() async throws {
        let worker = try fixture.work()
        try await fixture.enqueue("gate", id: "held")
        try await worker.line("started")
        let ran = try await jobrunner("jobs", "cancel", "--job", "gate", "--yes")
        #expect(ran.code == 0)
        #expect(ran.output == "cancelling 1\n")
        let outcome = try await fixture.client.waitForOutcome(
            queue: "default", id: "held", timeout: .seconds(60))
        #expect(outcome.state == .cancelled)
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
    }
}
