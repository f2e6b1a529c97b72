internal import JobRunner

/// When a job may start, as a user gives it to `--at`.
enum StartTime: Sendable, Equatable {
    /// Milliseconds since 1970.
    case at(Int)
    case after(Duration)

    /// Longest wait from now: that of `Due`.
    static let longest = Due.longest
}

extension ValueReader where Value == StartTime {
    /// `2026-01-31T12:30:00Z`, or `+10m` from now.
    static var startTime: ValueReader<StartTime> {
        let example = "a time such as 2026-01-31T12:30:00Z or +10m"
        return ValueReader(describe: example) { text throws(InvalidValue) in
            if text.hasPrefix("+") {
                guard let delay = DurationText.parse(String(text.dropFirst())) else {
                    throw InvalidValue()
                }
                guard delay <= StartTime.longest else { throw InvalidValue("within 10 years") }
                return .after(delay)
            }
            guard let time = RFC3339.parse(text) else { throw InvalidValue() }
            let latest = WallClock.milliseconds() + StartTime.longest.milliseconds
            guard time <= latest else { throw InvalidValue("within 10 years") }
            return .at(time)
        }
    }
}

extension ValueReader where Value == Duration {
    /// Nothing at all, or from a second to 30 days: how long a result is kept.
    static var retention: ValueReader<Duration> {
        ValueReader(describe: "0s, or between 1s and 30d", show: DurationText.format) {
            text throws(InvalidValue) in
            guard let duration = DurationText.parse(text),
                duration == .zero || (.seconds(1) ... .seconds(30 * 86_400)).contains(duration)
            else { throw InvalidValue() }
            return duration
        }
    }
}
