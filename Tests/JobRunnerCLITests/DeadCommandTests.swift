import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner dead", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct DeadCommandTests {
    // MARK: Looking

    @Test func `what is dead is listed newest first, over all queues`() async throws {
        let fixture = try CommandFixture()
        #expect(await fixture.run("dead list").out == "no dead jobs\n")
        try await fixture.bury(id: "1", at: 1000)
        try await fixture.bury(id: "2", at: 3000, queue: "mail")
        try await fixture.bury(id: "3", at: 2000)
        let all = await fixture.run("dead ls -o name")
        #expect(all.exit == .success)
        #expect(all.lines == ["mail/2", "default/3", "default/1"])
        #expect(await fixture.run("dead ls -o name -q mail").lines == ["mail/2"])
        #expect(await fixture.run("dead ls -o name -q other").lines == [])
        let few = await fixture.run("dead ls -o name --limit 2")
        #expect(few.lines == ["mail/2", "default/3"])
        #expect(few.err == "only the newest 2 are listed; see --limit and --all\n")
        let json = await fixture.run("dead list -o jsonl -q mail")
        #expect(
            json.out == #"""
                {"version":1,"handle":"mail/2","queue":"mail","id":"2","job":"a","reason":"failed 1 times, last with E: no","worker":"host-1-a","died_at":"1970-01-01T00:00:03.000Z","attempts":0,"bytes":20}

                """#)
        let table = await fixture.run("dead list -o wide -q mail")
        let heads = table.lines.first?.split(separator: " ").map(String.init)
        #expect(heads == ["JOB", "NAME", "AGE", "TRIED", "BYTES", "WORKER", "REASON"])
        #expect(table.lines.last?.hasPrefix("mail/2  a ") == true)
        #expect(
            table.lines.last?.hasSuffix("0     20  host-1-a  failed 1 times, last with E: no")
                == true)
    }

    @Test func `a list is cut at 100 unless it is asked for more`() async throws {
        let fixture = try CommandFixture()
        for number in 0..<120 { try await fixture.bury(id: "j\(number)", at: 1000 + number) }
        #expect(await fixture.run("dead list -o name").lines.count == 100)
        #expect(await fixture.run("dead list -o name --all").lines.count == 120)
        #expect(await fixture.run("dead list -o name --limit 110").lines.count == 110)
        let json = await fixture.run("dead list -o json --limit 1").out
        #expect(json.hasPrefix(#"{"version":1,"jobs":[{"handle":"default/j119","#))
        #expect(json.hasSuffix(#"}],"more":true}"# + "\n"))
    }

    @Test func `a job is shown with its errors, and nothing in it acts on the terminal`()
        async throws
    {
        let fixture = try CommandFixture()
        let evil = "\u{1B}[2J\u{202E}"
        let job =
            #"{"id":"1","job":"a","args":{"x":"\#(evil)"},"state":{"attempt":2,"errors":[{"type":"E\#(evil)","message":"m","at":1000,"attempt":1,"worker":"w"}]}}"#
        // JSON forbids control characters: this one is not readable.
        try await fixture.bury(job, reason: "no \(evil)")
        let bad = await fixture.run("dead list -o wide")
        #expect(bad.out.unicodeScalars.allSatisfy { $0 == "\n" || Printable.isSafe($0) })
        #expect(bad.out.contains(#"no \u{1B}[2J\u{202E}"#))
        #expect(bad.out.contains("default/1  -  "))
        let raw = await fixture.run("dead show 1")
        #expect(raw.out.unicodeScalars.allSatisfy { $0 == "\n" || Printable.isSafe($0) })
        #expect(raw.out.contains("\nunreadable"))

        try await fixture.bury(job.replacing("\u{1B}", with: #"\u001b"#), queue: "q")
        let table = await fixture.run("dead get q/1")
        #expect(table.exit == .success)
        #expect(table.out.unicodeScalars.allSatisfy { $0 == "\n" || Printable.isSafe($0) })
        #expect(table.lines.contains("attempts  2"))
        #expect(
            table.lines.contains(
                #"error     1970-01-01T00:00:01.000Z attempt 1: E\u{1B}[2J\u{202E}: m"#))
        #expect(table.lines.contains { $0.hasPrefix("content   {\"id\":\"1\",") })
        let json = await fixture.run("dead show q/1 -o json")
        #expect(json.out.unicodeScalars.allSatisfy { $0 == "\n" || Printable.isSafe($0) })
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(json.out.utf8)) as? [String: Any])
        let content = try #require(object["content"] as? [String: Any])
        #expect((content["args"] as? [String: String])?["x"] == evil)
        #expect((object["errors"] as? [[String: Any]])?.first?["message"] as? String == "m")
    }

    @Test func `bytes that are no text are shown in base 64`() async throws {
        let fixture = try CommandFixture()
        try await fixture.bury("not json", reason: "not a JSON object: byte 0 is 'n'")
        let name = try #require(await fixture.run("dead list -o name").lines.first)
        let json = await fixture.run("dead show \(name) -o json")
        #expect(json.out.contains(#""flaw":"not a JSON object: byte 0 is 'n'""#))
        #expect(json.out.contains(#""content_base64":"bm90IGpzb24=""#))
    }

    // MARK: Which

    @Test func `an unknown id, an ambiguous one`() async throws {
        let fixture = try CommandFixture()
        try await fixture.bury(id: "abc")
        try await fixture.bury(id: "abd")
        for command in ["show", "retry", "delete"] {
            let none = await fixture.run("dead \(command) x")
            #expect(none.exit == .no)
            #expect(none.err == "jobrunner: error: no dead job 'x'\n")
            let several = await fixture.run("dead \(command) ab")
            #expect(several.exit == .usage)
            #expect(
                several.err == """
                    jobrunner: error: 'ab' could be default/abc, default/abd
                    Give more of the id, or queue/id.

                    """)
        }
        let evil = await fixture.run(["dead", "retry", "\u{1B}]0;x"])
        #expect(evil.err == #"jobrunner: error: no dead job '\u{1B}]0;x'"# + "\n")
        #expect(try await fixture.dead().count == 2)
        #expect(await fixture.run("dead show abc ab -q default").exit == .usage)
        #expect(await fixture.run("dead show abd -q mail").exit == .no)
    }

    @Test func `a move says which jobs it means`() async throws {
        let fixture = try CommandFixture()
        for command in ["retry", "delete"] {
            let none = await fixture.run("dead \(command)")
            #expect(none.exit == .usage)
            #expect(
                none.err.hasPrefix(
                    "jobrunner: error: which jobs? Name ids, or select with --job, --error, "
                        + "--queue or --all\n"))
            #expect(await fixture.run("dead \(command) x --all").exit == .usage)
            let empty = await fixture.run("dead \(command) --all")
            #expect(empty.exit == .success)
            #expect(empty.out == "0 jobs\n")
        }
    }

    @Test func `it counts first, and asks on a terminal`() async throws {
        let fixture = try CommandFixture()
        for id in ["1", "2"] { try await fixture.bury(id: id) }
        let silent = await fixture.run("dead delete --all")
        #expect(silent.exit == .usage)
        #expect(
            silent.err == """
                jobrunner: error: this would delete 2 dead jobs, and there is no terminal to ask on
                Add --yes to do it.

                """)
        for (answer, exit) in [("n\n", ExitCode.no), ("", .no), ("yesterday\n", .no)] {
            let ran = await fixture.run(
                ["dead", "delete", "--all"], input: try fixture.input(answer), isTerminal: true)
            #expect(ran.exit == exit)
            #expect(ran.err == "delete 2 dead jobs? [y/N] nothing was done\n")
            #expect(try await fixture.dead().count == 2)
        }
        let yes = await fixture.run(
            ["dead", "delete", "--all"], input: try fixture.input("y\n"), isTerminal: true)
        #expect(yes.exit == .success)
        #expect(yes.out == "deleted 2 jobs\n")
        #expect(try await fixture.dead().isEmpty)
    }

    // MARK: Moving

    @Test func `a retried job runs, and the wait for it sees that`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run([
            "enqueue", "echo", #"{"text":"hi"}"#, "--id", "e", "--max-attempts", "1",
        ])
        let failed = try await fixture.working({ builder in
            builder.handle(Echo.self) { _, _ in throw CancellationError() }
        }) { await fixture.run("jobs wait e") }
        #expect(failed.out == "default/e dead\n")
        let retry = await fixture.run("dead retry e")
        #expect(retry.exit == .success)
        #expect(retry.out == "retried 1 job\n")
        let waiting = try await fixture.jobs()
        #expect(waiting.map(\.state.attempt) == [0])
        #expect(waiting.first?.state.errors.count == 1)
        let done = try await fixture.working({ builder in
            builder.handle(Echo.self) { job, _ in job.text }
        }) { await fixture.run("jobs wait e") }
        #expect(done.out == "default/e done\n")
        #expect(try await fixture.dead().isEmpty)
    }

    @Test func `selectors take what they say and leave the rest`() async throws {
        let fixture = try CommandFixture()
        try await fixture.bury(id: "1", job: "mail", reason: "no such host")
        try await fixture.bury(id: "2", job: "mail", reason: "timed out")
        try await fixture.bury(id: "3", job: "scan", reason: "no such host")
        try await fixture.bury(id: "4", job: "mail", reason: "no such host", queue: "q")
        let ran = await fixture.run([
            "dead", "retry", "--job", "mail", "--error", "such host", "-q", "default", "-y", "-o",
            "name",
        ])
        #expect(ran.exit == .success)
        #expect(ran.lines == ["default/1"])
        #expect(try await fixture.jobs().map(\.id?.description) == ["1"])
        #expect(
            await fixture.run("dead list -o name").lines.sorted() == [
                "default/2", "default/3", "q/4",
            ])
        let limited = await fixture.run("dead delete --job mail --limit 1 -y -o json")
        #expect(limited.out == #"{"version":1,"deleted":1,"left":0}"# + "\n")
        #expect(await fixture.run("dead list -o name").lines.count == 2)
    }

    @Test func `what is no job is retried only by force, as it is`() async throws {
        let fixture = try CommandFixture()
        try await fixture.bury("nonsense")
        try await fixture.bury(#"{"id":"x"}"#)
        try await fixture.bury(id: "good")
        let named = await fixture.run("dead retry x")
        #expect(named.exit == .data)
        #expect(
            named.err == """
                jobrunner: error: a job is not readable as one
                Look at it with 'dead show'; --force runs it as it is.

                """)
        let ran = await fixture.run("dead retry --all --yes")
        #expect(ran.exit == .temporary)
        #expect(ran.out == "retried 1 job\n")
        #expect(ran.err == "2 jobs left: not readable as jobs; --force runs them as they are\n")
        #expect(await fixture.run("dead retry --all --yes --force").out == "retried 2 jobs\n")
        #expect(
            try await Set(fixture.ready()) == [
                "nonsense", #"{"id":"x"}"#, #"{"id":"good","job":"a"}"#,
            ])
    }

    @Test func `who dies while it asks is left alone`() async throws {
        let fixture = try CommandFixture()
        try await fixture.bury(id: "1")
        let time = try #require(try await fixture.ask("TIME").array?.first?.integer)
        try await fixture.bury(id: "2", at: (time + 3600) * 1000)
        #expect(await fixture.run("dead delete --all -y").out == "deleted 1 job\n")
        #expect(await fixture.run("dead list -o name").lines == ["default/2"])
    }

    @Test func `ten thousand are retried, each once`() async throws {
        let fixture = try CommandFixture()
        var words = ["ZADD", fixture.key("dead")]
        for number in 0..<10_000 {
            words += ["\(number)", "w/\(number) r\n" + #"{"id":"n\#(number)","job":"a"}"#]
        }
        _ = try await fixture.client.router.connection(for: "").send(Command(words))
        let ran = await fixture.run("dead retry -q default -y")
        #expect(ran.exit == .success)
        #expect(ran.out == "retried 10,000 jobs\n")
        let ids = try await fixture.jobs().compactMap(\.id?.description)
        #expect(ids.count == 10_000)
        #expect(Set(ids).count == 10_000)
        #expect(try await fixture.dead().isEmpty)
    }

    @Test func `a key of another program is a configuration error`() async throws {
        let fixture = try CommandFixture()
        _ = try await fixture.ask("SET", fixture.key("dead"), "x")
        let ran = await fixture.run("dead list -q default")
        #expect(ran.exit == .configuration)
        #expect(ran.err.contains("WRONGTYPE"))
    }
}
