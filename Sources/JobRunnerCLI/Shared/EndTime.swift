internal import JobRunner

/// Until when something holds, as two options say it: at a time, or after a time.
enum EndTime {
    /// - Throws: `CommandFailure` for both at once.
    static func check(
        _ invocation: Invocation, until: Option<StartTime>, length: Option<Duration>
    ) throws(CommandFailure) {
        guard invocation.optional(until) != nil, invocation.optional(length) != nil else { return }
        throw CommandFailure("\(until.info.name) and \(length.info.name) cannot go together")
    }

    /// - Parameter now: Server ms.
    /// - Returns: For how long from now; nil when neither was given.
    /// - Throws: `CommandFailure` for a time that is past.
    static func read(
        _ invocation: Invocation, until: Option<StartTime>, length: Option<Duration>, now: Int
    ) throws(CommandFailure) -> Duration? {
        if let length = invocation.optional(length) { return length }
        switch invocation.optional(until) {
        case nil: return nil
        case .after(let delay)?:
            guard delay > .zero else {
                throw CommandFailure("\(until.info.name) must be in the future")
            }
            return delay
        case .at(let time)?:
            guard time > now else {
                throw CommandFailure(
                    "\(until.info.name) must be in the future, "
                        + "got '\(RFC3339.format(milliseconds: time))'")
            }
            return .milliseconds(time - now)
        }
    }
}
