internal import FoundationEssentials

/// The arguments of scheduled jobs as JSON.
enum ScheduledArguments {
    /// The same text for the same job in every process: a schedule is compared by it.
    static func encode<J: Job>(_ job: J) throws -> String {
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(job), as: UTF8.self)
        } catch {
            throw JobRunnerError.unencodable(job: J.name, reason: encodingReason(error))
        }
    }
}
