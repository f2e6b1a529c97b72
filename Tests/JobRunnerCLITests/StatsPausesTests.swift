import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite(
    "jobrunner stats, pauses and limits", .enabled(if: RedisServer.isAvailable),
    .timeLimit(.minutes(2)))
struct StatsPausesTests {
    /// A queue with a pause, a paused name, a rate, ranks, blocked jobs and a closed limit.
    private func prepared() async throws -> CommandFixture {
        let fixture = try CommandFixture()
        let client = fixture.client
        for _ in 0..<2 {
            _ = try await client.enqueue(name: "echo", options: JobOptions(priority: 2))
        }
        let minute = try await client.serverTime() / 60_000
        _ = try await fixture.ask("HSET", fixture.key("count:\(minute)"), "deferred", "7")
        try await client.pause(queue: "default", for: .seconds(3600), reason: "down\u{1B}[2J")
        try await client.pause(job: "mail.send", in: "default")
        try await client.setRate(.perSecond(5), ofQueue: "default")
        let options = JobOptions(
            rateLimit: RateLimit(10, per: .seconds(1), name: "smtp"),
            concurrencyLimit: ConcurrencyLimit(4, name: "places"))
        try await fixture.working({ builder in
            builder.add(Handler(name: "mail.send", options: options) { _, _ in nil })
        }) {
            // Its word comes with its start.
            while try await client.limits().count < 2 { try await fixture.pass(0.01) }
        }
        // Behind the worker, which would let them come.
        _ = try await fixture.ask("ZADD", fixture.key("blocked"), "1", "slots/places/all")
        _ = try await fixture.ask(
            "ZADD", fixture.key("blocked:slots/places/all"), "1", "a", "2", "b", "3", "c")
        try await client.closeLimit("smtp", for: .seconds(3600))
        try await client.setLimit("places", slots: 2)
        return fixture
    }

    @Test func `all of it is in the statistics`() async throws {
        let fixture = try await prepared()
        let stats = try await fixture.client.stats()
        let queue = try #require(stats.queues.first)
        #expect(queue.ready == 2)
        #expect(queue.isPaused)
        #expect(queue.pausedUntil != nil)
        let since = try #require(queue.pausedSince)
        #expect(since <= stats.time && since > stats.time - 60)
        #expect(queue.state == .paused)
        #expect(queue.pauseReason == "down\u{1B}[2J")
        #expect(queue.muted == ["mail.send"])
        #expect(queue.rate == "5/s")
        #expect(queue.blocked == 3)
        #expect(queue.recent.deferred == 7)
        #expect(stats.limits.map(\.name) == ["places", "smtp"])
        #expect(stats.limits.map(\.slots) == [2, nil])
        #expect(stats.limits.map(\.rate) == [nil, "10/s"])
        #expect(stats.limits.last?.closedUntil != nil)
    }

    @Test func `the text tells why nothing goes on`() async throws {
        let fixture = try await prepared()
        let stats = try await fixture.client.stats()
        let lines = StatsText(stats: stats).lines
        let head = try #require(lines.first { $0.hasPrefix("QUEUE") }).split(separator: " ")
        let row = try #require(lines.first { $0.hasPrefix("default") }).split(separator: " ")
        #expect(head.count == row.count)
        #expect(row[try #require(head.firstIndex(of: "BLOCKED"))] == "3")
        #expect(row[try #require(head.firstIndex(of: "DEFERRED"))] == "7")
        #expect(row.last == "paused")
        let pause = try #require(lines.first { $0.hasPrefix("queue 'default' is paused since 20") })
        #expect(pause.contains("Z until 20"))
        #expect(pause.hasSuffix(#"Z: down\u{1B}[2J"#))
        #expect(lines.contains("queue 'default': paused jobs: mail.send"))
        #expect(lines.contains("queue 'default': limited to 5/s"))
        let places = try #require(lines.first { $0.hasPrefix("places") })
        #expect(places.split(separator: " ") == ["places", "-", "2*", "0", "open", "mail.send"])
        #expect(lines.contains { $0.hasPrefix("smtp") && $0.contains("closed until 20") })
    }

    @Test func `the state tells of a paused kind, and of a rate`() async throws {
        let fixture = try await prepared()
        let client = fixture.client
        func state() async throws -> String? {
            let stats = try await client.stats()
            return StatsText(stats: stats).lines.first { $0.hasPrefix("default") }?
                .split(separator: "  ").last.map { String($0).trimmingCharacters(in: .whitespaces) }
        }
        _ = await fixture.run("queues resume default")
        #expect(try await state() == "no worker")
        _ = await fixture.run("queues purge default --yes")
        #expect(try await state() == "kind paused")
        _ = await fixture.run("jobs resume mail.send")
        #expect(try await state() == "limited")
        _ = await fixture.run("queues limit default none")
        #expect(try await state() == "ok")
    }

    @Test func `jobs that wait aside are told on a narrow terminal too`() async throws {
        let fixture = try await prepared()
        var stats = try await fixture.client.stats()
        func head() -> String? {
            StatsText(stats: stats, width: 80).lines.first { $0.hasPrefix("QUEUE") }
        }
        #expect(head()?.contains("BLOCKED") == true)
        for index in stats.queues.indices { stats.queues[index].blocked = 0 }
        #expect(head()?.contains("BLOCKED") == false)
    }

    @Test func `a small screen is not overrun by limits`() async throws {
        let fixture = try await prepared()
        var stats = try await fixture.client.stats()
        let limit = try #require(stats.limits.first)
        stats.limits = Array(repeating: limit, count: 100)
        for rows in [24, 40] {
            let lines = StatsText(stats: stats, width: 100, rows: rows).lines
            #expect(lines.count <= rows)
            #expect(lines.contains { $0.hasSuffix("more limits") })
        }
    }

    @Test func `every key of the JSON is in its documentation`() async throws {
        let fixture = try await prepared()
        let document = StatsJSON.document(try await fixture.client.stats())
        let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appending(path: "Sources/JobRunner/JobRunner.docc/StatsJSON.md")
        let text = try String(decoding: Data(contentsOf: url), as: UTF8.self)
        var keys: Set<String> = []
        collect(document, &keys)
        #expect(keys.count > 50)
        let missing = keys.filter { !text.contains("`\($0)`") }
        #expect(missing.isEmpty)
    }

    private func collect(_ node: JSONNode, _ keys: inout Set<String>) {
        switch node {
        case .object(let members):
            for (key, value) in members {
                keys.insert(key)
                collect(value, &keys)
            }
        case .array(let values): for value in values { collect(value, &keys) }
        default: break
        }
    }
}
