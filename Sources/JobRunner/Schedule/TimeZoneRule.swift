/// The rule at the end of a zoneinfo file, such as `GMT0BST,M3.5.0/1,M10.5.0`: what holds in all
/// years to come.
///
/// - Source: POSIX 1003.1, "Environment Variables", TZ, with the hours of RFC 8536, 3.3.1.
struct TimeZoneRule: Sendable {
    /// A moment of every year, local time.
    enum Moment: Sendable {
        /// Day 1 to 365, the 29th of February not counted.
        case day(Int, time: Int)
        /// Day 0 to 365, the 29th of February counted.
        case leapDay(Int, time: Int)
        /// The nth weekday of a month; 5 is the last.
        case weekday(month: Int, week: Int, day: Int, time: Int)

        /// Seconds since 1970 as if it were UTC.
        func local(in year: Int) -> Int {
            switch self {
            case .day(let day, let time):
                let shift = CivilDay.isLeap(year) && day >= 60 ? day : day - 1
                return (CivilDay(year: year, month: 1, day: 1).number + shift) * 86_400 + time
            case .leapDay(let day, let time):
                return (CivilDay(year: year, month: 1, day: 1).number + day) * 86_400 + time
            case .weekday(let month, let week, let day, let time):
                let first = CivilDay(year: year, month: month, day: 1)
                var date = 1 + (day - first.weekday + 7) % 7 + (week - 1) * 7
                while date > first.lastOfMonth { date -= 7 }
                return (first.number + date - 1) * 86_400 + time
            }
        }
    }

    /// Local time minus UTC, seconds.
    let standard: Int
    let summer: (offset: Int, start: Moment, end: Moment)?

    /// The two changes of a year, in order.
    func changes(in year: Int) -> [TimeZoneRules.Change] {
        guard let summer else { return [] }
        let start = TimeZoneRules.Change(
            at: summer.start.local(in: year) - standard, offset: summer.offset)
        let end = TimeZoneRules.Change(
            at: summer.end.local(in: year) - summer.offset, offset: standard)
        return start.at < end.at ? [start, end] : [end, start]
    }

    /// Nil for what is no rule.
    init?(_ text: some Collection<UInt8>) {
        var reader = TimeZoneRuleReader(rest: Array(text)[...])
        guard reader.name(), let west = reader.time(), west.magnitude < 93_600 else { return nil }
        standard = -west
        guard !reader.rest.isEmpty else {
            summer = nil
            return
        }
        guard reader.name() else { return nil }
        var offset = standard + 3600
        if reader.rest.first != UInt8(ascii: ",") {
            guard let west = reader.time(), west.magnitude < 93_600 else { return nil }
            offset = -west
        }
        guard reader.skip(","), let start = reader.moment(), reader.skip(","),
            let end = reader.moment(), reader.rest.isEmpty
        else { return nil }
        summer = (offset, start, end)
    }
}

/// Reads the parts of such a rule.
private struct TimeZoneRuleReader {
    var rest: ArraySlice<UInt8>

    mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: byte) else { return false }
        rest.removeFirst()
        return true
    }

    /// `GMT`, or `<+1030>`.
    mutating func name() -> Bool {
        if skip("<") {
            guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
            rest = rest[(end + 1)...]
            return true
        }
        let letters = rest.prefix {
            $0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z")
        }
        rest = rest.dropFirst(letters.count)
        return letters.count >= 3
    }

    mutating func number() -> Int? {
        let digits = rest.prefix { (48...57).contains($0) }
        guard (1...4).contains(digits.count) else { return nil }
        rest = rest.dropFirst(digits.count)
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    /// `[+-]h[h[h]][:mm[:ss]]` in seconds.
    mutating func time() -> Int? {
        let isNegative = skip("-")
        if !isNegative { _ = skip("+") }
        guard let hours = number() else { return nil }
        var seconds = hours * 3600
        for scale in [60, 1] where skip(":") {
            guard let part = number() else { return nil }
            seconds += part * scale
        }
        return isNegative ? -seconds : seconds
    }

    /// `M3.5.0/1`, `J60/2` or `59`.
    mutating func moment() -> TimeZoneRule.Moment? {
        if skip("M") {
            guard let month = number(), (1...12).contains(month), skip("."), let week = number(),
                (1...5).contains(week), skip("."), let day = number(), (0...6).contains(day),
                let time = timeOfDay()
            else { return nil }
            return .weekday(month: month, week: week, day: day, time: time)
        }
        let countsLeapDays = !skip("J")
        guard let day = number(), day <= 365, let time = timeOfDay() else { return nil }
        return countsLeapDays ? .leapDay(day, time: time) : .day(day, time: time)
    }

    /// Two in the morning unless it says otherwise.
    private mutating func timeOfDay() -> Int? { skip("/") ? time() : 7200 }
}
