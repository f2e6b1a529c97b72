import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite(
    "jobrunner stats, locks and unique keys", .enabled(if: RedisServer.isAvailable),
    .timeLimit(.minutes(2)))
struct StatsLocksTests {
    /// Looks while a run holds two locks, as soon as its worker has told of them.
    private func holding<R: Sendable>(
        _ fixture: CommandFixture, _ look: (Stats) async throws -> R
    ) async throws -> R {
        try await fixture.working({ builder in
            builder.add(
                Handler(name: "index", options: JobOptions()) { _, context in
                    try await context.withLock("shop-8") { _ in
                        // In another millisecond.
                        try await fixture.pass(0.01)
                        try await context.withLock("door") { _ in
                            // Until the test has seen them.
                            while try await fixture.ask("EXISTS", fixture.key("seen:go")).integer
                                == 0
                            {
                                try await fixture.pass(0.02)
                            }
                        }
                    }
                    return Array("1".utf8)
                })
        }) {
            let handle = try await fixture.client.enqueue(
                name: "index", options: JobOptions(), id: "i1")
            var stats = try await fixture.client.stats()
            while stats.locks.count < 2 {
                try await fixture.pass(0.05)
                stats = try await fixture.client.stats()
            }
            let result: Result<R, any Error>
            do { result = .success(try await look(stats)) } catch { result = .failure(error) }
            _ = try await fixture.ask("SET", fixture.key("seen:go"), "1", "EX", "60")
            _ = try await handle.value(timeout: .seconds(60))
            return try result.get()
        }
    }

    @Test func `locks are told with who holds them, the longest first`() async throws {
        let fixture = try CommandFixture()
        try await holding(fixture) { stats in
            #expect(stats.lockCount == 2)
            #expect(stats.locks.map(\.name) == ["shop-8", "door"])
            let lock = try #require(stats.locks.first)
            #expect(lock.worker == stats.workers.first?.id)
            #expect(lock.job == "index" && lock.id == "i1" && lock.queue == "default")
            #expect(lock.since <= stats.time.addingTimeInterval(60))
            // The same that the search through all keys finds.
            #expect(try await fixture.client.locks().map(\.name) == ["door", "shop-8"])
            let json = StatsJSON.document(stats).text
            #expect(json.contains(#""locks":2"#))
            #expect(json.contains(#""locks":[{"name":"shop-8","worker":""#))
            let lines = StatsText(stats: stats).lines
            #expect(lines.contains { $0.hasSuffix("  locks 2") })
            let head = try #require(lines.firstIndex { $0.hasPrefix("LOCK ") })
            #expect(lines[head + 1].hasPrefix("shop-8 "))
            #expect(lines[head + 1].contains("  index  default/i1  \(lock.worker)"))
            #expect(lines[head + 2].hasPrefix("door "))

            var many = stats
            many.workers[0].locks = Array(repeating: lock, count: 64)
            many.workers[0].lockCount = 100
            for rows in [24, 40] {
                let lines = StatsText(stats: many, width: 100, rows: rows).lines
                #expect(lines.count <= rows)
                #expect(lines.contains("… \(100 - min(3, rows / 12)) more locks"))
            }
            many.workers[0].state = .lapsed
            #expect(many.lockCount == 0 && many.locks.isEmpty)
        }
    }

    @Test func `every key of a lock is in the documentation`() async throws {
        let fixture = try CommandFixture()
        let text = try await holding(fixture) { StatsJSON.document($0).text }
        let url = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
            .appending(path: "Sources/JobRunner/JobRunner.docc/StatsJSON.md")
        let manual = try String(decoding: Data(contentsOf: url), as: UTF8.self)
        let section = try #require(manual.components(separatedBy: "## An element of `locks`").last)
        let start = try #require(text.range(of: #""locks":[{"#)).upperBound
        let lock = text[start...].prefix { $0 != "}" }
        let keys = lock.matches(of: /"([a-z_]+)":/).map { String($0.output.1) }
        #expect(keys.count == 7)
        #expect(keys.filter { !section.contains("| `\($0)` |") }.isEmpty)
    }

    @Test func `what unique keys did is told of each queue`() async throws {
        let fixture = try CommandFixture()
        for id in ["a", "b", "c"] {
            _ = await fixture.run("enqueue echo --unique=k --id \(id)")
        }
        let stats = try await fixture.client.stats()
        #expect(stats.queues.first?.recent.refused == 2)
        let json = StatsJSON.document(stats).text
        #expect(json.contains(#""unique_refused":2,"unique_replaced":0"#))
        let lines = StatsText(stats: stats).lines
        let head = try #require(lines.first { $0.hasPrefix("QUEUE") }).split(separator: " ")
        let row = try #require(lines.first { $0.hasPrefix("default") }).split(separator: " ")
        #expect(row[try #require(head.firstIndex(of: "REFUSED"))] == "2")
        #expect(row[try #require(head.firstIndex(of: "REPLACED"))] == "0")
        let shown = await fixture.run("queues show default").lines
        #expect(shown.contains("unique     2 refused, 0 replaced in 15m"))
    }
}
