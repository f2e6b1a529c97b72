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

    @Test func `where it runs may be gone, and TMPDIR and HOME may not be there`() async throws {
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

    @Test(arguments: [false, true])
    func `a program does not outlive a worker that is killed`(losesShell: Bool) async throws {
        // What it started neither; both ignore what is sent to a terminal's group.
        try await fixture.program(
            "endless", "trap '' TERM HUP; sleep 1000 & echo pids $$ $! >&2; wait; wait")
        let worker = try work(#"exec "$@""#, "--concurrency", "3")
        // One that has ended is not meant, and one that starts later is.
        #expect(try await fixture.value(try await fixture.enqueue("echo", "1")) == "1")
        try await fixture.enqueue("endless")
        try await worker.line("pids ")
        #if os(Linux)
            if losesShell {
                let shell = try #require(try lifeline(of: worker.pid))
                kill(shell, SIGKILL)
                while isRunning(shell) { await Task.yield() }
            }
        #endif
        try await fixture.enqueue("endless")
        let pids = try await worker.lines(2, of: "pids ").flatMap { line in
            (line.split(separator: "pids ").last ?? "").split { !$0.isNumber }.prefix(2)
                .compactMap { pid_t($0) }
        }
        try #require(pids.count == 4)
        #expect(pids.allSatisfy { isRunning($0) })
        worker.signal(SIGKILL)
        #expect(await worker.end() == -SIGKILL)
        while pids.contains(where: { isRunning($0) }) { await Task.yield() }
    }

    /// The shell that a worker has beside its programs: it has no script.
    private func lifeline(of worker: pid_t) throws -> pid_t? {
        for thread in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(worker)/task") {
            let path = "/proc/\(worker)/task/\(thread)/children"
            let children = try String(contentsOfFile: path, encoding: .utf8)
            for child in children.split(separator: " ").compactMap({ pid_t($0) }) {
                let line = try String(contentsOfFile: "/proc/\(child)/cmdline", encoding: .utf8)
                if line == "/bin/sh\0" { return child }
            }
        }
        return nil
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
        // One each: none was started in vain, and took a word with it.
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
