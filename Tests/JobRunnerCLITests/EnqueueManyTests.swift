import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner enqueue --ndjson", .enabled(if: RedisServer.isAvailable))
struct EnqueueManyTests {
    /// Without the time that it took.
    private func summary(_ err: String) -> String {
        let line = err.split(separator: "\n").first { $0.hasPrefix("enqueued ") } ?? ""
        let head = line.split(separator: " ").prefix(3).joined(separator: " ")
        return head + (line.firstIndex(of: ";").map { String(line[$0...]) } ?? "")
    }

    @Test func `whole jobs keep every member that is not known, byte for byte`() async throws {
        let fixture = try CommandFixture()
        let path = try fixture.file(
            "jobs",
            """
            {"job":"a","args":{"n": 1.50},"x-trace" : {"id":"7","deep":[1, 2]},"queue":"mail"}

            \t
            {"id":"own","job":"b","state":{"attempt":3},"enqueued":5}\r
            {"job":"c"}
            """)
        let ran = await fixture.run("enqueue --ndjson \(path)")
        #expect(ran.exit == .success)
        #expect(ran.out == "")
        #expect(summary(ran.err) == "enqueued 3 jobs")
        let mail = try #require(try await fixture.ready("mail").first)
        #expect(mail.hasPrefix(#"{"id":""#))
        let kept = #","args":{"n": 1.50},"x-trace" : {"id":"7","deep":[1, 2]},"queue":"mail","#
        #expect(mail.contains(kept + #""enqueued":"#))
        let rest = try await fixture.ready()
        #expect(rest.first == #"{"id":"own","job":"b","enqueued":5}"#)
        #expect(rest.last?.contains(#""job":"c","enqueued":"#) == true)
    }

    @Test func `a member that means nothing is told of once, and kept`() async throws {
        let fixture = try CommandFixture()
        let path = try fixture.file(
            "jobs",
            """
            {"job":"a","tenant":"acme","x-trace":1,"args":{"tenant":1}}
            {"job":"a","tenant":"acme","in":"5m","max_attempts":2,"prioritty":3,"zzzzzzz\\u001b":0}
            """)
        let ran = await fixture.run("enqueue --ndjson \(path)")
        #expect(ran.exit == .success)
        let kept = "it is kept and has no effect"
        let noMember = "is not a member of a job here"
        #expect(
            ran.err.split(separator: "\n").dropLast() == [
                "\(path):1: 'tenant' \(noMember), did you mean 'fair'?: \(kept)",
                "\(path):2: 'in' \(noMember), give --in or --at for all lines: \(kept)",
                "\(path):2: 'max_attempts' \(noMember), did you mean 'maxAttempts'?: \(kept)",
                "\(path):2: 'prioritty' \(noMember), did you mean 'priority'?: \(kept)",
                #"\#(path):2: 'zzzzzzz\u{1B}' \#(noMember): \#(kept)"#,
            ])
        #expect(try await fixture.ready().allSatisfy { $0.contains(#","tenant":"acme","#) })
        // Lines that are arguments may have any member.
        let arguments = await fixture.run("enqueue a --ndjson \(path)")
        #expect(arguments.err.split(separator: "\n").count == 1)
    }

    @Test func `with --strict a member that means nothing makes a bad line`() async throws {
        let fixture = try CommandFixture()
        let path = try fixture.file(
            "jobs", #"{"job":"a","x-own":1}"# + "\n" + #"{"job":"a","tenant":"acme"}"#)
        let ran = await fixture.run("enqueue --strict --ndjson \(path)")
        #expect(ran.exit == .data)
        #expect(ran.err.contains("\(path):2: 'tenant' is not a member of a job here"))
        #expect(try await fixture.ready().count == 1)
        #expect(await fixture.run("enqueue a --strict").exit == .usage)
        #expect(await fixture.run("enqueue a --strict --ndjson \(path)").exit == .usage)
    }

    @Test func `with a name each line is the arguments`() async throws {
        let fixture = try CommandFixture()
        let input = try fixture.input("{\"n\":1}\n[2]\n3\n")
        let ran = await fixture.run(
            "enqueue mail.send --ndjson -q mail --max-attempts 2", input: input)
        #expect(ran.exit == .success)
        let jobs = try await fixture.jobs("mail")
        #expect(jobs.map(\.job) == ["mail.send", "mail.send", "mail.send"])
        #expect(jobs.map(\.maxAttempts) == [2, 2, 2])
        #expect(Set(jobs.compactMap { $0.id?.description }).count == 3)
        let arguments = jobs.map { String(decoding: $0.argumentsData, as: UTF8.self) }
        #expect(arguments == [#"{"n":1}"#, "[2]", "3"])
    }

    @Test func `lines for later are scheduled`() async throws {
        let fixture = try CommandFixture()
        let input = try fixture.input("1\n2\n")
        let ran = await fixture.run("enqueue m --in 1h --ndjson", input: input)
        #expect(ran.exit == .success)
        #expect(try await fixture.ask("ZCARD", fixture.key("scheduled")) == .integer(2))
    }

    @Test func `handles are printed only when asked for, in order`() async throws {
        let fixture = try CommandFixture()
        let path = try fixture.file(
            "jobs", #"{"job":"a","id":"1"}"# + "\n" + #"{"job":"a","id":"2","queue":"q"}"#)
        let plain = await fixture.run("enqueue --print-ids --ndjson \(path)")
        #expect(plain.out == "default/1\nq/2\n")
        let json = await fixture.run("enqueue --print-ids -o jsonl --ndjson \(path)")
        let object = #"{"version":1,"handle":"q/2","queue":"q","id":"2","duplicate":true}"#
        #expect(json.lines.last == object)
        #expect(summary(json.err) == "enqueued 0 jobs; 2 ids known from before")
        let tally = await fixture.run("enqueue -o json --ndjson \(path)")
        #expect(
            tally.out.hasPrefix(
                #"{"version":1,"accepted":0,"duplicates":2,"held":0,"bad_lines":0,"lines":2,"elapsed_ms":"#
            ))
    }

    @Test func `ids of the caller's are remembered for a day`() async throws {
        let fixture = try CommandFixture()
        let input = try fixture.input("{\"job\":\"a\",\"id\":\"1\"}\n{\"job\":\"a\"}\n")
        _ = await fixture.run("enqueue --ndjson", input: input)
        let left = try await fixture.ask("PTTL", fixture.key("seen:1")).integer ?? 0
        #expect((86_000_000...86_400_000).contains(left))
    }

    @Test func `a bad line stops it with its place, and the lines before it are in`()
        async throws
    {
        let fixture = try CommandFixture()
        let path = try fixture.file("jobs", "{\"job\":\"a\"}\n\n{\"job\":\"b\"\n{\"job\":\"c\"}\n")
        let ran = await fixture.run("enqueue --ndjson \(path)")
        #expect(ran.exit == .data)
        #expect(summary(ran.err) == "enqueued 1 job")
        let lines = ran.err.split(separator: "\n").dropFirst()
        #expect(
            lines == [
                "jobrunner: error: \(path):3: JSON ends inside an object at byte 10",
                "1 job accepted, 2 lines done; go on with --skip 2. "
                    + "Or leave bad lines out with --skip-bad.",
            ])
        #expect(try await fixture.jobs().map(\.job) == ["a"])
    }

    @Test(arguments: [
        ("7", "not a JSON object: byte 0 is '7'"),
        ("\u{FEFF}{}", "not a JSON object: it starts with a byte order mark"),
        ("{}", "job has no 'job' name"),
        (#"{"job":"a b"}"#, "job name 'a b' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"),
        (
            #"{"job":"a","queue":"x{y}"}"#,
            "queue name 'x{y}' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"
        ),
        (
            #"{"job":"a","id":"\u001b"}"#,
            #"id '\u{1B}' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"#
        ),
        (#"{"job":"a","maxAttempts":0}"#, "'maxAttempts' must be a whole number from 1 to 1000"),
        (#"{"job":"a","job":"b"}"#, "key 'job' is there twice"),
        (#"{"job":"a"} {"job":"b"}"#, "trailing bytes after the object at byte 12"),
        ("{\"job\":\"a\u{1}\"}", "JSON has a control character in a string at byte 9"),
    ])
    func `a line that is no job is refused with the reason`(line: String, reason: String)
        async throws
    {
        let fixture = try CommandFixture()
        let ran = await fixture.run("enqueue --ndjson", input: try fixture.input(line + "\n"))
        #expect(ran.exit == .data)
        #expect(ran.err.contains("jobrunner: error: stdin:1: \(reason)\n"))
        #expect(try await fixture.keys() == [])
    }

    @Test func `a line that is too long is refused, and does not fill the memory`() async throws {
        let fixture = try CommandFixture()
        let long = "{\"job\":\"" + String(repeating: "x", count: 300_000) + "\"}\n"
        let path = try fixture.file("jobs", "{\"job\":\"a\"}\n" + long + "{\"job\":\"b\"}")
        let ran = await fixture.run("enqueue --skip-bad --ndjson \(path)")
        #expect(ran.exit == .data)
        #expect(ran.err.hasPrefix("\(path):2: job is 300,010 bytes; the limit is 65,536\n"))
        #expect(summary(ran.err) == "enqueued 2 jobs; 1 bad line left out")
        #expect(try await fixture.jobs().map(\.job) == ["a", "b"])
    }

    @Test func `of many bad lines only the first are told`() async throws {
        let fixture = try CommandFixture()
        let text = String(repeating: "x\n", count: 1500) + "{\"job\":\"a\"}\n"
        let input = try fixture.input(text)
        let ran = await fixture.run("enqueue --skip-bad --ndjson", input: input)
        #expect(ran.exit == .data)
        #expect(ran.err.split(separator: "\n").count == 12)
        #expect(ran.err.contains("stdin:10: not a JSON object: byte 0 is 'x'\nfurther bad lines"))
        #expect(summary(ran.err) == "enqueued 1 job; 1,500 bad lines left out")
    }

    @Test func `lines that are done are skipped, bad ones too`() async throws {
        let fixture = try CommandFixture()
        let text = "bad\n{\"job\":\"b\"}\n{\"job\":\"c\"}\n{\"job\":\"d\"}\n"
        let path = try fixture.file("jobs", text)
        let ran = await fixture.run("enqueue --skip 2 --ndjson \(path)")
        #expect(ran.exit == .success)
        #expect(try await fixture.jobs().map(\.job) == ["c", "d"])
        let none = await fixture.run("enqueue --skip 10 --ndjson \(path)")
        #expect(none.exit == .success)
        #expect(summary(none.err) == "enqueued 0 jobs")
    }

    @Test func `an interrupt leaves every line that is there done and says where to go on`()
        async throws
    {
        let fixture = try CommandFixture()
        let pipe = Pipe()
        let interrupts = try Interrupts()
        let (reader, writer) = (pipe.fileHandleForReading, pipe.fileHandleForWriting)
        async let running = fixture.run(
            ["enqueue", "m", "--ndjson", "--print-ids"], input: reader.fileDescriptor,
            interrupts: interrupts)
        // Lines that are there are sent, though the pipe stays open.
        writer.write(Data("1\n\n2\n3\n4".utf8))
        await fixture.prints("default/")
        interrupts.request()
        let ran = await running
        #expect(ran.exit == .temporary)
        #expect(summary(ran.err) == "enqueued 3 jobs")
        #expect(
            ran.err.hasSuffix(
                """
                jobrunner: error: interrupted
                3 jobs accepted, 4 lines done; go on with --skip 4.

                """))
        #expect(try await fixture.ready().count == 3)
        withExtendedLifetime(writer) {}
    }

    @Test(.enabled(if: BuiltExecutable.path != nil))
    func `a hundred thousand lines take no more memory than a few`() async throws {
        let fixture = try CommandFixture()
        let line = "{\"job\":\"a\",\"args\":\"" + String(repeating: "x", count: 400) + "\"}\n"
        _ = try fixture.file("jobs", String(repeating: line, count: 100_000))
        _ = try fixture.file("few", String(repeating: line, count: 3000))
        let size = line.utf8.count * 100_000
        let few = try await enqueue("few", fixture)
        let many = try await enqueue("jobs", fixture)
        #expect(summary(many.err) == "enqueued 100,000 jobs")
        #expect(many.peak - few.peak < size / 2)
        #expect(try await fixture.ask("LLEN", fixture.key("ready")) == .integer(103_000))
        _ = try await fixture.ask("DEL", fixture.key("ready"))
    }

    /// In a process of its own: what it says, and its largest resident size, bytes.
    private func enqueue(
        _ file: String, _ fixture: CommandFixture
    ) async throws -> (peak: Int, err: String) {
        let tell = """
            import resource, subprocess, sys
            err = subprocess.run(sys.argv[1:], stderr=subprocess.PIPE, text=True, check=True).stderr
            print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, err, sep="\\n")
            """
        let path = try fixture.file("tell.py", tell)
        let words = [
            try #require(BuiltExecutable.path), "enqueue", "--ndjson",
            "\(fixture.directory)/\(file)", "-u", fixture.url, "--prefix", fixture.prefix,
        ]
        try await fixture.shell("python3 \(path) \(words.joined(separator: " ")) > \"$0/told\"")
        let told = try String(contentsOfFile: "\(fixture.directory)/told", encoding: .utf8)
        let parts = told.split(separator: "\n", maxSplits: 1).map(String.init)
        return (try #require(Int(parts[0])), parts.last ?? "")
    }

    // MARK: Progress

    @Test func `a terminal sees one line that is redrawn and taken away`() async throws {
        let fixture = try CommandFixture()
        let path = try fixture.file("jobs", "{\"job\":\"a\"}\n")
        let ran = await fixture.run(["enqueue", "--ndjson", path], isTerminal: true)
        #expect(ran.err.hasPrefix("\r1 job  "))
        #expect(ran.err.contains("\u{1B}[K\r\u{1B}[Kenqueued 1 job in "))
        #expect(ran.out == "")
    }

    @Test func `the line says how far it is and when it will be done`() {
        var tally = EnqueueTally()
        tally.accepted = 123_456
        tally.bytes = 12 << 20
        let line = EnqueueProgress.line(tally, size: 48 << 20, elapsed: .seconds(3))
        #expect(line == "123,456 jobs  41,100/s  12.0 of 48.0 MiB (25%)  10 s left")
        let pipe = EnqueueProgress.line(tally, size: nil, elapsed: .seconds(3))
        #expect(pipe == "123,456 jobs  41,100/s  12.0 MiB")
        #expect(EnqueueProgress.line(EnqueueTally(), size: 0, elapsed: .zero).hasPrefix("0 jobs"))
    }

    @Test func `the summary is for people`() {
        var tally = EnqueueTally()
        tally.accepted = 1_000_000
        #expect(
            tally.summary(after: .milliseconds(4200))
                == "enqueued 1,000,000 jobs in 4.2 s (238,000/s)")
        tally.accepted = 1
        #expect(tally.summary(after: .milliseconds(4)) == "enqueued 1 job in 4 ms (250/s)")
    }
}
