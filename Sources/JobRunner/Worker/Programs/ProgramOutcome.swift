/// How the run of a program ended.
package enum ProgramOutcome: Sendable, Equatable {
    /// The result, one JSON value; `null` when the program printed nothing.
    case done([UInt8])
    /// Try again later, with the reason.
    case retry(String)
    /// Not started, for want of descriptors, processes or memory: nothing of the job's doing.
    case notStarted(String)
    /// Do not try again, with the reason.
    case bury(String)
    /// Failed, with the reason; the job's own retries decide.
    case failed(String)
    /// Killed at its time limit.
    case timedOut(String)
    /// Killed because the task that ran it was cancelled, or never started.
    case cancelled
}
