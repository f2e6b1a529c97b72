import FoundationEssentials
import Testing

@testable import JobRunner

/// What cron expressions mean, and what is said of those that mean nothing.
@Suite struct CronTests {
    /// The next times after one, as `2026-01-31T12:30` in UTC.
    static func next(
        _ text: String, after start: String, _ count: Int = 1, in zone: TimeZoneRules = .utc
    ) throws -> [String] {
        let cron = try Cron(text)
        var time = try seconds(start)
        return try (0..<count).map { _ in
            time = try #require(cron.next(after: time, in: zone))
            return String(Date(timeIntervalSince1970: Double(time)).ISO8601Format().dropLast(4))
        }
    }

    static func seconds(_ text: String) throws -> Int {
        Int(try Date(text + ":00Z", strategy: .iso8601).timeIntervalSince1970)
    }

    @Test(arguments: [
        ("*/15 * * * *", "2026-01-31T23:44", ["2026-01-31T23:45", "2026-02-01T00:00"]),
        ("0 9-17/4 * * *", "2026-01-01T09:00", ["2026-01-01T13:00", "2026-01-01T17:00"]),
        ("5,10 0 1 jan *", "2026-01-01T00:05", ["2026-01-01T00:10", "2027-01-01T00:05"]),
        ("0 0 * * MON-fri", "2026-01-02T00:00", ["2026-01-05T00:00", "2026-01-06T00:00"]),
        ("0 0 * * FRI-SUN", "2026-01-03T00:00", ["2026-01-04T00:00", "2026-01-09T00:00"]),
        ("0 0 * * 7", "2026-01-01T00:00", ["2026-01-04T00:00", "2026-01-11T00:00"]),
        ("0 0 L * *", "2028-01-31T00:00", ["2028-02-29T00:00", "2028-03-31T00:00"]),
        ("0 0 L-1 * *", "2026-01-31T00:00", ["2026-02-27T00:00", "2026-03-30T00:00"]),
        ("0 0 * * 5L", "2026-01-31T00:00", ["2026-02-27T00:00", "2026-03-27T00:00"]),
        ("0 0 * * friL", "2026-01-31T00:00", ["2026-02-27T00:00", "2026-03-27T00:00"]),
        ("0 0 * * 5#3", "2026-01-31T00:00", ["2026-02-20T00:00", "2026-03-20T00:00"]),
        ("0 0 * * MON#5", "2026-01-01T00:00", ["2026-03-30T00:00", "2026-06-29T00:00"]),
        // Both days restricted: either will do. One that begins with `*`: both must.
        ("0 0 13 * FRI", "2026-02-10T00:00", ["2026-02-13T00:00", "2026-02-20T00:00"]),
        ("0 0 */10 * 1", "2026-06-01T00:00", ["2026-08-31T00:00", "2026-09-21T00:00"]),
        ("0 0 29 2 *", "2026-01-01T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("@hourly", "2026-01-01T00:00", ["2026-01-01T01:00", "2026-01-01T02:00"]),
        ("@daily", "2026-01-01T00:00", ["2026-01-02T00:00", "2026-01-03T00:00"]),
        ("@midnight", "2026-01-01T00:00", ["2026-01-02T00:00", "2026-01-03T00:00"]),
        ("@weekly", "2026-01-01T00:00", ["2026-01-04T00:00", "2026-01-11T00:00"]),
        ("@monthly", "2026-01-01T00:00", ["2026-02-01T00:00", "2026-03-01T00:00"]),
        ("@Yearly", "2026-01-01T00:00", ["2027-01-01T00:00", "2028-01-01T00:00"]),
        ("@annually", "2026-01-01T00:00", ["2027-01-01T00:00", "2028-01-01T00:00"]),
    ])
    func `it is due`(text: String, after: String, times: [String]) throws {
        #expect(try Self.next(text, after: after, times.count) == times)
    }

    @Test(arguments: [
        ("31 2 *", "cron '31 2 *': 3 fields, 5 are needed"),
        ("* * * *", "cron '* * * *': 4 fields, 5 are needed"),
        ("0 0 1 1 * 2026 x", "cron '0 0 1 1 * 2026 x': 7 fields, 5 are needed"),
        ("", "cron '': 0 fields, 5 are needed"),
        ("daily", "cron 'daily': 1 field, 5 are needed"),
        ("60 * * * *", "cron '60 * * * *': minute '60' is not 0 to 59"),
        ("0 24 * * *", "cron '0 24 * * *': hour '24' is not 0 to 23"),
        ("0 0 0 * *", "cron '0 0 0 * *': day of the month '0' is not 1 to 31"),
        ("0 0 * 13 *", "cron '0 0 * 13 *': month '13' is not 1 to 12 or JAN to DEC"),
        ("0 0 * JANUARY *", "cron '0 0 * JANUARY *': month 'JANUARY' is not 1 to 12 or JAN to DEC"),
        ("0 0 * * 8", "cron '0 0 * * 8': day of the week '8' is not 0 to 7 or SUN to SAT"),
        ("0 0 * * FOO", "cron '0 0 * * FOO': day of the week 'FOO' is not 0 to 7 or SUN to SAT"),
        ("*/0 * * * *", "cron '*/0 * * * *': minute '*/0': a step is 1 to 59"),
        ("*/-5 * * * *", "cron '*/-5 * * * *': minute '*/-5': a step is 1 to 59"),
        (
            "5/10 * * * *",
            "cron '5/10 * * * *': minute '5/10': a step needs a range, such as 5-59/10"
        ),
        ("*/+5 * * * *", "cron '*/+5 * * * *': minute '*/+5': a step is 1 to 59"),
        ("0 0 * * 5#+3", "cron '0 0 * * 5#+3': day of the week '5#+3': after # comes 1 to 5"),
        ("*/2/3 * * * *", "cron '*/2/3 * * * *': minute '*/2/3' has two steps"),
        ("1,,2 * * * *", "cron '1,,2 * * * *': minute has an empty place"),
        ("9-5 * * * *", "cron '9-5 * * * *': minute '9-5' goes backwards"),
        ("1-2-3 * * * *", "cron '1-2-3 * * * *': minute '1-2-3' is no range"),
        ("-1 * * * *", "cron '-1 * * * *': minute '' is not 0 to 59"),
        (
            "0 0 L-31 * *",
            "cron '0 0 L-31 * *': day of the month 'L-31': after L comes -1 to -30, or nothing"
        ),
        ("0 0 * * 5#6", "cron '0 0 * * 5#6': day of the week '5#6': after # comes 1 to 5"),
        ("30 2 31 2 *", "cron '30 2 31 2 *' never matches"),
        ("0 0 30 2 *", "cron '0 0 30 2 *' never matches"),
        ("0 0 31 4,6,9,11 *", "cron '0 0 31 4,6,9,11 *' never matches"),
        (
            "@reboot",
            #"cron '@reboot': use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually"#
        ),
        ("\u{1B}[31m * * * *", "cron '\\u{1B}[31m * * * *': minute '\\u{1B}[31m' is not 0 to 59"),
    ])
    func `what is wrong with it is said`(text: String, message: String) {
        #expect(throws: ScheduleError(message)) { try Cron(text) }
    }

    @Test func `an hour that is skipped runs right after, one that is repeated runs once`() throws {
        let london = try TimeZoneFile.rules(of: "Europe/London")
        // Clocks go from 01:00 to 02:00 at 01:00 UTC, and from 02:00 to 01:00 at 01:00 UTC.
        #expect(
            try Self.next("30 1 * * *", after: "2026-03-28T02:00", 2, in: london)
                == ["2026-03-29T01:00", "2026-03-30T00:30"])
        #expect(
            try Self.next("30 1 * * *", after: "2026-10-24T02:00", 2, in: london)
                == ["2026-10-25T00:30", "2026-10-26T01:30"])
        // Every hour is every hour.
        #expect(
            try Self.next("30 * * * *", after: "2026-10-24T23:45", 3, in: london)
                == ["2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"])
        #expect(
            try Self.next("30 * * * *", after: "2026-03-29T00:00", 2, in: london)
                == ["2026-03-29T00:30", "2026-03-29T01:30"])
    }

    @Test func `a day that a zone skipped`() throws {
        let apia = try TimeZoneFile.rules(of: "Pacific/Apia")
        // 2011-12-30 was not: at 10:00 UTC its clocks went on to the 31st, 00:00.
        #expect(
            try Self.next("0 12 * * *", after: "2011-12-29T00:00", 3, in: apia)
                == ["2011-12-29T22:00", "2011-12-30T10:00", "2011-12-30T22:00"])
    }

    @Test(arguments: [
        "Mars/X", "", "../../etc/passwd", "/etc/localtime", "europe london", "Europe",
    ])
    func `a zone that is none`(name: String) {
        #expect(throws: ScheduleError("time zone '\(name)' is unknown")) {
            try TimeZoneFile.rules(of: name)
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `whatever is written is an error, or due again and again`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let parts = [
            "*", "*", "*/7", "3", "5-9", "0-30/11", "1,2", "12", "L", "L-9", "5#5", "friL", "31",
            "JAN-MAR", "7", "0", "-", "/", ",", "#",
        ]
        let zone = try TimeZoneFile.rules(of: "Australia/Lord_Howe")
        var read = 0
        for _ in 0..<3000 {
            let fields = (0..<5).map { _ -> String in
                let isOdd = Int.random(in: 0..<10, using: &random) == 0
                return (0...(isOdd ? 2 : 0)).map { _ in parts.randomElement(using: &random) ?? "" }
                    .joined()
            }
            guard let cron = try? Cron(fields.joined(separator: " ")) else { continue }
            read += 1
            var time = Int.random(in: 0...4_000_000_000, using: &random)
            for _ in 0..<5 {
                let next = try #require(cron.next(after: time, in: zone), "\(cron)")
                #expect(next > time && next % 60 == 0, "\(cron)")
                time = next
            }
        }
        #expect(read > 20)
    }
}

/// The rules of years to come, as the last line of a zoneinfo file has them.
@Suite struct TimeZoneRuleTests {
    @Test(arguments: [
        ("EST5EDT,M3.2.0,M11.1.0", 2040, ["2040-03-11T07:00 -14400", "2040-11-04T06:00 -18000"]),
        (
            "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2040,
            ["2040-03-31T15:00 37800", "2040-10-06T15:30 39600"]
        ),
        ("XYZ1ABC,J60/0,J300", 2040, ["2040-03-01T01:00 0", "2040-10-27T02:00 -3600"]),
        ("XYZ1ABC-2,59/-1:30,300/24", 2041, ["2041-02-28T23:30 7200", "2041-10-28T22:00 -3600"]),
        ("<+01>-1", 2040, []),
    ])
    func `changes of a year`(text: String, year: Int, changes: [String]) throws {
        let rule = try #require(TimeZoneRule(Array(text.utf8)))
        #expect(
            rule.changes(in: year).map { change in
                let date = Date(timeIntervalSince1970: Double(change.at))
                return "\(date.ISO8601Format().dropLast(4)) \(change.offset)"
            } == changes)
    }

    @Test(arguments: [
        "", "EST", "5EST", "EST5EDT", "EST5EDT,M13.1.0,M1.1.0", "EST5EDT,M3.2.0", "E5",
    ])
    func `no rule`(text: String) {
        #expect(TimeZoneRule(Array(text.utf8)) == nil)
    }

    @Test func `behind the last change the rule holds`() throws {
        let rule = try #require(TimeZoneRule(Array("EST5EDT,M3.2.0,M11.1.0".utf8)))
        let zone = TimeZoneRules(
            name: "x", first: -18_000, changes: [.init(at: 0, offset: -18_000)], rule: rule)
        let summer = try CronTests.seconds("2040-07-01T00:00")
        #expect(
            zone.span(at: summer)
                == .init(
                    start: try CronTests.seconds("2040-03-11T07:00"),
                    end: try CronTests.seconds("2040-11-04T06:00"), offset: -14_400))
        #expect(
            try CronTests.next("30 2 * * *", after: "2040-03-10T12:00", 2, in: zone)
                == ["2040-03-11T07:00", "2040-03-12T06:30"])
        #expect(zone.span(at: -1) == .init(start: .min, end: 0, offset: -18_000))
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `a damaged file is refused, or gives some time`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let file = try Data(contentsOf: URL(filePath: "/usr/share/zoneinfo/Europe/London"))
        let cron = try Cron("30 1 * * *")
        var read = 0
        for _ in 0..<300 {
            var bytes = [UInt8](file)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            if Bool.random(using: &random) {
                bytes.removeLast(Int.random(in: 0...200, using: &random))
            }
            guard let zone = TimeZoneFile.parse(bytes, name: "x") else { continue }
            read += 1
            for time in [0, 1_774_746_000, 4_000_000_000] {
                #expect(cron.next(after: time, in: zone).map { $0 > time } == true)
            }
        }
        #expect(read > 20)
    }

    @Test func `bytes that are no zoneinfo file`() {
        for bytes in [
            [], Array("TZif".utf8), Array("TZif2".utf8) + Array(repeating: 0xFF, count: 90),
        ] {
            #expect(TimeZoneFile.parse(bytes, name: "x") == nil)
        }
    }
}
