/// Whose steps are noted: a job in all its runs, and no other job that has its id before or after.
struct StepOwner: Sendable, Hashable {
    /// What they are noted under: the job's id; of a job of a workflow the one that it had in the
    /// first round.
    let id: String
    /// What tells the jobs of one id apart; nil is whoever noted there: a later round of a workflow
    /// goes on from the rounds before it.
    let mark: String?

    /// - Parameter enqueued: As the job has it; no run and no `dead retry` changes it.
    init(job id: String, enqueued: Int?, flow: FlowPlace?) {
        self.id = Self.id(job: id, flow: flow)
        mark = self.id == id ? enqueued.map { "\($0)" } ?? "-" : nil
    }

    /// The same without what tells them apart.
    static func id(job id: String, flow: FlowPlace?) -> String { flow?.jobID ?? id }
}

extension JobContext {
    /// Whose steps this run notes.
    var stepOwner: StepOwner { StepOwner(job: id, enqueued: enqueuedAt, flow: flow) }
}
