import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner parked", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct ParkedCommandTests {
    /// Parks jobs as a worker does, from a minute ago on.
    private func park(
        _ count: Int, _ kind: String, in fixture: CommandFixture, queue: String = "default"
    ) async throws {
        let seconds = try #require(try await fixture.ask("TIME").array?.first?.integer)
        let since = (seconds - 60) * 1000
        _ = try await fixture.ask("SADD", "\(fixture.prefix):queues", queue)
        _ = try await fixture.ask("ZADD", fixture.key("parked", of: queue), "\(since)", kind)
        let name = kind.prefix { $0 != "@" }
        let id = kind.replacing("@", with: "-")
        var words = ["ZADD", fixture.key("parked:\(kind)", of: queue)]
        for number in 0..<count {
            words += ["\(since + number)", #"{"id":"\#(id)-\#(number)","job":"\#(name)"}"#]
        }
        _ = try await fixture.client.router.connection(for: "").send(Command(words))
    }

    @Test func `kinds are listed with their number, age, and who could run them`() async throws {
        let fixture = try CommandFixture()
        #expect(await fixture.run("parked list").out == "no parked jobs\n")
        try await park(3, "report@2", in: fixture)
        try await park(1, "echo@1", in: fixture, queue: "mail")
        #expect(
            await fixture.run("parked ls -o name").lines == ["default/report@2", "mail/echo@1"])
        #expect(await fixture.run("parked ls -o name -q mail").lines == ["mail/echo@1"])
        let json = await fixture.run("parked list -o json -q default")
        #expect(
            json.out.hasPrefix(
                #"{"version":1,"parked":[{"queue":"default","job":"report","job_version":2,"count":3,"since":"20"#
            ))
        #expect(json.out.hasSuffix(#"Z","workers":[]}]}"# + "\n"))
        let table = await fixture.run("parked list -q default")
        #expect(
            table.lines.first?.split(separator: " ") == [
                "QUEUE", "KIND", "JOBS", "OLDEST", "WORKERS",
            ])
        let row = table.lines.last?.split(separator: " ") ?? []
        #expect(row.prefix(3) == ["default", "report@2", "3"])
        #expect(row.dropFirst(3).first?.hasPrefix("1m") == true)
        #expect(row.last == "0")
    }

    @Test func `a live worker of the queue could run what its handlers take`() async throws {
        let fixture = try CommandFixture()
        let id = "host-1-abc"
        // As its heartbeat leaves it, before it has taken anything.
        let now = try #require(try await fixture.ask("TIME").array?.first?.integer) * 1000
        _ = try await fixture.ask("HSET", fixture.key("meta"), "lease", "30000")
        _ = try await fixture.ask("ZADD", fixture.key("workers"), "\(now + 1_000_000)", id)
        let info =
            #"{"v":1,"id":"\#(id)","host":"host","pid":1,"version":"1","started":0,"state":"working","queues":["default"],"handlers":["any","old"],"versions":{"old":1},"slots":1,"busy":0,"buffered":0,"rss":0,"running":[]}"#
        _ = try await fixture.ask("SET", "\(fixture.prefix):worker:\(id)", info, "PX", "600000")
        for kind in ["any@9", "old@1", "old@2", "other@1"] { try await park(1, kind, in: fixture) }
        let lines = await fixture.run("parked list -o jsonl").lines
        let able = lines.filter { $0.hasSuffix(#","workers":["host-1-abc"]}"#) }
        #expect(lines.count == 4)
        #expect(able.count == 2)
        #expect(able.first?.contains(#""job":"any","job_version":9"#) == true)
        #expect(able.last?.contains(#""job":"old","job_version":1"#) == true)
    }

    @Test func `a worker says which versions it takes`() async throws {
        let fixture = try CommandFixture()
        try await fixture.working({ builder in
            builder.handle(Echo.self) { job, _ in job.text }
        }) {
            _ = await fixture.run(["enqueue", "echo", #"{"text":""}"#, "--wait"])
            let workers = try await fixture.client.stats().workers
            #expect(workers.map(\.versions) == [["echo": 1]])
            #expect(workers.first?.knows(JobKind("echo", version: 1)) == true)
            #expect(workers.first?.knows(JobKind("echo", version: 2)) == false)
            #expect(workers.first?.knows(JobKind("other", version: 1)) == false)
        }
    }

    @Test func `a release makes them ready, each once`() async throws {
        let fixture = try CommandFixture()
        try await park(2500, "a@1", in: fixture)
        try await park(1, "b@1", in: fixture)
        let ran = await fixture.run("parked release a@1 --yes")
        #expect(ran.exit == .success)
        #expect(ran.out == "released 2,500 jobs\n")
        let ids = try await fixture.jobs().compactMap(\.id?.description)
        #expect(ids.count == 2500)
        #expect(Set(ids).count == 2500)
        #expect(await fixture.run("parked list -o name").lines == ["default/b@1"])
    }

    @Test func `a discard takes the kinds that are named, after asking`() async throws {
        let fixture = try CommandFixture()
        for kind in ["a@1", "a@2", "b@1"] { try await park(2, kind, in: fixture) }
        try await park(1, "a@1", in: fixture, queue: "q")
        let silent = await fixture.run("parked discard a -q default")
        #expect(silent.exit == .usage)
        #expect(
            silent.err.hasPrefix(
                "jobrunner: error: this would discard 4 parked jobs, and there is no terminal"))
        let no = await fixture.run(
            ["parked", "discard", "a"], input: try fixture.input("no\n"), isTerminal: true)
        #expect(no.exit == .no)
        #expect(no.err == "discard 5 parked jobs? [y/N] nothing was done\n")
        let yes = await fixture.run(
            ["parked", "discard", "a", "-q", "default"], input: try fixture.input("y\n"),
            isTerminal: true)
        #expect(yes.out == "discarded 4 jobs\n")
        #expect(await fixture.run("parked list -o name").lines == ["default/b@1", "q/a@1"])
        #expect(try await fixture.ready().isEmpty)
        let all = await fixture.run("parked discard --all -y -o json")
        #expect(all.out == #"{"version":1,"discarded":3}"# + "\n")
        #expect(await fixture.run("parked discard --all").out == "0 jobs\n")
    }

    @Test func `a kind that is not parked, or none at all`() async throws {
        let fixture = try CommandFixture()
        try await park(1, "a@1", in: fixture)
        let unknown = await fixture.run("parked discard a@2")
        #expect(unknown.exit == .no)
        #expect(unknown.err == "jobrunner: error: no parked jobs of 'a@2'\n")
        for line in ["parked discard", "parked release", "parked release a --all"] {
            #expect(await fixture.run(line).exit == .usage)
        }
    }

    @Test func `stats counts what is parked`() async throws {
        let fixture = try CommandFixture()
        try await park(3, "a@1", in: fixture)
        try await park(2, "b@1", in: fixture)
        try await park(1, "a@1", in: fixture, queue: "q")
        let stats = try await fixture.client.stats()
        #expect(stats.queues.map(\.parked) == [5, 1])
        #expect(stats.queues.map(\.isKnown) == [true, true])
        let json = StatsJSON.document(stats).text
        #expect(json.contains(#""dead":0,"parked":6,"#))
        #expect(json.contains(#""dead":0,"parked":5,"blocked":0,"in_per_s""#))
        let lines = StatsText(stats: stats).lines
        let head = try #require(lines.first { $0.hasPrefix("QUEUE") }).split(separator: " ")
        let row = try #require(lines.first { $0.hasPrefix("default") }).split(separator: " ")
        let column = try #require(head.firstIndex(of: "PARKED"))
        #expect(row[column] == "5")
    }
}
