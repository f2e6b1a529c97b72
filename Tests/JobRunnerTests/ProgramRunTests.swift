import FoundationEssentials
import Testing

@testable import JobRunner

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

@Suite("one-shot programs", .timeLimit(.minutes(2)))
struct ProgramRunTests {
    @Test func `gets the arguments on standard input and gives its result on standard output`()
        async throws
    {
        let fixture = try ProgramFixture()
        let cat = try await fixture.sh("echo.arguments", "cat\n")
        let outcome = await fixture.run(cat, #"{"user":7,"big":12345678901234567890.10}"#)
        #expect(outcome.json == #"{"user":7,"big":12345678901234567890.10}"#)
    }

    @Test(arguments: [
        "; rm -rf /", "$(touch owned)", "`id`", "-rf", "a\nb\r\n", "' \" \\", "\u{0}",
    ])
    func `passes arguments verbatim and has nothing interpret them`(text: String) async throws {
        let fixture = try ProgramFixture()
        let program = try await fixture.python(
            "hostile",
            """
            import json, sys
            print(json.dumps([sys.argv[1:], sys.stdin.buffer.read().decode()]))
            """)
        let outcome = await fixture.run(program, text)
        let expected = String(decoding: JSONText.quoted(text), as: UTF8.self)
        let result = try #require(outcome.json)
        let (arguments, input) = try JSONDecoder().decode(Pair.self, from: Data(result.utf8)).values
        #expect(arguments == [])
        #expect(input == text, "sent \(expected)")
        #expect(!FileManager.default.fileExists(atPath: "owned"))
    }

    private struct Pair: Decodable {
        let values: ([String], String)

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            values = (try list.decode([String].self), try list.decode(String.self))
        }
    }

    @Test func `prints nothing and the result is null`() async throws {
        let fixture = try ProgramFixture()
        let quiet = try await fixture.sh("quiet", "cat > /dev/null\necho\n")
        #expect(await fixture.run(quiet).json == "null")
    }

    @Test func `prints something that is not JSON and has failed`() async throws {
        let fixture = try ProgramFixture()
        let program = try await fixture.sh("chatty", "echo hello there\n")
        #expect(
            await fixture.run(program)
                == .failed("printed something that is not JSON: hello there"))
    }

    @Test(arguments: [
        (75, ProgramOutcome.retry("exited with 75: the last line")),
        (65, .bury("exited with 65: the last line")),
        (3, .failed("exited with 3: the last line")),
        (127, .failed("exited with 127: the last line")),
    ])
    func `says with its exit status what is to become of the job`(
        status: Int, expected: ProgramOutcome
    ) async throws {
        let fixture = try ProgramFixture()
        let program = try await fixture.sh(
            "status", "echo 1; echo first >&2; echo the last line >&2; echo >&2; exit \(status)\n")
        #expect(await fixture.run(program) == expected)
    }

    @Test func `is killed by a signal and the text names it`() async throws {
        let fixture = try ProgramFixture()
        let program = try await fixture.sh("dies", "kill -9 $$\n")
        #expect(await fixture.run(program) == .failed("ended by signal 9 (SIGKILL)"))
    }

    @Test func `cannot start and the text says why`() async throws {
        let fixture = try ProgramFixture()
        let missing = Program(name: "gone", path: fixture.path + "/gone", isPersistent: false)
        #expect(await fixture.run(missing) == .failed("\(missing.path): not found"))
        let plain = try await fixture.sh("plain", "true\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: plain.path)
        #expect(await fixture.run(plain) == .failed("\(plain.path): not executable"))
        let text = try await fixture.write("text", "echo no interpreter")
        #expect(await fixture.run(text).failure?.contains("not a program") == true)
        let lost = try await fixture.write("lost", "#!/no/such/interpreter\n")
        #expect(await fixture.run(lost).failure?.contains("(#!)") == true)
    }

    @Test func `sees only what is on the list of the environment`() async throws {
        let fixture = try ProgramFixture(
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": "/tmp", "REDIS_URL": "redis://:canary@x",
                "API_KEY": "k", "JOBRUNNER_JOB": "forged",
            ], passing: ["API_KEY", "UNSET"])
        // This process has others, or nothing could leak. None is set here: whoever spawns at the
        // same time reads them.
        let listed: Set = ["PATH", "HOME", "LANG", "TZ"]
        #expect(!listed.isSuperset(of: ProcessInfo.processInfo.environment.keys))
        let program = try await fixture.python(
            "environment", "import json, os\nprint(json.dumps(dict(os.environ)))\n")
        let outcome = await fixture.run(program, id: "01X", attempt: 3, deadline: .seconds(600))
        let result = try #require(outcome.json)
        var seen = try JSONDecoder().decode([String: String].self, from: Data(result.utf8))
        let left = try #require(
            seen.removeValue(forKey: "JOBRUNNER_DEADLINE_MS").flatMap { Int($0) })
        #expect((1...600_000).contains(left))
        // Python may add this one itself when no locale is set (PEP 538).
        seen["LC_CTYPE"] = nil
        #expect(
            seen == [
                "PATH": "/usr/bin:/bin", "HOME": "/tmp", "API_KEY": "k",
                "JOBRUNNER_JOB_ID": "01X", "JOBRUNNER_JOB": "environment",
                "JOBRUNNER_ATTEMPT": "3", "JOBRUNNER_QUEUE": "default", "JOBRUNNER_FENCE": "7",
                "JOBRUNNER_REDELIVERY": "0", "JOBRUNNER_ARGS_VERSION": "1",
            ])
    }

    @Test func `inherits no descriptor, no blocked signal, no process group`() async throws {
        let fixture = try ProgramFixture()
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { ends.forEach { close($0) } }
        let program = try await fixture.python(
            "inherits",
            """
            import json, os, signal
            def isOpen(number):
                try: os.fstat(number); return True
                except OSError: return False
            print(json.dumps([
                [n for n in range(3, 4096) if isOpen(n)],
                [int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
                os.getpgrp() == os.getpid(),
            ]))
            """)
        #expect(await fixture.run(program).json == "[[], [], true]")
    }

    @Test func `prints 100 MB and is killed at the limit`() async throws {
        let fixture = try ProgramFixture()
        let flood = try await fixture.sh("flood", "head -c 100000000 /dev/zero; sleep 1000\n")
        #expect(await fixture.run(flood) == .failed("printed more than 1,048,576 bytes"))
        let much = try await fixture.sh(
            "much", "printf '\"'; head -c 1048574 /dev/zero | tr '\\0' x; printf '\"'\n")
        #expect(await fixture.run(much).json?.utf8.count == 1_048_576)
    }

    @Test func `does not read its input and is none the worse`() async throws {
        let fixture = try ProgramFixture()
        let closes = try await fixture.sh("closes", "exec <&-\necho '\"done\"'\n")
        let large = "\"" + String(repeating: "x", count: 4 << 20) + "\""
        #expect(await fixture.run(closes, large).json == #""done""#)
        let counts = try await fixture.sh("counts", "wc -c\n")
        #expect(await fixture.run(counts, large).json == "\(large.utf8.count)")
    }

    @Test func `has its standard error logged line by line`() async throws {
        let fixture = try ProgramFixture()
        let program = try await fixture.sh(
            "logs",
            """
            echo one >&2
            head -c 10000 /dev/zero | tr '\\0' y >&2
            printf '\\nlast' >&2
            """)
        _ = await fixture.run(program, id: "01L", attempt: 2)
        var lines: [ProgramLogLine] = []
        for await line in fixture.log {
            lines.append(line)
            if lines.count == 3 { break }
        }
        #expect(lines.map(\.text) == ["one", String(repeating: "y", count: 8192), "last"])
        #expect(lines.map(\.isCut) == [false, true, false])
        #expect(lines.allSatisfy { $0.program == "logs" && $0.jobID == "01L" && $0.attempt == 2 })
    }

    @Test func `runs two hundred at a time and leaves none behind`() async throws {
        raiseDescriptorLimit()
        let fixture = try ProgramFixture(concurrency: 200)
        let fifo = try await fixture.fifo()
        let program = try await fixture.sh(
            "waits", "exec 3<>'\(fifo)'\necho ready >&2\nread go <&3\necho $$\n")
        let pids = await withTaskGroup(of: String?.self) { group in
            for number in 0..<200 { group.addTask { await fixture.run(program, "\(number)").json } }
            // All are running before the first may end.
            var ready = 0
            for await _ in fixture.log {
                ready += 1
                if ready == 200 { break }
            }
            // 201st: has to wait for none of them, since it is another runner's.
            let release = Program(name: "sh", path: "/bin/sh", isPersistent: false)
            let other = ProgramRunner(concurrency: 1, environment: ["PATH": "/usr/bin:/bin"]) { _ in
            }
            _ = await other.run(
                release,
                invocation: ProgramInvocation(
                    id: "", job: "sh", attempt: 1, queue: "", fence: 0, deadline: nil,
                    arguments: Array("yes | head -n 200 > '\(fifo)'\n".utf8)))
            return await group.reduce(into: Set<String>()) { $0.insert($1 ?? "none") }
        }
        #expect(pids.count == 200)
        #expect(!pids.contains("none"))
        #expect(pids.filter(processExists) == [])
    }

    /// 200 programs need 800 descriptors; many systems allow 1,024 by default.
    private func raiseDescriptorLimit() {
        var limit = rlimit()
        #if canImport(Darwin)
            let resource = RLIMIT_NOFILE
        #else
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #endif
        getrlimit(resource, &limit)
        limit.rlim_cur = min(max(limit.rlim_cur, 4096), limit.rlim_max)
        setrlimit(resource, &limit)
    }
}
