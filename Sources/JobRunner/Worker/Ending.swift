internal import FoundationEssentials

/// The end of a job that others are to hear of: its workflow, or who asked for a reply.
struct Ending: Sendable {
    let ties: Ties
    let id: String
    let job: String
    let attempt: Int
    let state: JobOutcome.State
    /// What it returned, JSON; nil is nothing.
    let value: [UInt8]?
    let failure: JobFailure?

    init(_ envelope: Envelope, value: [UInt8]?, attempt: Int) {
        self.init(envelope, .done, value: value, nil, attempt: attempt)
    }

    init(
        _ envelope: Envelope, _ state: JobOutcome.State, value: [UInt8]?, _ failure: JobFailure?,
        attempt: Int
    ) {
        ties = Ties(flow: envelope.flow, reply: envelope.reply)
        id = envelope.id?.description ?? ""
        job = envelope.job
        self.attempt = attempt
        self.state = state
        self.value = value
        self.failure = failure
    }

    /// The letter that `advance.lua` has for the state.
    var letter: String {
        switch state {
        case .done: "d"
        case .dead: "x"
        case .discarded: "g"
        case .cancelled: "c"
        case .expired: "e"
        }
    }

    /// What the workflow keeps of it: what it returned, or how it failed.
    func report(to place: FlowPlace) -> [UInt8]? {
        guard let failure else { return value }
        let report = WorkflowFailure(
            flow: place.handle, step: place.step, job: job, state: state.rawValue,
            type: failure.type, message: failure.message)
        return (try? JSONEncoder().encode(report)).map { [UInt8]($0) }
    }
}

extension Verdict {
    /// The same, with those who are to hear of it; nobody, for nearly all jobs.
    func ending(_ state: JobOutcome.State, _ failure: JobFailure, _ envelope: Envelope) -> Verdict {
        guard envelope.isTied else { return self }
        var verdict = self
        verdict.ending = Ending(envelope, state, value: nil, failure, attempt: end.attempt)
        return verdict
    }
}

extension Run {
    /// What a step takes cannot be had: no further attempt would find it.
    func lacking(_ envelope: Envelope, _ reason: String) -> Verdict {
        var random = SystemRandomNumberGenerator()
        return failed(
            envelope, JobError.bury(reason), attempt: envelope.state.attempt + 1,
            handler: JobOptions(), newID: envelope.id ?? JobID(unchecked: ""), using: &random)
    }
}

extension Envelope {
    /// Others are to hear of its end.
    var isTied: Bool { flow != nil || reply != nil }
}
