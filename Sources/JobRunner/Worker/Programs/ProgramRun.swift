/// One run of a program that somebody awaits: from `run` to its outcome.
struct ProgramRun {
    /// Tells runs apart within a runner; a job's id may come twice.
    typealias ID = UInt64

    let id: ID
    let program: Program
    let invocation: ProgramInvocation
    /// When the run must be over; counts while it waits for a slot.
    let deadline: ContinuousClock.Instant?
    /// Resumed exactly once, by the runner's thread.
    let continuation: CheckedContinuation<ProgramOutcome, Never>

    /// What is said of a run that reached its deadline.
    var overdue: ProgramOutcome {
        .timedOut("ran longer than \(invocation.deadline ?? .zero); killed")
    }

    func isOverdue(_ now: ContinuousClock.Instant) -> Bool {
        deadline.map { now >= $0 } ?? false
    }

    func end(_ outcome: ProgramOutcome) {
        continuation.resume(returning: outcome)
    }
}
