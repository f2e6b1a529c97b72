import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner jobs", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct JobsCommandTests {
    @Test func `nothing known is exit code 1`() async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run("jobs get never")
        #expect(ran.exit == .no)
        #expect(ran.out == "job       default/never\nstate     unknown or expired\n")
    }

    @Test func `a job that waits is ready, one that was purged is gone`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue echo --id e -q mail")
        let ran = await fixture.run("jobs show mail/e -o json")
        #expect(ran.exit == .success)
        #expect(
            ran.out == """
                {"version":1,"handle":"mail/e","queue":"mail","id":"e","state":"ready",\
                "accepted":true,"cancelled":false,"crashes":0}

                """)
        _ = await fixture.run("queues purge mail --yes")
        let purged = await fixture.run("jobs get mail/e")
        #expect(purged.exit == .success)
        #expect(purged.lines.contains("state     cancelled"))
        #expect(purged.lines.contains("error     Cancelled: purged"))
        _ = await fixture.run("jobs forget mail/e")
        let gone = await fixture.run("jobs get mail/e")
        #expect(gone.lines.contains("state     gone"))
        #expect(gone.lines.contains("place     it ended and that is not kept, or it was purged"))
    }

    @Test func `results are forgotten before they expire`() async throws {
        let fixture = try CommandFixture()
        let lines = try await fixture.working({ builder in
            builder.handle(Echo.self) { job, _ in job.text }
        }) {
            _ = await fixture.run(["enqueue", "echo", #"{"text":""}"#, "--id", "e", "--wait"])
            return [
                await fixture.run("jobs forget e"), await fixture.run("jobs forget e -o jsonl"),
                await fixture.run("jobs get e"),
            ]
        }
        #expect(lines[0].exit == .success)
        #expect(lines[0].out == "default/e forgotten\n")
        #expect(lines[1].exit == .no)
        #expect(
            lines[1].out
                == #"{"version":1,"handle":"default/e","state":"nothing was kept"}"# + "\n")
        #expect(lines[2].lines.contains("state     gone"))
    }

    @Test func `a job that is done shows its value, cut in a table and whole as JSON`()
        async throws
    {
        let fixture = try CommandFixture()
        let text = String(repeating: "é", count: 3000)
        let (table, json) = try await fixture.working({ builder in
            builder.handle(Echo.self) { job, context in
                await context.progress(0.5, "half\u{202E}")
                return job.text
            }
        }) {
            _ = await fixture.run([
                "enqueue", "echo", #"{"text":"\#(text)"}"#, "--id", "e", "--wait",
            ])
            return (await fixture.run("jobs get e"), await fixture.run("jobs get e -o json"))
        }
        #expect(table.exit == .success)
        #expect(table.lines.contains("state     done"))
        #expect(table.lines.contains("attempt   1"))
        #expect(table.lines.contains { $0.hasPrefix("kept      for 3") && $0.hasSuffix("s more") })
        #expect(table.out.contains("… (6,002 bytes; -o json shows all)\n"))
        #expect(table.out.contains(#"progress  50%, half\u{202E}, at 20"#))
        #expect(json.out.contains(#","value":"\#(text)","#))
        #expect(json.out.contains(#""progress":{"fraction":0.5,"message":"half\u202e","at":"20"#))
    }

    @Test func `a job that is dead shows its error`() async throws {
        let fixture = try CommandFixture()
        let (table, json) = try await fixture.working({ builder in
            builder.handle(Broken.self) { (_, _) -> Void in throw JobError.bury("no use") }
        }) {
            _ = await fixture.run("enqueue broken --id b --wait")
            return (await fixture.run("jobs get b"), await fixture.run("jobs get b -o json"))
        }
        #expect(table.exit == .success)
        #expect(table.lines.contains("state     dead"))
        #expect(table.out.contains("no use\n"))
        #expect(json.out.contains(#""state":"dead","#))
        #expect(json.out.contains(#""error":{"type":"#))
    }

    @Test func `crashes and progress are traces of a start`() async throws {
        let fixture = try CommandFixture()
        _ = try await fixture.ask("HSET", fixture.key("crashes"), "p", "2")
        let ran = await fixture.run("jobs get p")
        #expect(ran.exit == .success)
        #expect(
            ran.out == """
                job       default/p
                state     gone
                place     it ended and that is not kept, or it was purged
                crashes   lost with 2 workers

                """)
    }

    @Test func `an outcome that is none of ours is not shown`() async throws {
        let fixture = try CommandFixture()
        _ = try await fixture.ask("SET", fixture.key("result:x"), "\u{1B}[2J")
        #expect(await fixture.run("jobs get x").out.contains("unknown or expired"))
    }

    @Test func `a cancelled job is not started`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue echo --id e")
        let cancel = await fixture.run("jobs cancel e other/f")
        #expect(cancel.exit == .success)
        #expect(cancel.out == "default/e cancelling\nother/f cancelling, if there is such a job\n")
        let score = try await fixture.ask("ZSCORE", fixture.key("cancelled"), "e").text
        let left = try #require(score.flatMap(Double.init))
        let now = try #require(try await fixture.ask("TIME").array?.first?.integer)
        let kept = 30 * 86_400
        #expect((now + kept - 400...now + kept + 1).contains(Int(left) / 1000))
        #expect(await fixture.run("jobs get e").lines.contains("state     cancelling"))
        #expect(
            await fixture.run("jobs cancel e").out == "default/e cancelling since before\n")
        let ran = try await fixture.working({ builder in
            builder.handle(Echo.self) { _, _ in
                Issue.record("it was started")
                return ""
            }
        }) { await fixture.run("jobs wait e") }
        #expect(ran.exit == .no)
        #expect(ran.out == "default/e cancelled\n")
        let again = await fixture.run("jobs cancel e -o jsonl")
        #expect(again.exit == .success)
        #expect(
            again.out == #"{"version":1,"handle":"default/e","state":"already cancelled"}"# + "\n")
    }

    @Test func `a job that ended is not cancelled`() async throws {
        let fixture = try CommandFixture()
        let ran = try await fixture.working({ builder in
            builder.handle(Echo.self) { job, _ in job.text }
        }) {
            _ = await fixture.run(["enqueue", "echo", #"{"text":""}"#, "--id", "e", "--wait"])
            return await fixture.run("jobs cancel e")
        }
        #expect(ran.exit == .no)
        #expect(ran.out == "default/e already done\n")
        #expect(try await fixture.ask("EXISTS", fixture.key("cancelled")) == .integer(0))
    }
}
