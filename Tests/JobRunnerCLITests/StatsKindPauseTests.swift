import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite(
    "jobrunner stats, reasons of paused names", .enabled(if: RedisServer.isAvailable),
    .timeLimit(.minutes(2)))
struct StatsKindPauseTests {
    @Test func `a paused name has a reason, as a queue has`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue echo")
        func pause(_ reason: String) async -> CommandFixture.Ran {
            await fixture.run(["jobs", "pause", "echo", "--reason", reason])
        }
        #expect(await pause("no smtp yet").out == "echo paused in default\n")
        let first = try #require(try await fixture.client.stats().queues.first?.pausedJobs.first)
        #expect(first.name == "echo" && first.reason == "no smtp yet")
        let since = try #require(first.since)
        // Anew, and of another name beside it; since when it is paused stays.
        #expect(await pause("smtp: down\u{1B}").exit == .usage)
        #expect(await pause("smtp is down").out == "echo was paused in default\n")
        _ = await fixture.run("jobs pause report")
        let stats = try await fixture.client.stats()
        let queue = try #require(stats.queues.first)
        #expect(queue.muted == ["echo", "report"])
        #expect(queue.pausedJobs.map(\.reason) == ["smtp is down", nil])
        #expect(queue.pausedJobs.first?.since == since)
        #expect(queue.pausedJobs.last?.since != nil)
        let told = "paused jobs: echo (smtp is down), report"
        #expect(StatsText(stats: stats).lines.contains("queue 'default': \(told)"))
        #expect(await fixture.run("queues show default").lines.contains("state      \(told)"))
        let json = StatsJSON.queue(queue).text
        #expect(json.contains(#""paused_jobs":["echo","report"],"job_pauses":[{"name":"echo","#))
        #expect(json.contains(#""pause_reason":"smtp is down"}"#))
        let environment = ["JOBRUNNER_PAUSE_REASON": "from the environment"]
        _ = await fixture.run(["jobs", "pause", "report"], environment: environment)
        _ = await fixture.run("jobs resume echo")
        let left = try #require(try await fixture.client.stats().queues.first)
        #expect(left.pausedJobs.map(\.name) == ["report"])
        #expect(left.pausedJobs.first?.reason == "from the environment")
        _ = await fixture.run("jobs resume report")
        #expect(try await fixture.ask("HEXISTS", fixture.key("meta"), "whys").integer == 0)
    }

    @Test func `names that an older worker paused, and forged reasons, are read`() async throws {
        let fixture = try CommandFixture()
        _ = try await fixture.ask(
            "HSET", fixture.key("meta"), "muted", "old echo",
            "whys", "echo 9999999999999999999 x\n\nnonsense\necho 5 a b \u{1B}\nother 5 gone")
        let stats = try await fixture.client.stats(queues: ["default"])
        let queue = try #require(stats.queues.first)
        #expect(queue.pausedJobs.map(\.name) == ["echo", "old"])
        #expect(queue.pausedJobs.map(\.reason) == ["a b \u{1B}", nil])
        #expect(queue.pausedJobs.last?.since == nil)
        #expect(
            StatsText(stats: stats).lines.contains(
                #"queue 'default': paused jobs: echo (a b \u{1B}), old"#))
    }
}
