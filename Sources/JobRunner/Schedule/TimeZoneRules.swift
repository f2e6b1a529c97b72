/// When the clocks of a time zone show what: its offsets from UTC, past and to come.
///
/// Read from the system's zoneinfo files, which every Unix has (package `tzdata`): Foundation's
/// time zones need ICU, 40 MB that a worker has no other use for. Times are seconds since 1970.
package struct TimeZoneRules: Sendable {
    /// A span of time with one offset.
    struct Span: Sendable, Equatable {
        /// Its first second; `.min` without one.
        var start: Int
        /// The first second behind it; `.max` without one.
        var end: Int
        /// Local time minus UTC, seconds.
        var offset: Int
    }

    /// A change of the offset.
    struct Change: Sendable, Equatable {
        var at: Int
        var offset: Int
    }

    /// The zone's name, as `Europe/London`.
    package let name: String
    /// The offset before the first change.
    private let first: Int
    /// In order.
    private let changes: [Change]
    /// What holds behind the last of them; nil: the last one for ever.
    private let rule: TimeZoneRule?

    init(name: String, first: Int, changes: [Change], rule: TimeZoneRule?) {
        self.name = name
        self.first = first
        self.changes = changes
        self.rule = rule
    }

    /// The rules of a zone by its name.
    ///
    /// - Throws: `ScheduleError`: `time zone 'Mars/X' is unknown`.
    package static func named(_ name: String) throws(ScheduleError) -> TimeZoneRules {
        try TimeZoneFile.rules(of: name)
    }

    /// Local time minus UTC at a time, seconds.
    package func offset(at time: Int) -> Int { span(at: time).offset }

    package static let utc = TimeZoneRules(name: "UTC", first: 0, changes: [], rule: nil)

    /// The span that a time is in.
    func span(at time: Int) -> Span {
        var low = 0
        var high = changes.count
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].at <= time { low = middle + 1 } else { high = middle }
        }
        if low == changes.count, let rule { return span(at: time, by: rule) }
        return Span(
            start: low == 0 ? .min : changes[low - 1].at,
            end: low == changes.count ? .max : changes[low].at,
            offset: low == 0 ? first : changes[low - 1].offset)
    }

    private func span(at time: Int, by rule: TimeZoneRule) -> Span {
        let last = changes.last ?? Change(at: .min, offset: rule.standard)
        guard rule.summer != nil else {
            return Span(start: last.at, end: .max, offset: last.offset)
        }
        let year = CivilDay(number: time.floorDivided(by: 86_400).quotient).year
        var span = Span(start: last.at, end: .max, offset: last.offset)
        for change in (year - 1...year + 1).flatMap({ rule.changes(in: $0) })
        where change.at > last.at {
            if change.at > time {
                span.end = change.at
                return span
            }
            span.start = change.at
            span.offset = change.offset
        }
        return span
    }

    /// When clocks show a local time, given as seconds since 1970 as if it were UTC.
    ///
    /// A time that they show twice is the first of the two; one that they skip is the moment
    /// they jump.
    func instant(ofLocal local: Int) -> Int {
        // No offset is as large as 26 hours.
        var span = span(at: local - 93_600)
        while true {
            if span.start != .min, local < span.start + span.offset { return span.start }
            if span.end == .max || local < span.end + span.offset { return local - span.offset }
            span = self.span(at: span.end)
        }
    }
}
