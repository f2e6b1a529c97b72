import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("The schedule file", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct ScheduleFileTests {
    private let fixture: CommandFixture

    init() throws { fixture = try CommandFixture() }

    /// As the README and `Schedules.md` have it.
    static let example = """
        [
          {"name": "sweep", "every": "30s", "job": "cleanup", "overlap": "skip"},
          {"name": "nightly", "cron": "0 3 * * *", "timeZone": "Europe/London",
           "job": "report.daily", "args": {"days": 1.10}, "queue": "low", "missed": "skip"},
          {"every": "1h", "offset": "5m", "jitter": "1m", "job": "poll", "missed": 3,
           "enabled": false}
        ]
        """

    private func run(_ words: String...) async -> CommandFixture.Ran { await fixture.run(words) }

    @Test func `plan shows what apply does`() async throws {
        let file = try fixture.file("s.json", Self.example)
        let lines = [
            "+ sweep: every 30s, job cleanup in default, args {}, jitter 0s, missed once, "
                + "overlap skip",
            "+ nightly: cron 0 3 * * * Europe/London, job report.daily in low, "
                + #"args {"days": 1.10}, jitter 0s, missed skip, overlap allow"#,
            "+ poll: every 1h offset 5m, job poll in default, args {}, jitter 1m, missed 3, "
                + "overlap allow, disabled",
        ]
        let plan = await run("schedules", "plan", file)
        #expect(plan.lines == lines && plan.exit == .success)
        #expect(await run("schedules", "plan", file, "--check").exit == .no)
        #expect(try await fixture.keys() == [])
        let asked = await run("schedules", "apply", file)
        #expect(asked.exit == .usage)
        #expect(asked.err.contains("this would add 3 schedules, change 0 and remove 0"))
        let applied = await run("schedules", "apply", file, "--yes")
        #expect(applied.lines == lines && applied.exit == .success)
        let statuses = try await fixture.client.schedules.list()
        #expect(statuses.map(\.name) == ["nightly", "poll", "sweep"])
        #expect(statuses.allSatisfy { $0.source == .file && $0.revision == 1 })
        #expect(statuses.map { $0.pausedSince != nil } == [false, true, false])
        #expect(statuses[0].schedule?.arguments == #"{"days": 1.10}"#)
        #expect(
            statuses[0].schedule?.missed == .skip && statuses[1].schedule?.missed == .all(upTo: 3))
        let again = await run("schedules", "plan", file, "--check")
        #expect(again.lines == ["no difference"] && again.exit == .success)
    }

    @Test func `what differs is shown part by part, and nothing unnamed is removed`() async throws {
        _ = await run("schedules", "apply", try fixture.file("s.json", Self.example), "-y")
        _ = await run("schedules", "add", "byhand", "--every", "1h")
        let file = try fixture.file(
            "t.json",
            """
            [{"name": "sweep", "every": "1m", "job": "cleanup", "queue": "low"},
             {"every": "1h", "offset": "5m", "jitter": "1m", "job": "poll", "missed": 3}]
            """)
        let plan = await run("schedules", "plan", file)
        #expect(
            plan.lines == [
                "~ sweep: times every 30s -> every 1m, queue default -> low, overlap skip -> allow",
                "~ poll: enabled false -> true", "not in the file, left alone: byhand, nightly",
            ])
        let pruned = await run("schedules", "apply", file, "-y", "--prune", "nightly")
        #expect(pruned.lines.contains("- nightly: cron 0 3 * * * Europe/London"))
        let statuses = try await fixture.client.schedules.list()
        #expect(statuses.map(\.name) == ["byhand", "poll", "sweep"])
        #expect(statuses.map(\.queue) == ["default", "default", "low"])
        #expect(statuses.allSatisfy { $0.pausedSince == nil })
        let wrong = await run("schedules", "plan", file, "--prune", "sweep")
        #expect(wrong.exit == .usage && wrong.err.contains("--prune sweep: the file has it"))
        let none = await run("schedules", "plan", file, "--prune", "none")
        #expect(none.exit == .usage && none.err.contains("there is no such schedule"))
        let json = await run("schedules", "plan", file, "-o", "json").out
        #expect(json == #"{"version":1,"steps":[]}"# + "\n")
    }

    @Test func `a pause of an operator's is not the file's business`() async throws {
        let file = try fixture.file("s.json", #"[{"every": "1h", "job": "a"}]"#)
        _ = await run("schedules", "apply", file, "-y")
        _ = await run("schedules", "pause", "a", "--reason", "mine")
        #expect(await run("schedules", "plan", file).lines == ["no difference"])
        let changed = try fixture.file("t.json", #"[{"every": "2h", "job": "a"}]"#)
        _ = await run("schedules", "apply", changed, "-y")
        #expect(try await fixture.client.schedules.status(of: "a").pauseReason == "mine")
    }

    @Test(arguments: [
        ("", "JSON ends inside a word at byte 0"),
        ("{}", "'the file' is not an array"),
        ("[1]", "'each entry' is not an object"),
        (#"[{"every":"1s","job":"a"}"#, "JSON ends inside an array at byte 25"),
        (#"[{"every":"1s","job":"a"}] x"#, "trailing bytes after the object at byte 27"),
        (#"[{"every":"1s"}]"#, "entry 1: key 'job' is missing"),
        (
            #"[{"every":"1s","job":"a"},{"job":"b"}]"#,
            "entry 2: one of the keys 'every' and 'cron' is needed"
        ),
        (
            #"[{"every":"1s","cron":"@daily","job":"a"}]"#,
            "entry 1: one of the keys 'every' and 'cron' is needed"
        ),
        (
            #"[{"every":30,"job":"a"}]"#,
            #"entry 1: key 'every' must be a duration such as "30s", "5m" or "2h", got 30"#
        ),
        (#"[{"every":"1s","job":7}]"#, "entry 1: key 'job' must be text, got 7"),
        (
            #"[{"every":"1s","job":"a","evry":1}]"#,
            "entry 1: key 'evry' is unknown; use name, every, cron, timeZone, job, args, queue"
        ),
        (#"[{"every":"1s","job":"a","job":"b"}]"#, "entry 1: key 'job' is there twice"),
        (
            #"[{"every":"1s","job":"a","timeZone":"UTC"}]"#,
            "entry 1: key 'timeZone' goes with 'cron'"
        ),
        (
            #"[{"cron":"@daily","job":"a","offset":"1s"}]"#,
            "entry 1: key 'offset' goes with 'every'"
        ),
        (
            #"[{"cron":"31 2 *","job":"a"}]"#,
            "entry 1: schedule 'a': cron '31 2 *': 3 fields, 5 are needed"
        ),
        (
            #"[{"cron":"@daily","timeZone":"Mars/X","job":"a"}]"#,
            "entry 1: schedule 'a': time zone 'Mars/X' is unknown"
        ),
        (
            #"[{"every":"1s","job":"a","missed":0}]"#,
            "entry 1: key 'missed' must be skip, once or a number from 1 to 1000, got 0"
        ),
        (
            #"[{"every":"1s","job":"a","overlap":"no"}]"#,
            #"entry 1: key 'overlap' must be allow, skip or queueOne, got "no""#
        ),
        (
            #"[{"every":"1s","job":"a","enabled":"yes"}]"#,
            #"entry 1: key 'enabled' must be true or false, got "yes""#
        ),
        (
            #"[{"every":"1s","job":"a"},{"every":"2s","job":"a"}]"#,
            "entry 2: two entries are named 'a'"
        ),
        (#"[{"every":"1s","job":"a","queue":"{q}"}]"#, "queue name '{q}' is not allowed"),
    ])
    func `what is wrong names the file and the entry; exit code 78`(
        text: String, message: String
    ) async throws {
        let file = try fixture.file("s.json", text)
        for command in [["schedules", "plan", file], ["schedules", "apply", file, "--yes"]] {
            let ran = await fixture.run(command)
            #expect(ran.exit == .configuration)
            #expect(ran.err.contains(file) && ran.err.contains(message), "\(ran.err)")
        }
        #expect(try await fixture.keys() == [])
    }

    @Test func `a file that is not there`() async {
        let ran = await run("schedules", "plan", "/nowhere/s.json")
        #expect(ran.exit == .configuration)
        #expect(ran.err.contains("cannot read '/nowhere/s.json'"))
    }

    @Test(arguments: [
        ("31 2 *", "UTC", "schedule 'broken': cron '31 2 *': 3 fields, 5 are needed"),
        ("@daily", "Mars/X", "schedule 'broken': time zone 'Mars/X' is unknown"),
    ])
    func `what code says wrong ends work with 78`(
        cron: String, zone: String, message: String
    ) async throws {
        let ran = await fixture.run(["work"]) { builder in
            builder.handle(Broken.self) { _, _ in }
            builder.cron(cron, timeZone: zone, Broken())
        }
        #expect(ran.exit == .configuration)
        #expect(ran.err == "jobrunner: error: \(message)\n")
        #expect(try await fixture.keys() == [])
    }

    // MARK: The docs

    private func document(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return try String(decoding: Data(contentsOf: root.appending(path: path)), as: UTF8.self)
    }

    private let page = "Sources/JobRunner/JobRunner.docc/Schedules.md"

    @Test func `the docs show this file`() throws {
        for path in ["README.md", page] {
            #expect(try document(path).contains("```json\n" + Self.example + "\n```"), "\(path)")
        }
    }

    @Test func `the command lines of the docs do what they say, one after another`() async throws {
        let text = try document(page)
        let opening = try #require(text.range(of: "```sh\n"))
        let closing = try #require(text.range(of: "```", range: opening.upperBound..<text.endIndex))
        let file = try fixture.file("jobrunner.schedule.json", Self.example)
        let lines = text[opening.upperBound..<closing.lowerBound].split(separator: "\n")
        #expect(lines.count > 10)
        for line in lines {
            // Every other part stands in quotes.
            let parts = line.split(separator: "'", omittingEmptySubsequences: false)
            var words: [String] = []
            for (index, part) in parts.enumerated() {
                words +=
                    index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
            }
            #expect(words.first == "jobrunner")
            words = words.dropFirst().map { $0 == "jobrunner.schedule.json" ? file : $0 }
            let ran = await fixture.run(words)
            #expect(ran.exit == .success, "\(line): \(ran.err)")
        }
        #expect(await run("schedules", "list", "-o", "name").lines == ["poll", "sweep"])
    }

    @Test func `stats shows how many there are`() async throws {
        _ = await run("schedules", "apply", try fixture.file("s.json", Self.example), "-y")
        _ = try await fixture.ask("ZADD", fixture.key("ticks"), "1000", "sweep")
        let stats = try await fixture.client.stats()
        let style = HelpStyle(width: 200)
        #expect(
            StatsCommand.text(stats, .wide, style).contains(
                "schedules 3 (1 paused, 1 late), next in 0s"))
        let json = StatsCommand.text(stats, .json, style)
        #expect(
            json.contains(
                #""schedules":{"count":3,"paused":1,"late":1,"next_due":"1970-01-01T00:00:01.000Z"}"#
            ))
        #expect(json.contains(#""schedules":{"count":1,"paused":0,"late":0,"next_due":"20"#))
        #expect(await run("schedules", "list", "-o", "wide").out.contains("late"))
        let empty = try CommandFixture()
        let none = try await empty.client.stats()
        #expect(!StatsCommand.text(none, .wide, style).contains("schedules"))
    }
}
