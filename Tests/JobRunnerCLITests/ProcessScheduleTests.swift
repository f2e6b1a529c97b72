import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// Schedules in running processes: `work --schedule`, `work --no-scheduler` and `scheduler`.
@Suite(
    "Schedules in processes", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessScheduleTests {
    private let fixture: CommandFixture

    init() async throws {
        fixture = try CommandFixture()
        try await fixture.program("sweep", "cat")
    }

    @Test func `a worker makes the schedules of a file and runs their jobs`() async throws {
        let file = try fixture.file(
            "jobrunner.schedule.json",
            #"[{"every": "1s", "job": "sweep", "args": {"n": 1}}, {"cron": "@daily", "job": "off", "enabled": false}]"#
        )
        _ = await fixture.run("schedules add off --cron @hourly")
        let worker = try fixture.work("--schedule", file)
        try await worker.line(#""event":"schedule""#, "added", #""schedule":"sweep""#)
        try await worker.line(#""event":"schedule""#, "changed", #""schedule":"off""#)
        try await worker.line(#""event":"tick""#, #""schedule":"sweep""#, #""id":"sweep."#)
        try await worker.line(#""event":"done","job":"sweep","id":"sweep."#)
        let off = try await fixture.client.schedules.status(of: "off")
        #expect(off.pauseReason == Schedules.disabledReason && off.source == .file)
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        let history = try await fixture.client.schedules.history("sweep", count: 100)
        #expect(history.contains { $0.outcome == "done" })
        let again = try fixture.work("--schedule", file)
        try await again.line(#""event":"schedule""#, "left as it was", #""schedule":"sweep""#)
        again.signal(SIGTERM)
        #expect(await again.end() == 0)
    }

    @Test func `a scheduler alone enqueues, and stops at once`() async throws {
        _ = await fixture.run("schedules add sweep --every 1s")
        let worker = try fixture.work("--no-scheduler")
        try await worker.line("joined")
        let scheduler = try ProcessLive([
            "scheduler", "-u", fixture.url, "--prefix", fixture.prefix,
        ])
        try await scheduler.line(#""event":"scheduling""#, #""queues":"all""#)
        try await scheduler.line(#""event":"tick""#, #""schedule":"sweep""#, #""late_ms":"#)
        try await worker.line(#""event":"done","job":"sweep""#)
        scheduler.signal(SIGTERM)
        #expect(await scheduler.end() == 0)
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        #expect(!worker.lines.contains { $0.contains(#""event":"tick""#) })
    }

    @Test func `schedulers that are killed leave no tick out and none twice`() async throws {
        _ = await fixture.run("schedules add sweep --every 1s --missed 1000")
        _ = await fixture.run("schedules pause sweep")
        let now = try #require(try await fixture.ask("TIME").array?.first?.integer)
        // As if nobody had run for five minutes.
        let first = (now - 300) * 1000
        let state = fixture.key("schedule:sweep")
        _ = try await fixture.ask("HDEL", state, "paused", "reason")
        _ = try await fixture.ask("HSET", state, "tick", "\(first)")
        _ = try await fixture.ask("ZADD", fixture.key("ticks"), "\(first)", "sweep")
        let words = ["scheduler", "-u", fixture.url, "--prefix", fixture.prefix, "-q", "default"]
        for _ in 0..<3 {
            let both = try (0..<2).map { _ in try ProcessLive(words) }
            // Whatever they have on their way then.
            try await both[0].line("scheduling")
            for process in both { process.signal(SIGKILL) }
            for process in both {
                let code = await process.end()
                #expect(code == -SIGKILL)
            }
        }
        let last = try ProcessLive(words)
        try await last.line("scheduling")
        // There is nobody else any more, so it says of the tick after the next: it was fired.
        let later = try #require(try await fixture.ask("TIME").array?.first?.integer) + 2
        try await last.line(#""event":"tick""#, "sweep.\(later)000")
        last.signal(SIGTERM)
        #expect(await last.end() == 0)
        let ids = try await fixture.jobs().compactMap(\.id?.description)
        #expect(Set(ids).count == ids.count, "a tick was enqueued twice")
        let ticks = ids.compactMap { Int($0.dropFirst("sweep.".count)) }.sorted()
        let expected = Array(stride(from: first, through: ticks.last ?? 0, by: 1000))
        #expect(ticks == expected)
        #expect(ticks.count > 300)
    }

    @Test func `a bad file or queue ends it with 78 or 64 and says why`() async throws {
        let file = try fixture.file("bad.json", #"[{"cron": "31 2 *", "job": "a"}]"#)
        let worker = try fixture.work("--schedule", file)
        #expect(await worker.end() == 78)
        #expect(
            worker.errors.first?.contains("entry 1: schedule 'a': cron '31 2 *': 3 fields")
                == true)
        let scheduler = try ProcessLive(
            ["scheduler", "-u", fixture.url, "--prefix", fixture.prefix, "-q", "a:b"])
        #expect(await scheduler.end() == 64)
        #expect(scheduler.errors.first?.contains("queue name 'a:b' is not allowed") == true)
    }
}
