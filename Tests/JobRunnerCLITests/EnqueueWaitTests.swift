import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("Waiting for jobs", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct EnqueueWaitTests {
    @Sendable private static func register(_ builder: inout WorkerBuilder) {
        builder.handle(Echo.self) { job, _ in job.text }
        builder.handle(Broken.self) { (_, _) -> Void in throw JobError.bury("no \u{1B}[2J use") }
    }

    @Test func `enqueue with --wait prints the result alone`() async throws {
        let fixture = try CommandFixture()
        let ran = try await fixture.working(Self.register) {
            await fixture.run(["enqueue", "echo", #"{"text":"é\u001b[2J"}"#, "--wait"])
        }
        #expect(ran.exit == .success)
        #expect(ran.out.contains("é"))
        #expect(ran.out.lowercased() == "\"é\\u001b[2j\"\n")
        #expect(ran.err == "")
    }

    @Test func `a delay is waited for before the timeout begins`() async throws {
        let fixture = try CommandFixture()
        let ran = try await fixture.working(Self.register) {
            await fixture.run([
                "enqueue", "echo", #"{"text":"late"}"#, "--in", "100ms", "--wait", "-o", "json",
            ])
        }
        #expect(ran.exit == .success)
        #expect(ran.out.contains(#","state":"done","attempt":1,"started":"20"#))
        #expect(ran.out.hasSuffix(#","value":"late"}"# + "\n"))
    }

    @Test func `a job that failed is exit code 1 and its reason`() async throws {
        let fixture = try CommandFixture()
        let ran = try await fixture.working(Self.register) {
            await fixture.run("enqueue broken --id b --wait")
        }
        #expect(ran.exit == .no)
        #expect(ran.out == "")
        #expect(ran.err.hasPrefix("jobrunner: error: job default/b failed with "))
        #expect(ran.err.contains(#"no \u{1B}[2J use"#))
        #expect(!ran.err.contains("\u{1B}"))
    }

    @Test func `a job that does not end in time is exit code 75`() async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run("enqueue echo --id slow --wait --timeout 20ms")
        #expect(ran.exit == .temporary)
        #expect(ran.out == "")
        #expect(
            ran.err == """
                jobrunner: error: job default/slow had no result after 20ms
                It may still run: wait longer with --timeout, or look with 'jobrunner jobs get'.

                """)
    }

    @Test func `jobs wait prints a state for each, and 1 when one is not done`() async throws {
        let fixture = try CommandFixture()
        let (all, good) = try await fixture.working(Self.register) {
            _ = await fixture.run(["enqueue", "echo", #"{"text":"x"}"#, "--id", "e"])
            _ = await fixture.run("enqueue broken --id b")
            return (
                await fixture.run("jobs wait e default/b"), await fixture.run("jobs wait e")
            )
        }
        #expect(all.exit == .no)
        #expect(all.lines.sorted() == ["default/b dead", "default/e done"])
        #expect(all.err.hasPrefix("job default/b failed with "))
        #expect(good.exit == .success)
        #expect(good.out == "default/e done\n")
    }

    @Test func `jobs wait prints results in the order of the jobs`() async throws {
        let fixture = try CommandFixture()
        let (plain, json, lines) = try await fixture.working(Self.register) {
            for text in ["a", "b", "c"] {
                let arguments = #"{"text":"\#(text)"}"#
                _ = await fixture.run(["enqueue", "echo", arguments, "--id", text])
            }
            return (
                await fixture.run("jobs wait c a b --result"),
                await fixture.run("jobs wait b -o json"),
                await fixture.run("jobs wait a b -o jsonl")
            )
        }
        #expect(plain.exit == .success)
        #expect(plain.lines == [#""c""#, #""a""#, #""b""#])
        #expect(json.out.hasPrefix(#"{"version":1,"jobs":[{"handle":"default/b","state":"done","#))
        #expect(json.out.hasSuffix(#","value":"b"}]}"# + "\n"))
        #expect(lines.lines.allSatisfy { $0.hasPrefix(#"{"version":1,"handle":"default/"#) })
        #expect(lines.lines.count == 2)
    }

    @Test func `jobs wait --any is content with one`() async throws {
        let fixture = try CommandFixture()
        let ran = try await fixture.working(Self.register) {
            _ = await fixture.run(["enqueue", "echo", #"{"text":"x"}"#, "--id", "e"])
            return await fixture.run("jobs wait never e --any --result")
        }
        #expect(ran.exit == .success)
        #expect(ran.out == "\"x\"\n")
    }

    @Test func `when the time is up, what is known of the others is told`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue echo --id waits")
        let ran = await fixture.run("jobs wait waits never -t 0s")
        #expect(ran.exit == .temporary)
        #expect(ran.out == "default/waits ready\ndefault/never unknown or expired\n")
        #expect(ran.err.hasPrefix("jobrunner: error: 2 of 2 jobs had no result after 0s\n"))
    }

    @Test func `a failure weighs more than the time`() async throws {
        let fixture = try CommandFixture()
        let ran = try await fixture.working(Self.register) {
            _ = await fixture.run("enqueue broken --id b --wait")
            return await fixture.run("jobs wait b never -t 20ms")
        }
        #expect(ran.exit == .no)
        #expect(ran.out == "default/b dead\ndefault/never unknown or expired\n")
    }

    @Test(arguments: ["jobs wait a:b", "jobs get x/", "jobs cancel /x", "jobs get a/b/c"])
    func `a malformed id is refused`(line: String) async throws {
        let ran = await (try CommandFixture()).run(line)
        #expect(ran.exit == .usage)
        #expect(
            ran.err.hasPrefix(
                "jobrunner: error: <id> must be queue/id or id, each of 1 to 64 of A-Z"))
    }
}
