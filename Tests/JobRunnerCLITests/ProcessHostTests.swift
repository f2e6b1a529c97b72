import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// `jobrunner work` where the machine gives it little: its logs are lost before its jobs are.
@Suite(
    "work on a machine in trouble", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessHostTests {
    private let fixture: CommandFixture

    init() async throws {
        fixture = try CommandFixture()
        try await fixture.gate()
    }

    /// Starts a worker by a shell, which prepares what the worker is to have.
    private func work(
        _ shell: String, _ arguments: String..., environment: [String: String] = [:],
        in directory: String? = nil
    ) throws -> ProcessLive {
        let executable = try #require(BuiltExecutable.path)
        let words =
            [
                executable, "work", "-u", fixture.url, "--prefix", fixture.prefix, "--handlers",
                fixture.handlers,
            ] + arguments
        return try ProcessLive(
            ["-ec", shell, "sh"] + words, environment: environment, in: directory,
            executable: "/bin/sh")
    }

    /// Jobs run, one that writes on standard error too, and the worker ends well.
    private func works(_ worker: ProcessLive) async throws {
        for number in 0..<5 {
            let handle = try await fixture.enqueue("echo", "\(number)")
            #expect(try await fixture.value(handle) == "\(number)")
        }
        #expect(try await fixture.value(try await fixture.enqueue("loud", "1")) == "1")
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        #expect(try await fixture.holders() == [])
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")),
        arguments: [
            #"exec "$@" >/dev/full 2>&1"#,
            // A pipe whose reader is gone: each write is an EPIPE, and would be a SIGPIPE.
            #"mkfifo "$FIFO"; exec 3<>"$FIFO" 4>"$FIFO" 3<&-; exec "$@" >&4 2>&4 4>&-"#,
            // Else the first socket gets the number 1, and the log.
            #"exec "$@" <&- >&- 2>&-"#,
        ])
    func `a log that cannot be written stops no job`(shell: String) async throws {
        try await fixture.program("loud", "echo hello >&2; cat")
        let fifo = fixture.directory + "/log"
        let worker = try work(shell, environment: ["FIFO": fifo])
        try await works(worker)
        #expect(worker.lines + worker.errors == [])
    }

    @Test func `nothing is written where it runs or into TMPDIR`() async throws {
        try await fixture.program("loud", "echo hello >&2; cat")
        let worker = try work(
            #"cd "$NOWHERE"; rmdir "$NOWHERE"; exec "$@""#,
            environment: [
                "TMPDIR": "/nowhere/at/all", "HOME": "/nowhere",
                "NOWHERE": try directory("nowhere"),
            ])
        try await worker.line(#""event":"joined""#)
        try await works(worker)
    }

    private func directory(_ name: String) throws -> String {
        let path = fixture.directory + "/" + name
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false)
        return path
    }

    @Test func `programs that it has no descriptors for wait, their attempts unspent`()
        async throws
    {
        // A writer that stays, so that no program waits for one to come.
        let gate = open(fixture.directory + "/gate", O_RDWR | O_NONBLOCK | O_CLOEXEC)
        defer { close(gate) }
        let worker = try work(#"ulimit -n 64; exec "$@""#, "--concurrency", "30")
        try await worker.line(#""event":"joined""#)
        let count = 30
        try await fixture.enqueue(count, of: "gate")
        try await worker.line(#""level":"error""#, "out of file descriptors (limit 64)", "job-")
        try await worker.line(#""event":"snoozed""#)
        let words = Array(String(repeating: "go\n", count: count).utf8)
        #expect(write(gate, words, words.count) == words.count)
        try await fixture.finish(count)
        for number in 0..<count {
            let outcome = try await fixture.client.waitForOutcome(
                queue: "default", id: "job-\(number)", timeout: .seconds(10))
            #expect(outcome.attempt == 1, "job-\(number)")
        }
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
    }
}
