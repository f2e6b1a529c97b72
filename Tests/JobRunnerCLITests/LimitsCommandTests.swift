import Foundation
import JobRunner
import JobRunnerTesting
import Synchronization
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner limits", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct LimitsCommandTests {
    /// Lets a worker tell its limits: `smtp` of two kinds, `places`, and one of its own.
    private func declare(in fixture: CommandFixture) async throws {
        let smtp = RateLimit(10, per: .seconds(1), burst: 20, cost: 20, name: "smtp")
        let options = [
            "mail.send": JobOptions(rateLimit: smtp),
            "mail.bulk": JobOptions(
                rateLimit: smtp, concurrencyLimit: ConcurrencyLimit(4, name: "places")),
            "report": JobOptions(concurrencyLimit: ConcurrencyLimit(2, by: "tenant")),
        ]
        try await fixture.working({ builder in
            for (name, options) in options {
                builder.add(Handler(name: name, options: options) { _, _ in nil })
            }
        }) {
            // It told before it fetched this.
            #expect(await fixture.run("enqueue report --wait").exit == .success)
        }
    }

    @Test func `limits are listed as the code has them`() async throws {
        let fixture = try CommandFixture()
        #expect(await fixture.run("limits list").out == "no limits\n")
        try await declare(in: fixture)
        #expect(await fixture.run("limits ls -o name").lines == ["places", "report", "smtp"])
        let rows = await fixture.run("limits list").lines.map {
            $0.split(separator: " ").map(String.init)
        }
        #expect(rows[0] == ["LIMIT", "RATE", "SLOTS", "RUNNING", "STATE", "JOBS"])
        #expect(rows[1] == ["places", "-", "4", "0", "open", "mail.bulk"])
        #expect(rows[2] == ["report", "-", "2", "-", "open", "report"])
        #expect(
            rows[3] == ["smtp", "10/s", "burst", "20", "-", "-", "open", "mail.bulk,mail.send"])
        let json = await fixture.run("limits list -o json").out
        #expect(
            json.hasPrefix(
                #"{"version":1,"limits":[{"name":"places","jobs":["mail.bulk"],"rate":null,"slots":4,"code_rate":null,"code_slots":4,"closed_until":null,"running":0},"#
            ))
        let stats = StatsJSON.document(try await fixture.client.stats()).text
        #expect(stats.contains(#""limits":[{"name":"places","#))
    }

    @Test func `a limit is set, closed, opened and goes back`() async throws {
        let fixture = try CommandFixture()
        try await declare(in: fixture)
        let set = await fixture.run(["limits", "set", "smtp", "5/s burst 30"])
        #expect(set.exit == .success)
        #expect(set.out == "smtp 5/s burst 30, open\n")
        let row = try #require(await fixture.run("limits list").lines.last)
        #expect(row.contains("5/s burst 30*"))
        let places = await fixture.run("limits set places --slots 9 -o json")
        #expect(places.out.hasPrefix(#"{"version":1,"limit":{"name":"places","jobs":["#))
        #expect(places.out.contains(#","slots":9,"code_rate":null,"code_slots":4,"#))
        #expect(places.out.hasSuffix(#"},"moved":0}"# + "\n"))
        let closed = await fixture.run("limits close smtp --until +10m")
        #expect(closed.out.hasPrefix("smtp 5/s burst 30, closed until 20"))
        #expect(await fixture.run("limits open smtp").out == "smtp 5/s burst 30, open\n")
        #expect(await fixture.run("limits reset smtp").out == "smtp 10/s burst 20, open\n")
        #expect(await fixture.run("limits reset places").out == "places 4 at once, open\n")
        let left = try await fixture.keys().filter { $0.hasSuffix(":rule") }
        #expect(left == [])
    }

    @Test(arguments: [
        ("smtp 0/s", "a rate limit must be 1 to 1000000 in its period, got 0"),
        ("smtp -- -1/s", "a rate limit must be 1 to 1000000 in its period, got -1"),
        ("smtp 10", "rate '10' is not understood: write 1000/h, 10/s burst 20 or 5/10m"),
        ("smtp 10/x", "rate '10/x' is not understood"),
        ("smtp 10/s_burst_0", "the burst of a rate limit must be 1 to 1000000, got 0"),
        ("smtp 10/s_burst_10", "cost 20 can never fit into burst 10"),
        ("smtp --slots 0", "--slots must be a whole number from 1 to 100000, got '0'"),
        ("smtp --slots 2", "limit 'smtp' does not count jobs that run"),
        ("places 1/s", "limit 'places' is not one of a rate"),
        ("smtp", "set it to what? Give a rate, or --slots"),
        ("none 10/s", "there is no limit 'none'"),
        ("a:b 10/s", "<limit> must be a limit's name, or NAME@HOST, got 'a:b'"),
    ])
    func `a limit that cannot be is refused`(words: String, text: String) async throws {
        let fixture = try CommandFixture()
        try await declare(in: fixture)
        let words = words.split(separator: " ").map { String($0).replacing("_", with: " ") }
        let ran = await fixture.run(["limits", "set"] + words)
        #expect(ran.exit == (text.hasPrefix("there is no ") ? .no : .usage))
        #expect(ran.err.contains(text), "\(ran.err)")
        let rules = try await fixture.keys().filter { $0.hasSuffix(":rule") }
        #expect(rules == [])
    }

    @Test(arguments: [
        ("close smtp", "until when? Give --until or --for"),
        ("close smtp --until 2001-01-01T00:00:00Z", "--until must be in the future"),
        ("close smtp --for 1h --until +1h", "--until and --for cannot go together"),
        ("close smtp --for 0s", "--for must be between 1ms and"),
        ("close places --for 1h", "limit 'places' is not one of a rate"),
        ("close none --for 1h", "there is no limit 'none'"),
        ("open none", "there is no limit 'none'"), ("reset none", "there is no limit 'none'"),
    ])
    func `so is a close`(words: String, text: String) async throws {
        let fixture = try CommandFixture()
        try await declare(in: fixture)
        let ran = await fixture.run("limits " + words)
        #expect(ran.exit == (text.hasPrefix("there is no ") ? .no : .usage))
        #expect(ran.err.contains(text), "\(ran.err)")
    }

    @Test func `locks that runs hold are listed`() async throws {
        let fixture = try CommandFixture()
        #expect(await fixture.run("limits locks").out == "no locks held\n")
        let seen = Mutex<[String]>([])
        try await fixture.working({ builder in
            builder.add(
                Handler(name: "index", options: JobOptions()) { _, context in
                    try await context.withLock("index-7") { _ in
                        let texts = [
                            await fixture.run("limits locks").out,
                            await fixture.run("limits locks -o json").out,
                            await fixture.run("limits locks -o name").out,
                        ]
                        seen.withLock { $0 = texts }
                    }
                    return nil
                })
        }) {
            let handle = try await fixture.client.enqueue(name: "index")
            _ = try await fixture.client.waitForOutcome(
                queue: handle.queue, id: handle.id, timeout: .seconds(60))
        }
        let texts = seen.withLock { $0 }
        try #require(texts.count == 3)
        let rows = texts[0].split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        try #require(rows.count == 2 && rows[1].count == 3)
        #expect(rows[0] == ["LOCK", "WORKER", "LAPSES"])
        #expect(rows[1][0] == "index-7")
        #expect(texts[1].hasPrefix(#"{"version":1,"locks":[{"name":"index-7","worker":""#))
        #expect(texts[1].contains(#""worker":"\#(rows[1][1])","until":"20"#))
        #expect(texts[2] == "index-7\n")
        // Let go of on a connection of its own.
        while try await !fixture.client.locks().isEmpty { try await fixture.pass(0.01) }
    }
}
