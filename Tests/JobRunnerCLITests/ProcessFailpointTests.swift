import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

#if DEBUG
    /// FAULT_POINT of the executable as it was built.
    @Suite(
        "failpoints", .timeLimit(.minutes(3)),
        .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
    struct ProcessFailpointTests {
        @Test func `a worker dies where it is told, and the next one takes its job`() async throws {
            let fixture = try CommandFixture()
            try await fixture.program("echo", "cat")
            let first = try fixture.work(
                "--visibility-timeout", "3s", environment: ["FAULT_POINT": "starting:2"])
            try await first.line(#""event":"joined""#)
            try await fixture.enqueue(2, of: "echo")
            #expect(await first.end() == -SIGKILL)
            let second = try fixture.work("--visibility-timeout", "3s")
            try await fixture.finish(2)
            second.signal(SIGTERM)
            #expect(await second.end() == 0)
        }

        @Test func `a worker that dies between a reply and its ack replies once`() async throws {
            let fixture = try CommandFixture()
            try await fixture.program("echo", "cat")
            let asked = await fixture.run("enqueue echo 7 --id one --reply-to far/told")
            #expect(asked.exit == .success)
            let first = try fixture.work(
                "--visibility-timeout", "3s", environment: ["FAULT_POINT": "ackSending"])
            #expect(await first.end() == -SIGKILL)
            #expect(try await fixture.jobs("far").map(\.id?.description) == ["one.reply"])
            let second = try fixture.work("--visibility-timeout", "3s")
            #expect(try await fixture.value("default/one") == "7")
            second.signal(SIGTERM)
            #expect(await second.end() == 0)
            #expect(try await fixture.jobs("far").map(\.job) == ["told"])
        }

        @Test(arguments: [["work"], ["enqueue", "a"]])
        func `a name that the code does not know ends the command`(arguments: [String]) async throws
        {
            let fixture = try CommandFixture()
            try await fixture.program("echo", "cat")
            let more = arguments == ["work"] ? ["--handlers", fixture.handlers] : []
            let process = try ProcessLive(
                arguments + more + ["-u", fixture.url, "--prefix", fixture.prefix],
                environment: ["FAULT_POINT": "nowhere"])
            #expect(await process.end() == 65)
            #expect(process.errors.joined().contains("FAULT_POINT: no failpoint 'nowhere'"))
        }
    }
#endif
