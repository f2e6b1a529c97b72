/// Where a job is, and what is known of it.
public struct JobStatus: Sendable, Equatable {
    /// Where a job can be.
    @nonexhaustive
    public enum State: String, Sendable, Codable, CaseIterable {
        /// It waits for its time.
        case scheduled
        /// It failed, and waits for the time of its next attempt.
        case retrying
        /// It waits for a worker.
        case ready
        /// It waits for a worker that knows its name and version.
        case parked
        /// It waits for room under a limit, or for the end of a pause of its kind.
        case blocked
        /// A worker holds it: it runs, or will in a moment.
        case active
        /// Its handler returned.
        case done
        /// Given up: it is in the dead set.
        case dead
        /// Given up and forgotten, by the handler's word.
        case discarded
        /// Cancelled before it ended.
        case cancelled
        /// Not started in time, and dropped.
        case expired
        /// It was accepted, and more jobs wait than were looked through.
        case accepted
        /// It was accepted and is nowhere now: it ended and that is not kept (any more), or it was
        /// purged; which of them cannot be told.
        case gone
        /// Redis knows nothing of the id: it never was, or all that was kept of it has expired.
        case unknown
    }

    /// Where it is.
    public let state: State
    /// When it is due, ms since 1970 by the server's clock; of `scheduled` and `retrying`.
    public internal(set) var dueAt: Int?
    /// The worker that holds it, the kind it is parked as, the limit it waits for.
    public internal(set) var place: String?
    /// Somebody asked to cancel it: it does not start, or is told to stop.
    public internal(set) var isCancelling = false

    init(_ state: State, dueAt: Int? = nil, place: String? = nil) {
        self.state = state
        self.dueAt = dueAt
        self.place = place
    }

    /// No further change is to be expected.
    public var isOver: Bool {
        switch state {
        case .done, .dead, .discarded, .cancelled, .expired, .gone: true
        default: false
        }
    }
}

extension JobStatus.State {
    init(_ state: JobOutcome.State) {
        self =
            switch state {
            case .done: .done
            case .dead: .dead
            case .discarded: .discarded
            case .cancelled: .cancelled
            case .expired: .expired
            }
    }
}
