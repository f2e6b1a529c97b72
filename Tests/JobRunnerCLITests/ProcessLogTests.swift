import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// The log of `jobrunner work` under what others put into it.
@Suite(
    "work's log", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessLogTests {
    @Test(arguments: ["json", "text"])
    func `nothing in it moves a cursor or starts a line`(format: String) async throws {
        let fixture = try CommandFixture()
        try await fixture.program(
            "loud", #"printf 'red \033[31m\rback\007\n\302\233bidi \342\200\256x\n' >&2; exit 1"#)
        let hostile = #"\u001b[2J\nFAKE LINE\r\u202e\u009b"#
        for job in [
            #"{"job":"\#(hostile)"}"#, #"{"job":"loud","id":"\#(hostile)"}"#,
            #"{"job":"loud","id":"plain"}"#, #"{"job":"loud","args":"\#(hostile)"}"#,
            "\u{1B}[2J\nFAKE LINE", #"{"\#(hostile)":1}"#,
        ] {
            _ = try await fixture.ask("LPUSH", fixture.key("ready"), job)
        }
        let worker = try fixture.work("--log-format", format)
        try await worker.line("red ", "back")
        try await worker.line("bidi ")
        // All are fetched, and what they came to is said.
        while try await fixture.ready().count > 0 {}
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        let lines = worker.lines + worker.errors
        #expect(lines.contains { $0.contains("FAKE") }, "the names are shown, escaped")
        for line in lines {
            #expect(line.hasPrefix(format == "json" ? #"{"ts":""# : "20"), "\(line)")
            #expect(line.unicodeScalars.allSatisfy { Printable.isSafe($0) }, "\(line)")
            if format == "json" {
                _ = try JSONDecoder().decode(JSONValue.self, from: Data(line.utf8))
            }
        }
    }

    @Test func `a flood is summed up`() async throws {
        let fixture = try CommandFixture()
        try await fixture.program(
            "quick",
            #"""
            # jobrunner: persistent
            while read -r line; do
                id=${line#*\"id\":\"}
                echo "{\"id\":\"${id%%\"*}\",\"result\":1}"
            done
            """#)
        let count = 5000
        let worker = try fixture.work()
        try await worker.line(#""event":"joined""#)
        let start = ContinuousClock.now
        try await fixture.enqueue(count, of: "quick")
        while try await fixture.ask("LLEN", fixture.key("ready")) != .integer(0) {}
        while try await fixture.holders().contains(where: { $0.contains("}:active:") }) {}
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        let seconds = Int((ContinuousClock.now - start) / .seconds(1))
        let done = worker.lines.filter { $0.contains(#""event":"done""#) }
        let summaries = done.compactMap { line in
            line.split(separator: #""jobs":"#).dropFirst().first.flatMap {
                Int($0.prefix { $0.isNumber })
            }
        }
        let single = done.count - summaries.count
        #expect(single <= WorkLog.linesPerSecond * (seconds + 2), "in \(seconds) s")
        #expect(single + summaries.reduce(0, +) == count)
        #expect(!summaries.isEmpty)
    }
}
