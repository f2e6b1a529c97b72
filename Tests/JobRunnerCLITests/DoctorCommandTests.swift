import Foundation
import JobRunner
import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner doctor", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct DoctorCommandTests {
    private struct Report: Decodable {
        struct Check: Decodable {
            var check: String
            var verdict: String
            var queue: String?
            var text: String
            var remedy: String?
        }
        var version: Int
        var problems: Int
        var warnings: Int
        var checks: [Check]
        var fixed: [String]

        subscript(name: String) -> Check? { checks.first { $0.check == name } }
    }

    private func report(
        _ fixture: CommandFixture, _ line: String = "doctor"
    ) async throws -> (Report, ExitCode) {
        let ran = await fixture.run(line + " -o json")
        let report = try JSONDecoder().decode(Report.self, from: Data(ran.out.utf8))
        #expect(report.version == 1)
        #expect(report.problems == report.checks.count { $0.verdict == "problem" })
        #expect(report.warnings == report.checks.count { $0.verdict == "warn" })
        return (report, ran.exit)
    }

    @Test func `an empty server has warnings at most, and is exit code 0`() async throws {
        let fixture = try CommandFixture()
        let (report, exit) = try await report(fixture)
        #expect(exit == .success)
        #expect(report.problems == 0)
        #expect(report.fixed == [])
        #expect(report["version"]?.verdict == "ok")
        #expect(report["clock"]?.verdict == "ok")
        #expect(report["login"]?.verdict == "ok")
        #expect(
            report["rights"]?.text
                == "user 'default' may do all that a worker does, and wait for results")
        #expect(report["queues"]?.text == "none was ever used")
        // The servers of tests keep nothing on disk.
        #expect(report["persistence"]?.verdict == "warn")
        #expect(await fixture.run("doctor --strict").exit == .no)
        let table = await fixture.run("doctor")
        #expect(
            table.out.contains("\n                     -> redis-cli CONFIG SET appendonly yes\n"))
        #expect(table.lines.last?.hasPrefix("0 problems, ") == true)
        #expect(await fixture.run("doctor -o name").lines.first == "persistence")
        let lines = await fixture.run("doctor -o jsonl").lines
        #expect(
            lines.first?.hasPrefix(#"{"version":1,"check":"version","verdict":"ok","text":"#)
                == true)
        #expect(try await fixture.keys() == [])
    }

    @Test func `a key of another program is a problem`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue a -q mail")
        _ = try await fixture.ask("SET", fixture.key("parked", of: "mail"), "x")
        let (report, exit) = try await report(fixture)
        #expect(exit == .no)
        #expect(report["keys"]?.queue == "mail")
        #expect(
            report["keys"]?.text
                == "key '\(fixture.key("parked", of: "mail"))' holds a string, not a zset; "
                + "it was not made by jobrunner")
        _ = try await fixture.ask("SET", "\(fixture.prefix):queues-of-others", "x")
        _ = try await fixture.ask("DEL", "\(fixture.prefix):queues")
        _ = try await fixture.ask("SET", "\(fixture.prefix):queues", "x")
        #expect(await fixture.run("doctor").exit == .no)
        #expect(await fixture.run("doctor").out.contains("problem  queues"))
    }

    @Test func `lost jobs are a problem, and given back by --fix`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue a --id 1")
        let job = try #require(try await fixture.ready().first)
        _ = try await fixture.ask("DEL", fixture.key("ready"))
        _ = try await fixture.ask("HSET", fixture.key("active:host-1-gone"), "7", job)
        let (before, bad) = try await report(fixture)
        #expect(bad == .no)
        #expect(before["active"]?.queue == "default")
        #expect(before["active"]?.remedy == "jobrunner doctor --fix")
        #expect(try await fixture.ready() == [])
        let (after, good) = try await report(fixture, "doctor --fix")
        #expect(good == .success)
        #expect(after.fixed == ["gave back 1 job of host-1-gone in 'default'"])
        #expect(after["queues"] == nil)
        #expect(after["waiting"]?.text == "1 job waits, and no worker has this queue")
        #expect(after["waiting"]?.remedy == "start one: jobrunner work -q default")
        #expect(try await fixture.ready() == [job])
        let (again, _) = try await report(fixture, "doctor --fix")
        #expect(again.fixed == [])
    }

    @Test func `parked jobs that nobody knows, dead without end, a name never used`() async throws {
        let fixture = try CommandFixture()
        _ = try await fixture.ask("SADD", "\(fixture.prefix):queues", "default")
        _ = try await fixture.ask("ZADD", fixture.key("parked"), "1", "a@2")
        _ = try await fixture.ask("ZADD", fixture.key("parked:a@2"), "1", #"{"job":"a","v":2}"#)
        var words = ["ZADD", fixture.key("dead")]
        for number in 0..<9000 { words += ["\(number)", "w/\(number) r\n{}"] }
        _ = try await fixture.client.router.connection(for: "").send(Command(words))
        let (report, exit) = try await report(fixture, "doctor -q default -q never")
        #expect(exit == .success)
        #expect(report["parked"]?.text == "1 job of a@2, which no live worker knows")
        #expect(
            report["parked"]?.remedy?.hasSuffix("jobrunner parked discard a@2 -q default") == true)
        #expect(report["dead"]?.text.hasPrefix("9,000 dead: workers keep 10,000 ") == true)
        #expect(report["queues"]?.queue == "never")
        #expect(report["queues"]?.verdict == "warn")
    }

    @Test func `what a user may not do is told, what it may not see is no failure`() async throws {
        let redis = try RedisServer.start(withPort: true)
        defer { redis.stop() }
        let port = try #require(redis.port)
        let admin = try CommandFixture(url: redis.url)
        let users: [[String]] = [
            ["poor", "on", ">p", "~*", "+@all", "-brpoplpush", "-hset"],
            ["blind", "on", ">p", "~*", "+@all", "-acl", "-info", "-time", "-scan"],
            ["none", "on", ">p", "~*", "+@connection", "+ping"],
            ["asks", "on", ">p", "~*", "&*", "+@all", "-client|tracking"],
        ]
        for user in users {
            let command = Command(["ACL", "SETUSER"] + user)
            _ = try await admin.client.router.connection(for: "").send(command)
        }
        func url(_ user: String) -> String { "redis://\(user):p@127.0.0.1:\(port)" }

        let (poor, bad) = try await report(try CommandFixture(url: url("poor")))
        #expect(bad == .no)
        #expect(poor["rights"]?.text == "user 'poor' may not run BRPOPLPUSH, HSET")
        #expect(poor["login"]?.verdict == "ok")

        let (blind, good) = try await report(try CommandFixture(url: url("blind")))
        #expect(good == .success)
        #expect(blind["server"]?.verdict == "skipped")
        #expect(blind["clock"]?.verdict == "skipped")
        #expect(blind["rights"]?.verdict == "skipped")
        #expect(blind.problems == 0)

        let seeing = try CommandFixture(url: url("blind"))
        _ = await seeing.run("enqueue a --id 1")
        let (unseen, still) = try await report(seeing, "doctor -q default")
        #expect(still == .success)
        #expect(unseen["workers"]?.verdict == "skipped")
        #expect(unseen["active"]?.verdict == "skipped")

        let (asks, slow) = try await report(try CommandFixture(url: url("asks")))
        #expect(slow == .success)
        #expect(asks["rights"]?.verdict == "warn")
        #expect(asks["rights"]?.text.hasSuffix("it may not run CLIENT TRACKING") == true)

        let (none, worst) = try await report(try CommandFixture(url: url("none")))
        #expect(worst == .no)
        #expect(none["rights"]?.text == "this user may not run the scripts of a worker")
        let wrong = try CommandFixture(url: "redis://poor:wrong@127.0.0.1:\(port)")
        #expect(await wrong.run("doctor").exit == .permission)
    }

    @Test func `a replica is a problem, and so is eviction`() async throws {
        let redis = try RedisServer.start(arguments: [
            "--replicaof", "127.0.0.1", "1", "--maxmemory", "100mb", "--maxmemory-policy",
            "allkeys-lru",
        ])
        defer { redis.stop() }
        let (report, exit) = try await report(try CommandFixture(url: redis.url))
        #expect(exit == .no)
        #expect(report["role"]?.verdict == "problem")
        #expect(report["eviction"]?.verdict == "problem")
        #expect(report["eviction"]?.remedy == "redis-cli CONFIG SET maxmemory-policy noeviction")
    }

    @Test func `no server is exit code 69`() async throws {
        let fixture = try CommandFixture(url: "unix:///nowhere/redis.sock")
        let ran = await fixture.run("doctor --connect-patience 0s")
        #expect(ran.exit == .unavailable)
        #expect(ran.out == "")
    }
}
