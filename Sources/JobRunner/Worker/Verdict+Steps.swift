extension Verdict {
    /// The ack, with what steps of the job have left behind, when the job is over.
    ///
    /// A job that was delivered once and noted nothing costs nothing; of one that was tried or lost
    /// before, or ran in an earlier round of its workflow, an earlier run may have noted something.
    /// The dead keep it, to be retried from there; so does a step that was cancelled with its
    /// workflow, or failed otherwise, for a retry of that.
    ///
    /// - Parameter id: What this run has noted steps under.
    func ack(for delivery: Delivery, stepsOf id: String?) -> Ack {
        guard end.verdict.forgetsSteps, end.verdict == .done || ending?.ties.flow == nil else {
            return ack
        }
        let own = StepOwner.id(job: end.id, flow: ending?.ties.flow)
        // One that expired has not begun another attempt.
        let isAgain =
            end.attempt > (end.verdict == .expired ? 0 : 1) || delivery.crashes > 0
            || own != end.id
        guard id != nil || isAgain else { return ack }
        let id = id ?? own
        guard !id.isEmpty else { return ack }
        var ack = ack
        ack.writes.append(.drop(id: id))
        return ack
    }
}

extension JobEnd.Verdict {
    /// No run of the job comes after it.
    fileprivate var forgetsSteps: Bool {
        switch self {
        case .done, .discarded, .expired, .cancelled: true
        default: false
        }
    }
}
