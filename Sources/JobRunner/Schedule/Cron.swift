/// A cron expression: minute, hour, day of the month, month, day of the week.
///
/// `*`, numbers, ranges `9-17`, steps `*/15` and `0-30/10`, lists, names (`JAN`, `mon`), `L` the
/// last day of the month and `L-3` three before it, `5L` or `FRIL` the last Friday, `5#3` the
/// third; `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`, `@annually`.
/// Sunday is 0 and 7. Where both days are restricted, one that matches either counts.
///
/// - Source: crontab(5) of Vixie cron; `L` and `#` as in Quartz.
struct Cron: Sendable, Hashable, CustomStringConvertible {
    /// As it was written, blanks apart.
    let description: String

    // Sets of numbers, bit n for n.
    let minutes: UInt64
    let hours: UInt64
    let days: UInt64
    /// Bit n: n days before the last of the month.
    let daysFromEnd: UInt64
    let months: UInt64
    let weekdays: UInt64
    /// Bit 8 · weekday + n: the nth of the month; n 0 is the last.
    let weekdaysOfMonth: UInt64
    let isAnyDay: Bool
    let isAnyWeekday: Bool
    /// The hour begins with `*`: it runs by the clock on the wall, whatever that jumps.
    let followsClock: Bool

    /// - Throws: `ScheduleError`: `cron '60 * * * *': minute '60' is not 0 to 59`,
    ///   `cron '30 2 31 2 *' never matches`.
    init(_ text: String) throws(ScheduleError) {
        let words = text.split { $0 == " " || $0 == "\t" }.map(String.init)
        description = words.joined(separator: " ")
        let fields = try Self.fields(words, of: description)
        let minute = try CronField(fields[0], .minute, of: description)
        let hour = try CronField(fields[1], .hour, of: description)
        let day = try CronField(fields[2], .day, of: description)
        let month = try CronField(fields[3], .month, of: description)
        let weekday = try CronField(fields[4], .weekday, of: description)
        minutes = minute.numbers
        hours = hour.numbers
        days = day.numbers
        daysFromEnd = day.fromEnd
        months = month.numbers
        // 7 is Sunday too.
        weekdays = weekday.numbers & 0x7F | weekday.numbers >> 7 & 1
        weekdaysOfMonth = weekday.ofMonth
        isAnyDay = day.isAny
        isAnyWeekday = weekday.isAny
        followsClock = hour.isAny
        // Any 29th of February of any weekday comes within 40 years.
        guard nextLocal(after: 0) != nil else {
            throw ScheduleError("cron '\(printable(description))' never matches")
        }
    }

    private static func fields(_ words: [String], of text: String) throws(ScheduleError)
        -> [String]
    {
        if words.count == 1, let word = words.first, word.hasPrefix("@") {
            switch word.lowercased() {
            case "@hourly": return ["0", "*", "*", "*", "*"]
            case "@daily", "@midnight": return ["0", "0", "*", "*", "*"]
            case "@weekly": return ["0", "0", "*", "*", "0"]
            case "@monthly": return ["0", "0", "1", "*", "*"]
            case "@yearly", "@annually": return ["0", "0", "1", "1", "*"]
            default:
                throw ScheduleError(
                    "cron '\(printable(text))': use @hourly, @daily, @midnight, @weekly, @monthly, "
                        + "@yearly or @annually")
            }
        }
        guard words.count == 5 else {
            let count = words.count == 1 ? "1 field" : "\(words.count) fields"
            throw ScheduleError("cron '\(printable(text))': \(count), 5 are needed")
        }
        return words
    }
}
