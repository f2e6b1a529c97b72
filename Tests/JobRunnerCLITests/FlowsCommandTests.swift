import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner flows", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct FlowsCommandTests {
    private let fixture: CommandFixture
    private let handlers = FlowHandlers()

    init() throws { fixture = try CommandFixture() }

    private func working<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        let handlers = handlers
        return try await fixture.working({ handlers.register(on: &$0) }, body)
    }

    private func start(_ text: String, _ words: String...) async throws -> CommandFixture.Ran {
        await fixture.run(["flows", "start", try fixture.file("f.json", text)] + words)
    }

    /// The states of the steps, by `flows show`.
    private func states(_ id: String) async -> [String] {
        let ran = await fixture.run("flows show \(id)")
        guard let blank = ran.out.firstRange(of: "\n\n") else { return [] }
        return ran.out[blank.upperBound...].split(separator: "\n").dropFirst()
            .prefix { !$0.contains(": ") }
            .compactMap { line in
                line.split(separator: " ").map(String.init).first { Self.words.contains($0) }
            }
    }

    private static let words: Set = [
        "waiting", "enqueued", "done", "dead", "expired", "cancelled", "skipped",
    ]

    /// Fails at `plus` while that is broken.
    private static let chain = """
        {"name": "sum", "chain": [
          {"job": "first", "args": {"value": 1}},
          {"job": "plus", "args": {"term": 10}, "input": true, "maxAttempts": 1},
          {"group": [
            {"job": "plus", "args": {"term": 1}, "input": true, "label": "small"},
            {"job": "plus", "args": {"term": 100}, "input": true, "label": "large"}]},
          {"job": "total", "input": true}],
         "onFailure": {"job": "told", "input": true}}
        """

    @Test func `started, waited for, listed and shown`() async throws {
        handlers.mend()
        try await working {
            let ran = try await start(Self.chain, "--id", "s", "--wait=20s")
            #expect(ran.exit == .success && ran.out == "123\n", "\(ran)")
            let again = try await start(Self.chain, "--id", "s", "-o", "json")
            #expect(
                again.out
                    == #"{"version":1,"handle":"default/s","queue":"default","id":"s","#
                    + #""duplicate":true}"# + "\n")
            #expect(again.err.contains("default/s was started before"))
        }
        #expect(handlers.runs.sorted() == ["s.0", "s.1", "s.2", "s.3", "s.5"])
        let list = await fixture.run("flows list")
        #expect(list.lines.count == 2 && list.lines[0].hasPrefix("WORKFLOW"))
        #expect(list.lines[1].hasPrefix("default/s  ") && list.lines[1].contains("  sum   done "))
        #expect(await fixture.run("flows ls -q default -o name").out == "default/s\n")
        let json = await fixture.run("flows list -o json --limit 1").out
        #expect(
            json.hasPrefix(
                #"{"version":1,"workflows":[{"handle":"default/s","queue":"default","id":"s","#
                    + #""name":"sum","state":"done","opened":"20"#))
        let unknown = await fixture.run("flows list -q never")
        #expect(unknown.exit.rawValue == 1 && unknown.err.contains("there is no queue 'never'"))
        #expect(await states("s") == ["done", "done", "done", "done", "done", "done", "skipped"])
        let show = await fixture.run("flows show s -o json").out
        #expect(show.hasPrefix(#"{"version":1,"handle":"default/s","queue":"default","id":"s","#))
        #expect(
            show.contains(
                #"{"step":4,"kind":"group","label":"group","needs":"all","members":[2,3],"#
                    + #""after":[2,3],"state":"done","ended":"20"#))
        #expect(
            show.contains(
                #"{"step":6,"kind":"job","label":"told","job":"told","queue":"default","after":[],"#
                    + #""on_failure_of":5,"state":"skipped"}"#))
    }

    @Test func `a file with a mistake starts nothing`() async throws {
        let ran = try await start(#"{"chain": [{"job": "a"}, {"jbo": "b"}]}"#)
        #expect(ran.exit == .data)
        #expect(ran.err.contains("f.json: chain[1]: one of the keys"))
        let many = Array(repeating: #"{"job": "a"}"#, count: 1001).joined(separator: ",")
        let wide = try await start(#"{"chain": [\#(many)]}"#)
        #expect(wide.exit == .data && wide.err.contains("at most 1,000 steps"))
        let none = await fixture.run("flows start nowhere.json")
        #expect(none.exit == .data && none.err.contains("cannot read 'nowhere.json'"))
        let id = try await start(#"{"job": "a"}"#, "--id", String(repeating: "x", count: 31))
        #expect(id.exit == .data && id.err.contains("at most 30 characters"))
        #expect(try await fixture.keys() == [])
    }

    @Test func `what is not there is exit code 1`() async throws {
        for line in ["flows show never", "flows retry never", "flows cancel never -y"] {
            let ran = await fixture.run(line)
            #expect(ran.exit == .no)
            #expect(ran.err == "jobrunner: error: workflow default/never is unknown or expired\n")
        }
        #expect(await fixture.run("flows list").out == "no workflows\n")
        let ran = try await start(#"{"job": "a"}"#, "--id", "old")
        #expect(ran.out == "default/old\n")
        _ = try await fixture.ask("DEL", fixture.key("flow:old"))
        #expect(await fixture.run("flows show old").exit == .no)
        #expect(await fixture.run("flows list").out == "no workflows\n")
        let both = await fixture.run("flows show old --format dot -o json")
        #expect(both.exit == .usage && both.err.contains("--format cannot go with"))
    }

    @Test func `one that waits is shown in every format`() async throws {
        let input = try fixture.input(Self.chain)
        let ran = await fixture.run("flows start - --id w --name other -q home", input: input)
        #expect(ran.out == "home/w\n")
        #expect(await states("home/w") == ["enqueued"] + Array(repeating: "waiting", count: 6))
        let tree = await fixture.run("flows show home/w")
        #expect(
            tree.lines.prefix(3) == ["workflow  home/w", "name      other", "state     running"])
        #expect(await fixture.run("flows show home/w -o name").out == "home/w\n")
        let dot = await fixture.run("flows show home/w --format dot")
        #expect(dot.lines.first == #"digraph "other" {"# && dot.lines.last == "}")
        let mermaid = await fixture.run("flows show home/w --format mermaid")
        #expect(mermaid.lines.first == "flowchart TD")
        let timed = await fixture.run("flows start \(fixture.directory)/none -w 0s")
        #expect(timed.exit == .data)
        let late = try await start(#"{"job": "a"}"#, "--id", "l", "--wait", "0s")
        #expect(late.exit == .temporary)
        #expect(late.err.contains("workflow default/l had no result after 0s"))
        #expect(late.err.contains("flows show default/l"))
    }

    @Test func `a failed one goes on where it stopped`() async throws {
        try await working {
            let ran = try await start(Self.chain, "--id", "f", "--wait")
            #expect(ran.exit == .no && ran.out == "")
            #expect(
                ran.err.contains("workflow default/f failed with NoSuchHost: no such host"))
            await handlers.ran(3)
            let shown = await fixture.run("flows show f")
            #expect(shown.lines.contains("state     dead"))
            #expect(shown.lines.last == "1 plus: NoSuchHost: no such host")
            handlers.mend()
            let retried = await fixture.run("flows retry f")
            #expect(retried.out == "default/f goes on\n" && retried.exit == .success)
            let waited = await fixture.run("jobs wait f --result")
            #expect(waited.out == "123\n", "\(waited)")
            #expect(
                await states("f") == ["done", "done", "done", "done", "done", "done", "skipped"])
            #expect(await fixture.run("flows show f").lines.contains("state     done, round 2"))
            let again = await fixture.run("flows retry f")
            #expect(again.exit == .no)
            #expect(again.err.contains("workflow default/f is done: there is nothing to retry"))
        }
        #expect(handlers.runs.prefix(3) == ["f.0", "f.1", "f.6"])
        #expect(Set(handlers.runs.dropFirst(3)) == ["f.1.r2", "f.2.r2", "f.3.r2", "f.5.r2"])
        #expect(handlers.runs.count == 7)
    }

    /// With priorities, steps are told of before their acks; else with them.
    @Test(arguments: [0, 1])
    func `a cancelled one stops, and goes on when it is retried`(priority: Int) async throws {
        let text = """
            {"chain": [{"group": [{"job": "first", "args": {"value": 2}, "priority": \(priority)},
                                  {"job": "held"}]},
                       {"job": "total", "input": true}]}
            """
        try await working {
            _ = try await start(text, "--id", "c")
            await handlers.ran(2)
            let asked = await fixture.run("flows cancel c")
            #expect(asked.exit == .usage && asked.err.contains("this would cancel 1 workflow"))
            let ran = await fixture.run("flows cancel c -y --reason enough")
            #expect(ran.exit == .success && ran.out == "default/c cancelled\n")
            let waited = await fixture.run("jobs wait c")
            #expect(waited.exit == .no && waited.out == "default/c cancelled\n")
            #expect(waited.err.contains("was cancelled: enough"))
            handlers.letGo()
            // The run of the round before may still be about to stop: it does not count.
            let retried = await fixture.run("flows retry c -o json")
            #expect(
                retried.out == #"{"version":1,"handle":"default/c","state":"goes on"}"# + "\n")
            #expect(await fixture.run("jobs wait c --result").out == "7\n")
            let late = await fixture.run("flows cancel c -y")
            #expect(late.exit == .no && late.out == "default/c already done\n")
        }
        #expect(handlers.runs.filter { $0.hasPrefix("c.1") } == ["c.1", "c.1.r2"])
        #expect(handlers.runs.count { $0.hasPrefix("c.0") } == 1)
    }

    @Test func `a retry whose caller died is finished by another`() async throws {
        _ = try await start(#"{"chain": [{"job": "first"}, {"job": "total"}]}"#, "--id", "d")
        _ = await fixture.run("flows cancel d -y")
        _ = try await fixture.ask("DEL", fixture.key("ready"))
        #expect(await fixture.run("flows retry d").out == "default/d goes on\n")
        #expect(try await fixture.jobs().map { $0.id?.description } == ["d.0.r2"])
        // As if it had died before it enqueued anything.
        _ = try await fixture.ask("DEL", fixture.key("ready"), fixture.key("seen:d.0.r2"))
        for _ in 0..<2 {
            #expect(await fixture.run("flows retry d").out == "default/d is going on already\n")
            #expect(try await fixture.jobs().map { $0.id?.description } == ["d.0.r2"])
        }
        let life = try await fixture.ask("PTTL", fixture.key("flow:d")).integer
        #expect(try #require(life) > 29 * 86_400_000)
    }

    @Test func `what is running is found among many, and 'jobs' knows that it is a workflow`()
        async throws
    {
        let file = try fixture.file("f.json", #"{"chain": [{"job": "first"}]}"#)
        for id in ["a", "b", "c"] { _ = await fixture.run("flows start \(file) --id \(id)") }
        #expect(await fixture.run("flows cancel b -y").exit == .success)
        let running = await fixture.run("flows list --state running -o name").out
        #expect(running == "default/c\ndefault/a\n")
        let both = await fixture.run("flows list --state cancelled --state running -o name -n 2")
        #expect(both.out == "default/c\ndefault/b\n")
        #expect(await fixture.run("flows list --state going").exit == .usage)

        let got = await fixture.run("jobs get a")
        #expect(got.exit == .no && got.err.contains("default/a is a workflow, and running"))
        let waited = await fixture.run("jobs wait a -t 0s")
        #expect(waited.out == "default/a running\n")
        let cancelled = await fixture.run("jobs cancel a")
        #expect(cancelled.exit == .usage && cancelled.err.contains("flows cancel default/a"))
        #expect(await fixture.run("flows list --state running -o name").out == running)
    }

    @Test func `a start that is not waited for long enough says how it stands`() async throws {
        let ran = try await start(#"{"chain": [{"job": "first"}]}"#, "--id", "s", "--wait=0s")
        #expect(ran.exit == .temporary && ran.err.contains("It goes on"))
        #expect(await fixture.run("flows cancel s -y").exit == .success)
        _ = await fixture.run("jobs forget s")
        let again = try await start(#"{"chain": [{"job": "first"}]}"#, "--id", "s", "--wait=0s")
        #expect(again.exit == .temporary && again.err.contains("It has ended"))
        let other = try await start(#"{"chain": [{"job": "other"}]}"#, "--id", "s")
        #expect(
            other.exit == .data && other.err.contains("another workflow under the id default/s"))
    }
}
