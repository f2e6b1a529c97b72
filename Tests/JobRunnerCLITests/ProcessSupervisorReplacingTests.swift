import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// `work --processes`: children that are replaced, and children that are left alone.
@Suite(
    "supervisor, replacing", .serialized, .timeLimit(.minutes(3)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessSupervisorReplacingTests {
    private let fixture: CommandFixture

    init() async throws {
        fixture = try CommandFixture()
        try await fixture.hold("first")
        try await fixture.program("echo", "cat")
    }

    @Test func `HUP replaces all, by what is at the path now, and loses no job`() async throws {
        // A link, as a deploy has it; what it leads to says who it is.
        let link = fixture.directory + "/jobrunner"
        let built = try #require(BuiltExecutable.path)
        try await fixture.shell(#"ln -s '\#(built)' '\#(link)'"#)
        let supervisor = try ProcessLive(
            [
                "work", "--processes", "2", "-u", fixture.url, "--prefix", fixture.prefix,
                "--handlers", fixture.handlers, "--visibility-timeout", "1h",
            ], executable: link)
        let before = try await supervisor.children(2)
        let handle = try await fixture.enqueue("first")
        try await supervisor.line(#""message":"started""#)
        try await fixture.shell(
            #"""
            printf '#!/bin/sh\necho new version >&2; exec "%s" "$@"\n' '\#(built)' > "$0/new"
            chmod +x "$0/new"; ln -s "$0/new" "$0/link"; mv "$0/link" "$0/jobrunner"
            """#)
        supervisor.signal(SIGHUP)
        try await supervisor.line(#""event":"draining""#)
        try await fixture.release("first")
        let after = try await supervisor.children(4)
        #expect(Set(after.values).isDisjoint(with: before.values))
        try await supervisor.lines(2, of: "child_ended")
        #expect(try await fixture.value(handle) == "\"first\"")
        #expect(supervisor.errors == ["new version", "new version"])
        let events = supervisor.lines.filter { $0.contains(#""event":"child_"#) }
            .compactMap { $0.components(separatedBy: #""event":"child_"#).last }
            .map { String($0.prefix { $0 != "\"" }) }
        let one = ["replacing", "started", "joined", "ended"]
        #expect(events == ["started", "joined", "started", "joined"] + one + one)
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
        #expect(try await fixture.holders() == [])
    }

    @Test func `a child that has run its jobs is replaced, and nothing is lost`() async throws {
        let supervisor = try fixture.supervise(1, "--max-jobs-per-child", "20", "-c", "2")
        _ = try await supervisor.children(1)
        try await fixture.enqueue(100, of: "echo")
        try await fixture.finish(100)
        try await supervisor.line("child_replacing", "as many jobs as it may")
        _ = try await supervisor.children(2)
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
        #expect(try await fixture.holders() == [])
    }

    @Test func `so is one that holds too much memory`() async throws {
        // Any process of this program holds more.
        let supervisor = try fixture.supervise(1, "--max-memory-per-child", "1MiB")
        let before = try await supervisor.children(1)
        try await supervisor.line("child_replacing", "of memory")
        let after = try await supervisor.children(2)
        #expect(after[1] != before[1])
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
    }

    @Test func `children whose supervisor is killed drain`() async throws {
        let supervisor = try fixture.supervise(2)
        let children = try await supervisor.children(2)
        let handle = try await fixture.enqueue("first")
        try await supervisor.line(#""message":"started""#)
        supervisor.signal(SIGKILL)
        // They hold the other end of its output: it ends with them.
        try await supervisor.lines(2, of: #""event":"orphaned""#)
        try await supervisor.line(#""event":"draining""#, #""running":1"#)
        try await fixture.release("first")
        #expect(await supervisor.end() == -SIGKILL)
        #expect(try await fixture.value(handle) == "\"first\"")
        #expect(supervisor.lines.count { $0.contains(#""event":"stopped""#) } == 2)
        #expect(try await fixture.holders() == [])
        for pid in children.values { #expect(!isRunning(pid)) }
    }

    @Test func `a child with a stuck slot is replaced at once, by one that is not`() async throws {
        let worker =
            URL(filePath: try #require(BuiltExecutable.path))
            .deletingLastPathComponent().path + "/FaultWorker"
        let supervisor = try ProcessLive(
            [
                "work", "--processes", "1", "-u", fixture.url, "--prefix", fixture.prefix,
                "--stuck-after", "10ms", "--visibility-timeout", "1h",
            ], executable: worker)
        let before = try await supervisor.children(1)
        let ran = await fixture.run([
            "enqueue", "ignore-cancel", #"{"milliseconds":3600000}"#, "--max-attempts", "1",
        ])
        #expect(ran.exit == .success)
        try await supervisor.line(#""event":"giving_up""#)
        let ended = try await supervisor.line(#""event":"child_ended""#)
        #expect(ended.contains(#""exit_code":75"#))
        let after = try await supervisor.children(2)
        #expect(after[1] != before[1])
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
        #expect(try await fixture.holders() == [])
    }
}
