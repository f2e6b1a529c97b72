import Testing

@testable import JobRunner

/// Grids, jitter and what is made up for: all of it without a clock.
@Suite struct TimetableTests {
    private func timetable(
        _ timing: Schedule.Timing, name: String = "s", jitter: Duration = .zero
    ) throws -> Timetable {
        try Schedule(timing, job: "a", name: name, jitter: jitter).check()
    }

    @Test func `a grid is counted from 1970`() throws {
        let half = try timetable(.every(.seconds(30)))
        #expect(half.next(after: 0) == 30_000)
        #expect(half.next(after: 29_999) == 30_000)
        #expect(half.next(after: 30_000) == 60_000)
        let moved = try timetable(.every(.seconds(60), offset: .seconds(7)))
        #expect(moved.next(after: 0) == 7000)
        #expect(moved.next(after: 7000) == 67_000)
        #expect(moved.next(after: -1_000_000) == -953_000)
    }

    @Test(arguments: [
        (
            Schedule.Timing.every(.milliseconds(999)), Duration.zero,
            "every 0.999 seconds: it must be 1 s to 366 days"
        ),
        (.every(.seconds(-1)), .zero, "every -1.0 seconds: it must be 1 s to 366 days"),
        (
            .every(.seconds(367 * 86_400)), .zero,
            "every 31708800.0 seconds: it must be 1 s to 366 days"
        ),
        (
            .every(.seconds(5), offset: .seconds(5)), .zero,
            "offset 5.0 seconds: it must be 0 s up to the interval, 5.0 seconds"
        ),
        (.every(.seconds(5)), .seconds(6), "jitter 6.0 seconds: it must be 0 s to 5.0 seconds"),
        (.every(.seconds(5)), .seconds(-1), "jitter -1.0 seconds: it must be 0 s to 5.0 seconds"),
        (
            .cron("@daily"), .seconds(86_401),
            "jitter 86401.0 seconds: it must be 0 s to 86400.0 seconds"
        ),
        (.cron("31 2 *"), .zero, "cron '31 2 *': 3 fields, 5 are needed"),
        (.cron("@daily", timeZone: "Mars/X"), .zero, "time zone 'Mars/X' is unknown"),
    ])
    func `what is out of bounds is said`(
        timing: Schedule.Timing, jitter: Duration, message: String
    ) {
        #expect(throws: ScheduleError("schedule 's': " + message)) {
            try timetable(timing, jitter: jitter)
        }
    }

    @Test func `jitter is the same everywhere, another for each tick and each name`() throws {
        let one = try timetable(.every(.seconds(60)), jitter: .seconds(30))
        let same = try timetable(.every(.seconds(60)), jitter: .seconds(30))
        let other = try timetable(.every(.seconds(60)), name: "t", jitter: .seconds(30))
        let ticks = (1...1000).map { $0 * 60_000 }
        let late = ticks.map { one.due($0) - $0 }
        #expect(late == ticks.map { same.due($0) - $0 })
        #expect(late != ticks.map { other.due($0) - $0 })
        #expect(late.allSatisfy { (0..<30_000).contains($0) })
        // Spread out: each tenth of the span has its share.
        for tenth in 0..<10 {
            let count = late.count { $0 / 3000 == tenth }
            #expect((50...150).contains(count), "\(tenth): \(count)")
        }
    }

    /// `expected→fires next +missed`, in minutes.
    private func plan(
        from first: Int, at now: Double, _ policy: Schedule.Missed,
        _ timing: Schedule.Timing = .every(.seconds(60)), jitter: Duration = .zero
    ) throws -> [String] {
        let timetable = try timetable(timing, jitter: jitter)
        return Catchup(from: first * 60_000, at: Int(now * 60_000), timetable, policy).steps.map {
            let fires = $0.fires.map { "\($0 / 60_000)" } ?? "none"
            let next = $0.next.map { "\($0 / 60_000)" } ?? "never"
            return "\($0.expected / 60_000)→\(fires) \(next) +\($0.missed)"
        }
    }

    @Test(arguments: [.every(.seconds(60)), .cron("* * * * *")] as [Schedule.Timing])
    func `missed ticks`(timing: Schedule.Timing) throws {
        for policy in [Schedule.Missed.skip, .once, .all(upTo: 3)] {
            #expect(try plan(from: 5, at: 4.9, policy, timing) == [])
            #expect(try plan(from: 5, at: 5, policy, timing) == ["5→5 6 +0"])
            #expect(try plan(from: 5, at: 5.9, policy, timing) == ["5→5 6 +0"])
        }
        #expect(try plan(from: 5, at: 15.5, .once, timing) == ["5→15 16 +10"])
        #expect(try plan(from: 5, at: 15.5, .skip, timing) == ["5→15 16 +10"])
        #expect(
            try plan(from: 5, at: 15.5, .all(upTo: 3), timing)
                == ["5→13 14 +8", "14→14 15 +0", "15→15 16 +0"])
        #expect(
            try plan(from: 5, at: 6.5, .all(upTo: 3), timing) == ["5→5 6 +0", "6→6 7 +0"])
    }

    @Test(arguments: [.every(.seconds(3600)), .cron("@hourly")] as [Schedule.Timing])
    func `skip leaves out what is a minute late`(timing: Schedule.Timing) throws {
        #expect(try plan(from: 60, at: 61, .skip, timing) == ["60→60 120 +0"])
        #expect(try plan(from: 60, at: 61.1, .skip, timing) == ["60→none 120 +1"])
        #expect(try plan(from: 60, at: 190, .skip, timing) == ["60→none 240 +3"])
        #expect(try plan(from: 60, at: 180.5, .skip, timing) == ["60→180 240 +2"])
    }

    @Test func `ten years of missed minutes are not counted one by one`() throws {
        let years = 10 * 365 * 1440
        #expect(
            try plan(from: 0, at: Double(years), .once) == ["0→\(years) \(years + 1) +\(years)"])
        #expect(
            try plan(from: 0, at: Double(years), .all(upTo: 2), .cron("* * * * *"))
                == ["0→\(years - 1) \(years) +10000", "\(years)→\(years) \(years + 1) +0"])
    }

    @Test(arguments: [Schedule.Missed.skip, .once, .all(upTo: 5)])
    func `a tick whose jitter is not over is not due`(policy: Schedule.Missed) throws {
        let timetable = try timetable(.every(.seconds(60)), jitter: .seconds(60))
        for tick in stride(from: 60_000, to: 6_000_000, by: 60_000) {
            let due = timetable.due(tick)
            #expect(Catchup(from: tick, at: due - 1, timetable, policy).steps == [])
            let steps = Catchup(from: tick, at: due, timetable, policy).steps
            #expect(steps.first?.fires == tick && steps.count == 1)
        }
    }

    @Test func `a job's id is made of its schedule and tick`() throws {
        let short = TickJob(Schedule(.every(.seconds(1)), job: "a", name: "x"), tick: 1000)
        #expect(short.id == "x.1000")
        let names = ["a", "b"].map { String(repeating: "n", count: 63) + $0 }
        let ids = names.map {
            TickJob(Schedule(.every(.seconds(1)), job: "a", name: $0), tick: 1_767_225_600_000).id
        }
        #expect(Set(ids).count == 2)
        for id in ids {
            #expect(id.utf8.count == 64 && id.hasSuffix(".1767225600000"))
            #expect((try? JobID(id)) != nil)
        }
    }

    @Test func `the job of a tick is that of the schedule`() throws {
        var options = JobOptions(queue: "mail", maxAttempts: 3, timeLimit: .seconds(9))
        options.expires = .seconds(60)
        options.whenExpired = .drop
        let schedule = Schedule(
            .every(.seconds(1)), job: "a", arguments: #"{"n":123456789012345678901}"#, version: 2,
            options: options, name: "x", overlap: .skip)
        let json = try TickJob(schedule, tick: 1000).json(now: 5000)
        let expected =
            #"{"id":"x.1000","job":"a","queue":"mail","args":{"n":123456789012345678901},"enqueued":5000,"maxAttempts":3,"timeLimit":9000,"expires":65000,"expired":"drop","unique":{"key":"schedule.x","until":"done","for":86400000},"v":2}"#
        #expect(String(decoding: json, as: UTF8.self) == expected)
        let envelope = try Envelope(json)
        #expect(envelope.maxAttempts == 3 && envelope.version == 2)
    }

    @Test func `a definition is read as it was written`() throws {
        var options = JobOptions(queue: "mail", maxAttempts: 3, timeLimit: .seconds(9))
        options.expires = .seconds(60)
        options.whenExpired = .drop
        options.results = .ignored
        let schedules = [
            Schedule(.every(.seconds(1)), job: "a"),
            Schedule(
                .every(.seconds(60), offset: .seconds(3)), job: "a", options: options, name: "x",
                jitter: .seconds(2), missed: .all(upTo: 7), overlap: .skip),
            Schedule(
                .cron("0 3  * * *", timeZone: "Europe/London"), job: "b",
                arguments: #"{"n":1.10,"t":"\"é"}"#, version: 4, missed: .skip),
            Schedule(.cron("@daily"), job: "b", overlap: .queueOne),
        ]
        for schedule in schedules {
            let json = Definition(schedule, source: .file, revision: 3).json
            let read = try Definition(name: schedule.name, queue: schedule.queue, json: json)
            #expect(read.source == .file && read.revision == 3)
            #expect(read.schedule.text == schedule.text)
            #expect(read.json == json)
        }
        #expect(Set(schedules.map(\.text)).count == schedules.count)
        #expect(throws: ScheduleError("schedule 'x': its definition is not readable")) {
            try Definition(name: "x", queue: "q", json: Array("[1]".utf8))
        }
    }

    @Test(arguments: [
        (Schedule(.every(.seconds(1)), job: "a b", name: "a"), "job name 'a b' is not allowed"),
        (
            Schedule(.every(.seconds(1)), job: "a", name: "a:b"),
            "schedule name 'a:b' is not allowed"
        ),
        (
            Schedule(.every(.seconds(1)), job: "a", options: JobOptions(queue: "{q}")),
            "queue name '{q}' is not allowed"
        ),
        (Schedule(.every(.seconds(1)), job: "a", arguments: "{"), "schedule 'a': the job 'a': "),
        (Schedule(.every(.seconds(1)), job: "a", version: 0), "'v' must be"),
        (
            Schedule(.every(.seconds(1)), job: "a", missed: .all(upTo: 0)),
            "missed ticks are made up for up to 1 to 1000, not 0"
        ),
        (
            Schedule(.every(.seconds(1)), job: "a", missed: .skip, overlap: .queueOne),
            "overlap queueOne makes up for missed ticks once"
        ),
    ])
    func `a schedule is checked as a whole`(schedule: Schedule, message: String) {
        let error = #expect(throws: ScheduleError.self) { try schedule.check() }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
}
