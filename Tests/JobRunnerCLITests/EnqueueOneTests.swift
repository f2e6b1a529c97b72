import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner enqueue", .enabled(if: RedisServer.isAvailable))
struct EnqueueOneTests {
    @Test func `a job is enqueued and its handle printed`() async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run(["enqueue", "mail.send", #"{"to":"a b"}"#, "-q", "mail"])
        #expect(ran.exit == .success)
        #expect(ran.err == "")
        let job = try #require(try await fixture.jobs("mail").first)
        #expect(ran.out == "mail/\(try #require(job.id))\n")
        #expect(job.job == "mail.send")
        #expect(job.queue?.description == "mail")
        #expect(String(decoding: job.argumentsData, as: UTF8.self) == #"{"to":"a b"}"#)
    }

    @Test func `without options the handler decides`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue mail.send")
        let json = try #require(try await fixture.ready().first)
        for key in ["args", "maxAttempts", "timeLimit", "resultTTL"] {
            #expect(!json.contains(key))
        }
    }

    @Test func `an option that equals a default is written all the same`() async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run(
            "enqueue mail.send --max-attempts 10 --time-limit 2m --keep-result 1h")
        #expect(ran.exit == .success)
        let job = try #require(try await fixture.jobs().first)
        #expect(job.maxAttempts == 10)
        #expect(job.timeLimit == 120_000)
        #expect(job.resultTTL == 3_600_000)
    }

    @Test func `a result may be kept not at all`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue mail.send --keep-result 0s")
        #expect(try await fixture.jobs().first?.resultTTL == 0)
    }

    @Test func `the same id is accepted once, and the second time is success`() async throws {
        let fixture = try CommandFixture()
        let first = await fixture.run("enqueue mail.send --id order-7")
        #expect(first.exit == .success)
        #expect(first.err == "")
        let second = await fixture.run("enqueue mail.send --id order-7")
        #expect(second.exit == .success)
        #expect(second.out == "default/order-7\n")
        #expect(second.err == "default/order-7 was enqueued before: nothing was enqueued now\n")
        #expect(try await fixture.ready().count == 1)
    }

    @Test func `as JSON the handle is an object with a version`() async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run("enqueue mail.send --id a -o json")
        #expect(
            ran.out == """
                {"version":1,"handle":"default/a","queue":"default","id":"a","duplicate":false}

                """)
    }

    @Test(arguments: [["--in", "1h"], ["--at", "+60m"]])
    func `a job for later is scheduled by the server's clock`(options: [String]) async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run(["enqueue", "mail.send"] + options)
        #expect(ran.exit == .success)
        #expect(try await fixture.ready() == [])
        let key = fixture.key("scheduled")
        let found = try await fixture.ask("ZRANGE", key, "0", "-1", "WITHSCORES").array ?? []
        let due = try #require(found.last?.integer)
        let now = try #require(try await fixture.ask("TIME").array?.first?.integer)
        #expect((now * 1000 + 3_500_000...now * 1000 + 3_601_000).contains(due))
    }

    @Test func `a time is taken as it stands`() async throws {
        let fixture = try CommandFixture()
        let time = WallClock.milliseconds() / 1000 * 1000 + 86_400_000
        let text = RFC3339.format(milliseconds: time)
        #expect(await fixture.run("enqueue mail.send --at \(text)").exit == .success)
        let found = try await fixture.ask(
            "ZRANGE", fixture.key("scheduled"), "0", "-1", "WITHSCORES")
        #expect(found.array?.last?.integer == time)
    }

    @Test func `a time that is past is now, and is told`() async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run("enqueue mail.send --at 2020-01-01T01:00:00+01:00")
        #expect(ran.exit == .success)
        #expect(ran.err == "2020-01-01T00:00:00.000Z is past: starting now\n")
        #expect(try await fixture.ready().count == 1)
    }

    @Test func `arguments come from standard input or a file, without white space around`()
        async throws
    {
        let fixture = try CommandFixture()
        let input = try fixture.input(" {\"n\": 1}\n")
        #expect(await fixture.run("enqueue mail.send -", input: input).exit == .success)
        let path = try fixture.file("args.json", "[2]\r\n")
        #expect(await fixture.run("enqueue mail.send @\(path)").exit == .success)
        let arguments = try await fixture.jobs().map {
            String(decoding: $0.argumentsData, as: UTF8.self)
        }
        #expect(arguments == [#"{"n": 1}"#, "[2]"])
    }

    @Test(arguments: [
        ("{", "JSON ends inside an object at byte 1"),
        (#"{"a":"b"#, "JSON ends inside a string at byte 7"),
        ("{}x", "trailing bytes after the object at byte 2"),
        ("nul", "JSON ends inside a word at byte 3"),
        (#"{"a":01}"#, "JSON is not valid: byte 6 is '1', expected no digit after a leading 0"),
        (
            String(repeating: "[", count: 40),
            "JSON is nested deeper than 32 levels at byte 31"
        ),
    ])
    func `bad JSON is refused with its place, and nothing is sent`(
        json: String, reason: String
    ) async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run(["enqueue", "mail.send", json])
        #expect(ran.exit == .data)
        #expect(ran.out == "")
        #expect(ran.err == "jobrunner: error: the arguments of 'mail.send': \(reason)\n")
        #expect(try await fixture.keys() == [])
    }

    @Test func `what is too large is refused, from a file after a byte too many`() async throws {
        let fixture = try CommandFixture()
        let text = "\"" + String(repeating: "x", count: 70_111) + "\""
        let inline = await fixture.run(["enqueue", "mail.send", text])
        #expect(inline.exit == .data)
        let reason = "job is 70,113 bytes; the limit is 65,536"
        #expect(inline.err == "jobrunner: error: the arguments of 'mail.send': \(reason)\n")
        let piped = await fixture.run("enqueue mail.send -", input: try fixture.input(text))
        #expect(piped.exit == .data)
        #expect(
            piped.err
                == "jobrunner: error: stdin has more than the 65,536 bytes that a job may have\n")
        #expect(try await fixture.keys() == [])
        let larger = await fixture.run(
            ["enqueue", "mail.send", "-", "--max-job-size", "128KiB"],
            input: try fixture.input(text))
        #expect(larger.exit == .success)
    }

    @Test func `the limit is that of the whole job`() async throws {
        let fixture = try CommandFixture()
        let text = "\"" + String(repeating: "x", count: 65_500) + "\""
        let ran = await fixture.run(["enqueue", "mail.send", text])
        #expect(ran.exit == .data)
        #expect(ran.err.hasPrefix("jobrunner: error: job is 65,6"))
        #expect(ran.err.hasSuffix(" bytes; the limit is 65,536\n"))
        #expect(try await fixture.keys() == [])
    }

    @Test(arguments: [
        ("enqueue", "argument <name> is missing", 64),
        ("enqueue a:b", "<name> must be 1 to 64 of A-Z a-z 0-9 . _ -, got 'a:b'", 64),
        ("enqueue m --queue x/y", "--queue must be 1 to 64 of A-Z a-z 0-9 . _ -, got 'x/y'", 64),
        ("enqueue m --id {x}", "--id must be 1 to 64 of A-Z a-z 0-9 . _ -, got '{x}'", 64),
        ("enqueue m --in 1s --at +1s", "--in and --at cannot go together", 64),
        ("enqueue m --in 4000d", "--in must be between 0s and 3650d, got '4000d'", 64),
        (
            "enqueue m --in 5",
            "--in must be a duration with its unit (ms, s, m, h, d) between 0s and 3650d, got '5'",
            64
        ),
        (
            "enqueue m --at 2026-02-30T00:00:00Z",
            "--at must be a time such as 2026-01-31T12:30:00Z or +10m, got '2026-02-30T00:00:00Z'",
            64
        ),
        (
            "enqueue m --at 9999-01-01T00:00:00Z",
            "--at must be within 10 years, got '9999-01-01T00:00:00Z'", 64
        ),
        ("enqueue m --at +4000d", "--at must be within 10 years, got '+4000d'", 64),
        (
            "enqueue m --max-attempts 0",
            "--max-attempts must be a whole number from 1 to 1000, got '0'", 64
        ),
        (
            "enqueue m --time-limit 0s", "--time-limit must be between 1ms and 30d, got '0s'", 64
        ),
        (
            "enqueue m --keep-result 500ms",
            "--keep-result must be 0s, or between 1s and 30d, got '500ms'", 64
        ),
        ("enqueue m --timeout 3s", "--timeout needs --wait", 64),
        (
            "enqueue m --wait --keep-result 0s",
            "--wait needs a result: --keep-result must not be 0s", 64
        ),
        ("enqueue m --skip 3", "--skip needs --ndjson", 64),
        ("enqueue m --skip-bad", "--skip-bad needs --ndjson", 64),
        ("enqueue m --print-ids", "--print-ids needs --ndjson", 64),
        ("enqueue m {} --ndjson x", "<json> cannot go with --ndjson", 64),
        ("enqueue m --ndjson x --id y", "--id cannot go with --ndjson", 64),
        ("enqueue m --ndjson x --wait", "--wait cannot go with --ndjson", 64),
        (
            "enqueue --ndjson x --max-attempts 3",
            "--max-attempts needs a <name>: lines that are whole jobs have their own", 64
        ),
        ("enqueue m @/nowhere", "cannot read '/nowhere': No such file or directory", 65),
        ("enqueue m @/", "cannot read '/': Is a directory", 65),
        ("enqueue m --ndjson /nowhere", "cannot read '/nowhere': No such file or directory", 65),
    ])
    func `what makes no sense is refused, and nothing is sent`(
        line: String, message: String, code: Int32
    ) async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run(line)
        #expect(ran.exit.rawValue == code)
        #expect(ran.out == "")
        #expect(ran.err.split(separator: "\n").first == "jobrunner: error: \(message)")
        #expect(try await fixture.keys() == [])
    }

    @Test func `empty input is no JSON`() async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run("enqueue mail.send -", input: try fixture.input(" \n"))
        #expect(ran.exit == .data)
        #expect(ran.err == "jobrunner: error: stdin is empty: no arguments are {}\n")
        #expect(try await fixture.keys() == [])
    }
}
