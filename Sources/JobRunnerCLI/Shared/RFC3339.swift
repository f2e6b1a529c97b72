/// Times as text: `2026-01-31T12:30:00Z`, `2026-01-31T12:30:00.250+01:00`.
///
/// By hand: Foundation's parser takes no fractions unless told that there are some.
enum RFC3339 {
    /// Milliseconds since 1970; nil for anything else, such as the 30th of February.
    static func parse(_ text: String) -> Int? {
        var rest = Array(text.utf8)[...]
        guard let year = digits(4, &rest), skip("-", &rest),
            let month = digits(2, &rest), skip("-", &rest), let day = digits(2, &rest),
            skip("Tt ", &rest), let hour = digits(2, &rest), skip(":", &rest),
            let minute = digits(2, &rest), skip(":", &rest), let second = digits(2, &rest),
            (1...12).contains(month), (1...daysIn(month, of: year)).contains(day),
            hour < 24, minute < 60, second < 60,
            let fraction = fraction(&rest), let offset = offset(&rest), rest.isEmpty
        else { return nil }
        let seconds =
            days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset * 60
        return seconds * 1000 + fraction
    }

    /// In UTC, with milliseconds.
    static func format(milliseconds: Int) -> String {
        // The calendar below ends with the year 9999.
        let limited = min(max(milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        let (day, rest) = floorDivided(limited, 86_400_000)
        let (year, month, dayOfMonth) = date(day)
        let clock = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60]
            .map { padded($0, 2) }.joined(separator: ":")
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
        return "\(date)T\(clock).\(padded(rest % 1000, 3))Z"
    }

    // MARK: Calendar

    /// Days since 1970-01-01 of the proleptic Gregorian calendar.
    ///
    /// - Source: howardhinnant.github.io/date_algorithms.html, `days_from_civil`.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = floorDivided(year, 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// - Source: the same page, `civil_from_days`.
    private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let (era, day) = floorDivided(days + 719_468, 146_097)
        let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func daysIn(_ month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func floorDivided(_ number: Int, _ by: Int) -> (quotient: Int, rest: Int) {
        let rest = ((number % by) + by) % by
        return ((number - rest) / by, rest)
    }

    // MARK: Text

    private static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    private static func digits(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> Int? {
        var number = 0
        for _ in 0..<count {
            guard let byte = rest.first, (48...57).contains(byte) else { return nil }
            number = number * 10 + Int(byte - 48)
            rest.removeFirst()
        }
        return number
    }

    private static func skip(_ any: String, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard let byte = rest.first, any.utf8.contains(byte) else { return false }
        rest.removeFirst()
        return true
    }

    /// Milliseconds of `.5`, `.250` or nothing; finer digits are cut off.
    private static func fraction(_ rest: inout ArraySlice<UInt8>) -> Int? {
        guard skip(".", &rest) else { return 0 }
        var milliseconds = 0
        var scale = 100
        guard rest.first.map({ (48...57).contains($0) }) ?? false else { return nil }
        while let digit = digits(1, &rest) {
            milliseconds += digit * scale
            scale /= 10
        }
        return milliseconds
    }

    /// Minutes of `Z`, `+01:00` or `-0530`.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int? {
        if skip("Zz", &rest) { return 0 }
        let isWest = rest.first == UInt8(ascii: "-")
        guard skip("+-", &rest), let hours = digits(2, &rest) else { return nil }
        _ = skip(":", &rest)
        guard let minutes = digits(2, &rest), hours < 24, minutes < 60 else { return nil }
        return (hours * 60 + minutes) * (isWest ? -1 : 1)
    }
}
