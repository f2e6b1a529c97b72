import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// `work --concurrency MIN..MAX`: what it says, and what `stats` says of it.
@Suite(
    "work --concurrency MIN..MAX", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessScaleTests {
    private let fixture: CommandFixture

    init() async throws {
        fixture = try CommandFixture()
        try await fixture.hold("slow")
    }

    @Test(arguments: [true, false])
    func `it says what it opens and why`(isFlag: Bool) async throws {
        try await fixture.enqueue(6, of: "slow")
        let worker = try fixture.work(
            "--visibility-timeout", "3s",
            environment: isFlag ? [:] : ["JOBRUNNER_CONCURRENCY": "2..4"],
            more: isFlag ? ["-c", "2..4"] : [])
        try await worker.line(#""event":"working""#, #""slots":"2..4""#)
        let line = try await worker.line(#""event":"scaled""#)
        #expect(line.contains(#""level":"info""#))
        #expect(line.contains(#""message":"all slots are busy and jobs wait""#))
        #expect(line.contains(#""from":2,"to":3,"why":"backlog""#))
        // The programs themselves are let in as well.
        try await worker.lines(4, of: "started")
        try await fixture.release("slow")
        try await fixture.finish(6)
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
    }

    @Test func `every process of several scales for itself`() async throws {
        try await fixture.enqueue(8, of: "slow")
        let supervisor = try fixture.work(
            "--processes", "2", "--visibility-timeout", "3s", "-c", "1..3")
        try await supervisor.line(#""event":"supervising""#, #""slots":"2..6""#)
        for child in 1...2 {
            try await supervisor.line(#""event":"scaled""#, #""to":3"#, #""child":\#(child)"#)
        }
        try await supervisor.lines(6, of: "started")
        try await fixture.release("slow")
        try await fixture.finish(8)
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
    }

    @Test func `dev hands it on to its worker`() async throws {
        let dev = try ProcessLive(
            ["dev", "--handlers", fixture.handlers, "-c", "2..4"], in: fixture.directory)
        try await dev.line("worker | ", "working", "slots=2..4")
        dev.signal(SIGINT)
        #expect(await dev.end() == 0)
    }

    @Test(arguments: [true, false])
    func `stats show what is open, and its limits`(isScaling: Bool) async throws {
        let id = "host-1-abc"
        let now = try #require(try await fixture.ask("TIME").array?.first?.integer) * 1000
        _ = try await fixture.ask("SADD", "\(fixture.prefix):queues", "default")
        _ = try await fixture.ask("HSET", fixture.key("meta"), "lease", "30000")
        _ = try await fixture.ask("ZADD", fixture.key("workers"), "\(now + 1_000_000)", id)
        let limits = isScaling ? #","minSlots":2,"maxSlots":8"# : ""
        let info =
            #"{"v":1,"id":"\#(id)","host":"host","pid":1,"version":"1","started":0,"state":"working","queues":["default"],"handlers":["a"],"slots":5\#(limits),"busy":3,"buffered":0,"rss":0,"running":[]}"#
        _ = try await fixture.ask("SET", "\(fixture.prefix):worker:\(id)", info, "PX", "29000")
        let stats = try await fixture.client.stats()
        #expect(stats.workers.map(\.slots) == [5])
        #expect(stats.workers.map(\.slotLimits) == [isScaling ? 2...8 : nil])
        let json = StatsJSON.document(stats).text
        let shown =
            isScaling ? #""min_slots":2,"max_slots":8"# : #""min_slots":null,"max_slots":null"#
        #expect(json.contains(#""slots":5,\#(shown),"busy":3"#))
        let lines = StatsText(stats: stats).lines
        let row = try #require(lines.first { $0.hasPrefix("host ") })
        #expect(row.contains(" 3/5 (2..8) ") == isScaling, "\(row)")
        #expect(row.contains(" 3/5 "), "\(row)")
    }
}
