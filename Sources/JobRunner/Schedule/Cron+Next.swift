/// When a cron expression is due, over the jumps of a zone's clocks too.
///
/// As in Vixie cron: an entry with `*` in the hour follows the clock on the wall. One of fixed
/// hours has no surprise: times that the clock skips run right after it jumped, at once for all
/// of them, and times that it shows twice run the first time only.
extension Cron {
    /// How far it looks: any 29th of February of any weekday comes within 40 years.
    private static let horizon = 50 * 366

    /// The first time after another, both seconds since 1970.
    ///
    /// - Returns: Nil when there is none within 50 years.
    func next(after time: Int, in zone: TimeZoneRules) -> Int? {
        followsClock ? nextOnWall(after: time, zone) : nextFixed(after: time, zone)
    }

    private func nextFixed(after time: Int, _ zone: TimeZoneRules) -> Int? {
        var local = time + zone.span(at: time).offset
        while let match = nextLocal(after: local) {
            // In the second of two equal hours these are past.
            let instant = zone.instant(ofLocal: match)
            if instant > time { return instant }
            local = match
        }
        return nil
    }

    private func nextOnWall(after time: Int, _ zone: TimeZoneRules) -> Int? {
        var after = time
        var span = zone.span(at: time)
        while span.start < time + Self.horizon * 86_400 || span.start == .min {
            if let match = nextLocal(after: after + span.offset) {
                let instant = match - span.offset
                if instant < span.end { return instant }
            }
            guard span.end != .max else { return nil }
            span = zone.span(at: span.end)
            after = span.start - 1
        }
        return nil
    }

    /// The first matching minute after a local time, both as seconds since 1970 as if in UTC.
    func nextLocal(after local: Int) -> Int? {
        let minute = local.floorDivided(by: 60).quotient + 1
        let (first, minuteOfDay) = minute.floorDivided(by: 1440)
        if matches(CivilDay(number: first)), let found = nextMinute(from: minuteOfDay) {
            return first * 86_400 + found * 60
        }
        guard let earliest = nextMinute(from: 0) else { return nil }
        var number = first + 1
        while number <= first + Self.horizon {
            let day = CivilDay(number: number)
            if !months.has(day.month) {
                number = day.nextMonth.number
                continue
            }
            if matches(day) { return number * 86_400 + earliest * 60 }
            number += 1
        }
        return nil
    }

    /// The first matching minute of a day, counted from midnight.
    private func nextMinute(from minute: Int) -> Int? {
        guard minute < 1440 else { return nil }
        let hour = minute / 60
        if hours.has(hour), let found = minutes.first(from: minute % 60) {
            return hour * 60 + found
        }
        guard let next = hours.first(from: hour + 1), let found = minutes.first(from: 0) else {
            return nil
        }
        return next * 60 + found
    }

    private func matches(_ day: CivilDay) -> Bool {
        guard months.has(day.month) else { return false }
        let isDay = days.has(day.day) || daysFromEnd.has(day.lastOfMonth - day.day)
        let weekday = day.weekday
        let isWeekday =
            weekdays.has(weekday) || weekdaysOfMonth.has(weekday * 8 + (day.day + 6) / 7)
            || day.day + 7 > day.lastOfMonth && weekdaysOfMonth.has(weekday * 8)
        return isAnyDay || isAnyWeekday ? isDay && isWeekday : isDay || isWeekday
    }
}

extension UInt64 {
    fileprivate func has(_ number: Int) -> Bool { self >> UInt64(number) & 1 == 1 }

    /// The least member from a number on; nil when there is none.
    fileprivate func first(from number: Int) -> Int? {
        guard number < 64 else { return nil }
        let rest = (self >> UInt64(number)) << UInt64(number)
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }
}
