/// What is wrong with a schedule that somebody wrote, as one sentence.
public struct ScheduleError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Such as `cron '31 2 *': 3 fields, 5 are needed`; what was written is escaped and cut.
    public let description: String

    package init(_ description: String) {
        self.description = description
    }
}
