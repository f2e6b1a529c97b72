import FoundationEssentials
import Testing

@testable import JobRunner

@Suite("persistent programs", .timeLimit(.minutes(2)))
struct ProgramPersistentTests {
    @Test func `answers one job after another in the same process`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper("answer(result=[os.getpid(), job['attempt'], args])")
        let first = try #require(await fixture.run(keeper, "{\"n\":\n1}", id: "a").json)
        let second = try #require(await fixture.run(keeper, "", id: "b", attempt: 2).json)
        let pid = try #require(first.dropFirst().split(separator: ",").first)
        #expect(first == #"[\#(pid), 1, {"n": 1}]"#)
        #expect(second == "[\(pid), 2, null]")
        await fixture.runner.shutdown()
        #expect(!processExists(String(pid)))
    }

    @Test func `is told of the job and finds no job in its environment`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper(
            "answer(result=[job, sorted(n for n in os.environ if n.startswith('JOBRUNNER'))])")
        let result = await fixture.run(keeper, #"["\u2028\"",1.10]"#, id: "a\"\n")
        #expect(
            result.json == #"[{"id": "a\"\n", "job": "keeper", "attempt": 1, "queue": "default", "#
                + #""fence": 7, "redelivery": false, "v": 1, "#
                + #""args": ["\u2028\"", 1.1]}, ["JOBRUNNER_JOB"]]"#)
    }

    @Test func `has what it says on standard error logged with its job`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper(
            """
            print(args, file=sys.stderr, flush=True)
            answer()
            """)
        for number in 1...3 { _ = await fixture.run(keeper, "\(number)", id: "job\(number)") }
        var lines = fixture.log.makeAsyncIterator()
        for number in 1...3 {
            let line = await lines.next()
            #expect(line?.text == "\(number)")
            #expect(line?.jobID == "job\(number)")
        }
    }

    @Test func `may print blank lines`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper(
            "print('\\n' * 100000)\nanswer(result=args)\nprint(flush=True)")
        #expect(await fixture.run(keeper, "1").json == "1")
        #expect(await fixture.run(keeper, "2").json == "2")
    }

    @Test func `gives its result through untouched`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper(
            #"print('{"result": [12345678901234567890.10, {}] , "id": "\\u0061"}', flush=True)"#)
        #expect(await fixture.run(keeper, id: "a").json == "[12345678901234567890.10, {}]")
    }

    @Test func `answers with an error and lives on`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper(
            """
            if args == "pid": answer(result=os.getpid())
            else: answer(error="no luck", **args)
            """)
        let pid = await fixture.run(keeper, #""pid""#)
        #expect(await fixture.run(keeper, "{}") == .failed("no luck"))
        #expect(await fixture.run(keeper, #"{"retry":true}"#) == .retry("no luck"))
        #expect(await fixture.run(keeper, #"{"retry":false}"#) == .bury("no luck"))
        #expect(await fixture.run(keeper, #""pid""#) == pid)
    }

    @Test(arguments: [
        ("print('boom', file=sys.stderr); sys.exit(3)", "exited with 3: boom"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "ended by signal 9 (SIGKILL)"),
        ("os.close(1); __import__('time').sleep(1000)", "closed its output without an answer"),
        ("sys.exit(0)", "exited without an answer"),
        ("print('oops', flush=True)", "printed something that is not JSON: oops"),
        ("print('[1]', flush=True)", "printed something that is not an answer: [1]"),
        (#"print('{"result":1}', flush=True)"#, #"answered without an id: {"result":1}"#),
        (#"print('{"id":"b"}', flush=True)"#, #"answered for id "b" instead of "a""#),
        ("print('x' * 2000000, flush=True)", "printed more than 1,048,576 bytes"),
    ])
    func `goes wrong in a job, which has failed, and is started again`(
        fault: String, text: String
    ) async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper(
            """
            if args == "fault":
                \(fault)
            answer(result=os.getpid())
            """)
        let pid = try #require(await fixture.run(keeper, "1", id: "a").json)
        #expect(await fixture.run(keeper, #""fault""#, id: "a") == .failed(text))
        #expect(!processExists(pid))
        let next = try #require(await fixture.run(keeper, "1", id: "a").json)
        #expect(next != pid)
    }

    @Test func `is not given arguments that would forge a line`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper("answer(result=args)")
        let outcome = await fixture.run(keeper, "1}\n{\"id\":\"other\"")
        #expect(outcome == .failed("the arguments are not JSON"))
    }

    @Test func `runs one job at a time in a process and as many processes as needed`()
        async throws
    {
        let fixture = try ProgramFixture(concurrency: 2)
        let fifo = try await fixture.fifo()
        let keeper = try await fixture.keeper(
            """
            if args == "wait":
                print("waiting", file=sys.stderr, flush=True)
                open("\(fifo)").read()
            if args == "release": open("\(fifo)", "w").close()
            answer(result=os.getpid())
            """)
        async let waiting = fixture.run(keeper, #""wait""#, id: "a")
        #expect(await fixture.line() == "waiting")
        let second = await fixture.run(keeper, "1", id: "b")
        #expect(await fixture.run(keeper, "2", id: "c") == second)
        #expect(await fixture.run(keeper, #""release""#, id: "d") == second)
        let first = await waiting
        #expect(first != second)
        // The one that was used last is taken first.
        let next = await fixture.run(keeper, "3", id: "e")
        #expect(next == first || next == second)
    }

    @Test func `is killed with its group when a job is cancelled or too slow`() async throws {
        let fixture = try ProgramFixture(grace: .milliseconds(20))
        let keeper = try await fixture.keeper(
            """
            print(os.getpid(), file=sys.stderr, flush=True)
            if args == "sleep":
                import time
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                time.sleep(1000)
            answer(result=args)
            """)
        let running = Task { await fixture.run(keeper, #""sleep""#) }
        let first = try #require(await fixture.line())
        running.cancel()
        #expect(await running.value == .cancelled)
        #expect(!processExists(first))
        let outcome = await fixture.run(keeper, #""sleep""#, deadline: .milliseconds(200))
        #expect(outcome == .timedOut("ran longer than 0.2 seconds; killed"))
        #expect(await fixture.run(keeper, "1").json == "1")
    }

    @Test func `dies between two jobs and nobody notices`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper(
            """
            answer(result=os.getpid())
            if args == "die":
                signal.alarm(1000)
                os.kill(os.getpid(), signal.SIGKILL)
            """)
        // Its answer may be followed by the next job before it is dead: ask the
        // system, not the clock.
        let pid = try #require(await fixture.run(keeper, #""die""#).json)
        let shell = Program(name: "sh", path: "/bin/sh", isPersistent: false)
        _ = await fixture.run(shell, "while [ -e /proc/\(pid) ]; do :; done\n")
        let next = try #require(await fixture.run(keeper, "1").json)
        #expect(next != pid)
    }

    @Test func `speaks without being asked and is replaced`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.keeper(
            """
            answer(result=os.getpid())
            print(json.dumps({"id": "next", "result": "stale"}), flush=True)
            """)
        let pid = try #require(await fixture.run(keeper, "1").json)
        let line = await fixture.line()
        #expect(line?.hasPrefix("stopped by jobrunner: printed without being asked") == true)
        let shell = Program(name: "sh", path: "/bin/sh", isPersistent: false)
        _ = await fixture.run(shell, "while [ -e /proc/\(pid) ]; do :; done\n")
        #expect(await fixture.run(keeper, "1", id: "next").json != #""stale""#)
    }

    @Test func `sees the end of its input at shutdown and may finish`() async throws {
        let fixture = try ProgramFixture()
        let keeper = try await fixture.python(
            "keeper", persistent: true,
            """
            import json, sys
            for line in sys.stdin:
                print(json.dumps({"id": json.loads(line)["id"]}), flush=True)
            print("goodbye", file=sys.stderr, flush=True)
            """)
        #expect(await fixture.run(keeper).json == "null")
        await fixture.runner.shutdown()
        #expect(await fixture.line() == "goodbye")
    }

    @Test func `ignores the end of its input and TERM and is killed`() async throws {
        let fixture = try ProgramFixture(grace: .milliseconds(20))
        let keeper = try await fixture.python(
            "keeper", persistent: true,
            """
            import json, os, signal, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            job = json.loads(sys.stdin.readline())
            print(json.dumps({"id": job["id"], "result": os.getpid()}), flush=True)
            time.sleep(1000)
            """)
        let pid = try #require(await fixture.run(keeper).json)
        #expect(processExists(pid))
        await fixture.runner.shutdown()
        #expect(!processExists(pid))
    }

    @Test func `is fed a thousand jobs by eight processes`() async throws {
        let fixture = try ProgramFixture(concurrency: 8)
        let keeper = try await fixture.keeper("answer(result=[args, os.getpid()])")
        let results = await withTaskGroup(of: (Int, String).self) { group in
            for number in 0..<1000 {
                group.addTask {
                    (number, await fixture.run(keeper, "\(number)", id: "\(number)").json ?? "none")
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.allSatisfy { $1.hasPrefix("[\($0), ") })
        let pids = Set(results.map { $1.split(separator: " ").last ?? "" })
        #expect(pids.count <= 8)
    }
}
