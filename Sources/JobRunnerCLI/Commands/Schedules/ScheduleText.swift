internal import FoundationEssentials
internal import JobRunner

/// A schedule in words, the same in lists and differences.
enum ScheduleText {
    /// `every 30s`, `cron 0 3 * * * Europe/London`.
    static func timing(_ schedule: Schedule) -> String {
        switch schedule.timing {
        case .every(let interval, let offset):
            let moved = offset == .zero ? "" : " offset \(DurationText.format(offset))"
            return "every \(DurationText.format(interval))\(moved)"
        case .cron(let expression, let zone):
            // As it is kept: one blank between two fields.
            let fields = expression.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            return "cron \(fields) \(zone)"
        @unknown default: return "?"
        }
    }

    static func missed(_ missed: Schedule.Missed) -> String {
        switch missed {
        case .skip: "skip"
        case .once: "once"
        case .all(let most): "\(most)"
        @unknown default: "?"
        }
    }

    /// What two schedules of one name can differ in.
    static func parts(_ schedule: Schedule, isEnabled: Bool) -> [(label: String, text: String)] {
        let options = schedule.options
        let usual = JobOptions()
        var parts = [
            ("times", timing(schedule)), ("job", schedule.job), ("args", schedule.arguments),
            ("queue", schedule.queue), ("jitter", DurationText.format(schedule.jitter)),
            ("missed", missed(schedule.missed)), ("overlap", schedule.overlap.rawValue),
            ("enabled", isEnabled ? "true" : "false"),
        ]
        // A file says none of these; code may.
        if schedule.version != 1 { parts.append(("version", "\(schedule.version)")) }
        if options.maxAttempts != usual.maxAttempts {
            parts.append(("max attempts", "\(options.maxAttempts)"))
        }
        if let limit = options.timeLimit {
            parts.append(("time limit", DurationText.format(limit)))
        }
        if options.keepResult != usual.keepResult {
            parts.append(("keep result", DurationText.format(options.keepResult)))
        }
        if let expires = options.expires {
            let then = options.whenExpired.rawValue
            parts.append(("expires", "\(DurationText.format(expires)), then \(then)"))
        }
        if options.priority != usual.priority { parts.append(("priority", "\(options.priority)")) }
        if let argument = options.fairBy { parts.append(("fair by", argument)) }
        if let unique = options.unique {
            parts.append(("unique", "until \(unique.until.rawValue), by \(key(unique.key))"))
        }
        return parts
    }

    private static func key(_ key: Unique.Key) -> String {
        switch key {
        case .arguments: "all arguments"
        case .argument(let name): "argument \(name)"
        case .key(let text): "key \(text)"
        @unknown default: "?"
        }
    }

    /// ms since 1970, as other commands print times.
    static func milliseconds(_ date: Date?) -> Int? {
        date.map { Int(($0.timeIntervalSince1970 * 1000).rounded()) }
    }
}
