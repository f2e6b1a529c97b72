/// A line that a program printed on its standard error.
package struct ProgramLogLine: Sendable, Equatable {
    package let program: String
    /// The job that was running; nil when a persistent program spoke between jobs.
    package let jobID: String?
    package let attempt: Int?
    /// Without the line break; invalid UTF-8 repaired, control characters kept:
    /// escape before printing.
    package let text: String
    /// The line was longer than 8 KiB and its rest was dropped.
    package let isCut: Bool
}
