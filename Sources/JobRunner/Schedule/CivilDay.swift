/// A day of the proleptic Gregorian calendar, in no time zone.
///
/// - Source: howardhinnant.github.io/date_algorithms.html, `days_from_civil`, `civil_from_days`.
struct CivilDay: Sendable, Hashable {
    var year: Int
    /// 1 to 12.
    var month: Int
    /// 1 to 31.
    var day: Int

    init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// - Parameter number: Days since 1970-01-01; may be negative.
    init(number: Int) {
        let (era, day) = (number + 719_468).floorDivided(by: 146_097)
        let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        self.day = dayOfYear - (153 * shifted + 2) / 5 + 1
    }

    /// Days since 1970-01-01.
    var number: Int {
        let year = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = year.floorDivided(by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// 0 is Sunday.
    var weekday: Int { (number + 4).floorDivided(by: 7).rest }

    /// The last day of this month.
    var lastOfMonth: Int { Self.days(in: month, of: year) }

    /// The first day of the next month.
    var nextMonth: CivilDay {
        month == 12
            ? CivilDay(year: year + 1, month: 1, day: 1)
            : CivilDay(year: year, month: month + 1, day: 1)
    }

    static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }
}

extension Int {
    /// Towards minus infinity: the rest is never negative.
    ///
    /// - Parameter divisor: Over 0.
    func floorDivided(by divisor: Int) -> (quotient: Int, rest: Int) {
        let rest = ((self % divisor) + divisor) % divisor
        return ((self - rest) / divisor, rest)
    }
}
