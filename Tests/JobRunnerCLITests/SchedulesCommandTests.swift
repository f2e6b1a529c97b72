import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner schedules", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct SchedulesCommandTests {
    private let fixture: CommandFixture

    init() throws { fixture = try CommandFixture() }

    private func run(_ words: String...) async -> CommandFixture.Ran { await fixture.run(words) }

    @Test func `a schedule is added, changed, shown and removed`() async throws {
        #expect(await run("schedules", "list").out == "no schedules\n")
        let add = ["schedules", "add", "nightly", "--job", "report.daily", "--cron"]
        let zone = ["--time-zone", "Europe/London", "--args", #"{"n":1.10}"#, "-q", "low"]
        #expect(await fixture.run(add + ["0 3 * * *"] + zone).out == "added nightly\n")
        #expect(await fixture.run(add + ["0  3 * * *"] + zone).out == "unchanged nightly\n")
        let refused = await fixture.run(add + ["0 4 * * *"] + zone)
        #expect(refused.exit == .data && refused.out == "")
        #expect(
            refused.err == """
                jobrunner: error: there is another schedule 'nightly': times \
                cron 0 3 * * * Europe/London -> cron 0 4 * * * Europe/London
                Give --replace to change it, or another name.

                """)
        let status = try await fixture.client.schedules.status(of: "nightly")
        #expect(status.revision == 1)
        let replaced = await fixture.run(add + ["0 4 * * *", "--replace"] + zone)
        #expect(replaced.out == "changed nightly\n")
        #expect(await run("schedules", "ls", "-o", "name").lines == ["nightly"])
        #expect(await run("schedules", "ls", "-o", "name", "-q", "other").lines == [])
        let json = await run("schedules", "show", "nightly", "-o", "json").out
        for part in [
            #""name":"nightly","queue":"low","times":"cron 0 4 * * * Europe/London""#,
            #""job":"report.daily","args":{"n":1.10},"jitter_ms":0,"missed_ticks":"once""#,
            #""overlap":"allow","source":"cli","revision":2,"state":"ok","next":"20"#,
            #""fired":0,"skipped":0,"missed":0,"merged":0}"#,
        ] { #expect(json.contains(part), "\(json)") }
        let show = await run("schedules", "get", "nightly").lines
        #expect(show.contains("times         cron 0 4 * * * Europe/London"))
        #expect(show.contains("from          cli, revision 2"))
        let table = await run("schedules", "list", "-o", "wide").lines
        #expect(
            table.first?.split(separator: " ") == [
                "NAME", "TIMES", "JOB", "QUEUE", "NEXT", "LAST", "FIRED", "SKIPPED", "MISSED",
                "FROM", "STATE",
            ])
        #expect(table.last?.contains("report.daily") == true)
        #expect(table.last?.hasSuffix("cli   ok") == true)
        let asked = await run("schedules", "remove", "nightly")
        #expect(asked.exit == .usage && asked.err.contains("this would remove 1 schedule"))
        #expect(await run("schedules", "rm", "nightly", "-y").out == "nightly removed\n")
        let gone = await run("schedules", "show", "nightly")
        #expect(gone.exit == .no)
        #expect(gone.err.contains("there is no schedule 'nightly'"))
        #expect(try await fixture.keys() == ["\(fixture.prefix):queues"])
    }

    @Test func `moved to another queue it is there alone`() async throws {
        _ = await run("schedules", "add", "s", "--every", "1h", "-q", "one")
        _ = await run("schedules", "add", "s", "--every", "1h", "-q", "two")
        #expect(try await fixture.client.schedules.list().map(\.queue) == ["one"])
        _ = await run("schedules", "add", "s", "--every", "1h", "-q", "two", "--replace")
        let queues = try await fixture.client.schedules.list().map(\.queue)
        #expect(queues == ["two"])
    }

    @Test func `it is paused with a reason, and resumed`() async throws {
        _ = await run("schedules", "add", "s", "--every", "1h")
        let pause = ["schedules", "pause", "s", "--reason", "provider is down"]
        #expect(await fixture.run(pause).out == "s paused\n")
        #expect(await fixture.run(pause).out == "s paused, as it was before\n")
        let json = await run("schedules", "list", "-o", "jsonl").out
        #expect(json.contains(#""state":"paused","late_ms":0,"paused_since":"20"#))
        #expect(json.contains(#""reason":"provider is down""#))
        // A change leaves it paused.
        _ = await run("schedules", "add", "s", "--every", "2h", "--replace")
        #expect(try await fixture.client.schedules.status(of: "s").pausedSince != nil)
        #expect(try await fixture.ask("ZCARD", fixture.key("ticks")) == .integer(0))
        #expect(await run("schedules", "resume", "s").out == "s goes on\n")
        #expect(await run("schedules", "resume", "s").out == "s was not paused\n")
        let status = try await fixture.client.schedules.status(of: "s")
        #expect(status.nextDue != nil && status.pauseReason == "")
        #expect(await run("schedules", "pause", "s", "none").exit == .no)
        #expect(try await fixture.client.schedules.status(of: "s").pausedSince == nil)
    }

    @Test func `a reason is one line, and stands in JSON as it was written`() async throws {
        _ = await run("schedules", "add", "s", "--every", "1h")
        for reason in ["two\nlines", String(repeating: "x", count: 201), "bell\u{7}"] {
            for noun in ["schedules", "queues"] {
                let ran = await run(
                    noun, "pause", noun == "queues" ? "default" : "s", "--reason", reason)
                #expect(ran.exit == .usage)
                #expect(ran.err.contains("--reason must be one line of at most 200 characters"))
            }
        }
        let reason = #"C:\temp is "full" – é"#
        let json = await run("schedules", "pause", "s", "--reason", reason, "-o", "json")
        #expect(json.out == #"{"version":1,"name":"s","paused":true,"changed":true}"# + "\n")
        let shown = await run("schedules", "show", "s", "-o", "json").out
        #expect(shown.contains(#""reason":"C:\\temp is \"full\" – é""#), "\(shown)")
        _ = await run("schedules", "pause", "s", "--reason", "other")
        #expect(try await fixture.client.schedules.status(of: "s").pauseReason == "other")
        let resumed = await run("schedules", "resume", "s", "-o", "json")
        #expect(resumed.out == #"{"version":1,"name":"s","paused":false,"changed":true}"# + "\n")
    }

    @Test func `run enqueues its job now, and history has it`() async throws {
        _ = await run(
            "schedules", "add", "s", "--every", "1h", "--overlap", "skip", "--job", "echo")
        #expect(await run("schedules", "history", "s").out == "no ticks yet\n")
        let ran = await run("schedules", "run", "s")
        let jobs = try await fixture.jobs()
        #expect(jobs.map(\.job) == ["echo"])
        let id = try #require(jobs.first?.id?.description)
        #expect(ran.out == "default/\(id)\n")
        // The lock is held until that job is done.
        let again = await run("schedules", "run", "s")
        #expect(again.exit == .temporary && again.err.contains("its last job is not done"))
        let json = await run("schedules", "history", "s", "-o", "jsonl").lines
        #expect(json.count == 2)
        #expect(json.first?.contains(#""what":"skipped""#) == true)
        #expect(json.last?.contains(#""what":"run","job":"\#(id)"}"#) == true)
        let table = await run("schedules", "history", "s").lines
        #expect(table.first?.split(separator: " ") == ["TICK", "LATE", "WHAT", "OUTCOME", "JOB"])
        #expect(table.last?.hasSuffix(id) == true)
    }

    @Test func `history tells how the job ended`() async throws {
        _ = await run(
            "schedules", "add", "s", "--every", "1h", "--job", "echo", "--args", #"{"text":"x"}"#)
        try await fixture.working({ builder in
            builder.handle(Echo.self) { job, _ in job.text }
        }) {
            let handle = await run("schedules", "run", "s").out.dropLast()
            #expect(await run("jobs", "wait", String(handle)).exit == .success)
        }
        let json = await run("schedules", "history", "s", "-o", "json").out
        #expect(json.contains(#""what":"run","job":""#) && json.contains(#""outcome":"done"}"#))
    }

    @Test func `next shows ticks over a jump of the clock`() async throws {
        let fields = ["--cron", "30 1 25-29 3,10 *", "--time-zone", "Europe/London"]
        let next = await fixture.run(["schedules", "next", "-n", "100"] + fields)
        #expect(next.lines.count == 100)
        #expect(next.lines.allSatisfy { $0.hasSuffix(" Europe/London") })
        // Once a year it is 01:30 in summer's last hour, and 02:00 where there is no 01:30.
        #expect(
            next.lines.contains { $0.contains("T01:00:00.000Z") && $0.contains(" 02:00:00 +01:00") }
        )
        #expect(
            next.lines.contains { $0.contains("T00:30:00.000Z") && $0.contains(" 01:30:00 +01:00") }
        )
        #expect(
            next.lines.contains { $0.contains("T01:30:00.000Z") && $0.contains(" 01:30:00 +00:00") }
        )
        _ = await run("schedules", "add", "s", "--every", "30s", "--offset", "5s")
        let times = await run("schedules", "next", "s", "-n", "3", "-o", "name").lines
        #expect(times.count == 3)
        #expect(times.allSatisfy { $0.contains(":05.000Z") || $0.contains(":35.000Z") })
        let json = await run("schedules", "next", "s", "-n", "1", "-o", "json").out
        #expect(json.hasPrefix(#"{"version":1,"next":["20"#))
        _ = await run("schedules", "pause", "s")
        #expect(await run("schedules", "next", "s").err.contains("it is paused"))
        #expect(await run("schedules", "next").exit == .usage)
        #expect(await run("schedules", "next", "s", "--every", "1h").exit == .usage)
    }

    @Test(arguments: [
        ("--cron|31 2 *", "schedule 's': cron '31 2 *': 3 fields, 5 are needed"),
        ("--cron|* * * * * * *", "cron '* * * * * * *': 7 fields, 5 are needed"),
        ("--cron|60 * * * *", "minute '60' is not 0 to 59"),
        ("--cron|*/0 * * * *", "minute '*/0': a step is 1 to 59"),
        ("--cron|0 0 * * XYZ", "day of the week 'XYZ' is not 0 to 7 or SUN to SAT"),
        ("--cron|30 2 31 2 *", "cron '30 2 31 2 *' never matches"),
        ("--cron|@daily|--time-zone|Mars/X", "time zone 'Mars/X' is unknown"),
        ("--cron|@daily|--offset|5s", "--offset goes with --every"),
        ("--cron|@daily|--every|5s", "--every cannot go with --cron"),
        ("--every|5s|--time-zone|UTC", "--time-zone goes with --cron"),
        ("--every|5s|--offset|5s", "offset 5.0 seconds: it must be 0 s up to the interval"),
        ("--every|5s|--jitter|6s", "jitter 6.0 seconds: it must be 0 s to 5.0 seconds"),
        ("--every|10ms", "--every must be between 1s and 366d, got '10ms'"),
        ("--every|5", "--every must be a duration with its unit"),
        ("--every|5s|--missed|some", "--missed must be skip, once or a number from 1 to 1000"),
        ("--every|5s|--overlap|never", "--overlap must be one of allow, skip, queueOne"),
        (
            "--every|5s|--overlap|queueOne|--missed|3",
            "overlap queueOne makes up for missed ticks once"
        ),
        ("--every|5s|--args|{", "the job 's': JSON"),
        ("--job|a", "when? Give --every or --cron"),
    ])
    func `a bad one is refused with 64`(words: String, message: String) async throws {
        let options = words.split(separator: "|").map(String.init)
        let ran = await fixture.run(["schedules", "add", "s"] + options)
        #expect(ran.exit == .usage)
        #expect(ran.err.contains(message), "\(ran.err)")
        #expect(try await fixture.keys() == [])
    }

    @Test func `an expression alone: its error does not speak of a schedule`() async {
        let ran = await run("schedules", "next", "--cron", "31 2 *")
        #expect(ran.exit == .usage)
        #expect(ran.err == "jobrunner: error: cron '31 2 *': 3 fields, 5 are needed\n")
        let zone = await run("schedules", "next", "--every", "5s", "--time-zone", "Mars/X")
        #expect(zone.err == "jobrunner: error: time zone 'Mars/X' is unknown\n")
        let local = await run(
            "schedules", "next", "--every", "1h", "--time-zone", "Asia/Kathmandu", "-n", "1")
        #expect(local.lines.first?.hasSuffix(":45:00 +05:45 Asia/Kathmandu") == true)
    }
}
