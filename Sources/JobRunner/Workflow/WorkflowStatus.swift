/// How a workflow stands: its steps as they were written down, and what became of each.
///
/// All times are ms since 1970 by the server's clock.
public struct WorkflowStatus: Sendable, Equatable {
    /// How a workflow stands as a whole.
    @nonexhaustive
    public enum State: String, Sendable, CaseIterable {
        /// It has not ended.
        case running
        /// Its last step is done.
        case done
        /// A step was given up.
        case dead
        /// A step was given up and forgotten, by its handler's word.
        case discarded
        /// A step was not started in time.
        case expired
        /// It was cancelled, or a step was.
        case cancelled
    }

    /// A job of it, or a group of steps.
    public struct Step: Sendable, Equatable {
        /// How a step stands.
        @nonexhaustive
        public enum State: String, Sendable {
            /// For the steps before it.
            case waiting
            /// Its job waits for a worker, or runs.
            case enqueued
            /// It returned.
            case done
            /// Given up: the job is in the dead set.
            case dead
            /// Given up and forgotten.
            case discarded
            /// Not started in time.
            case expired
            /// Not wanted any more.
            case cancelled
            /// A step before it failed.
            case skipped

            /// It has ended, and is not done.
            public var isFailure: Bool {
                switch self {
                case .waiting, .enqueued, .done: false
                case .dead, .discarded, .expired, .cancelled, .skipped: true
                }
            }
        }

        /// Counts from 0; those of a group's steps are below its own.
        public let number: Int
        /// What people call it: the job's name unless it was given another.
        public let label: String
        /// The job's name; nil for a group.
        public let job: String?
        /// The job's queue; nil for a group.
        public let queue: String?
        /// What a group needs: `all`, `one` (all, with the result of one), `each` (that all end),
        /// a number, or `many` for an open one; nil for a job.
        public let needs: String?
        /// The steps whose results are a group's.
        public let members: [Int]
        /// The lowest number of a group's steps.
        public let first: Int?
        /// The steps that it waits for.
        public let after: [Int]
        /// The step whose failure sets it off; it is no part of the way to the result.
        public let onFailureOf: Int?
        /// What of an open group sets it off: `success`, `completion` or `death`.
        public let hook: String?
        /// How it stands.
        public let state: State
        /// When its job was enqueued, as far as that is known.
        public let enqueuedAt: Int?
        /// When it ended.
        public let endedAt: Int?
        /// How its job failed; of at most 100 steps.
        public let failure: WorkflowFailure?
    }

    /// The members of an open group.
    public struct Members: Sendable, Equatable {
        /// Not ended yet.
        public let open: Int
        /// How many ended in each state; of the first 10,000 or so.
        public let ended: [Step.State: Int]
        /// All that ended are counted.
        public let isComplete: Bool
        /// How the first of them failed, at most 20.
        public let failures: [WorkflowFailure]
    }

    /// Its home queue.
    public let queue: String
    /// 1 to 30 of `A-Z a-z 0-9 . _ -`.
    public let id: String
    /// What people call it; may be empty.
    public let name: String
    /// How it stands.
    public let state: State
    /// When it was started.
    public let openedAt: Int
    /// When it ended.
    public let endedAt: Int?
    /// 1, and one more for each retry.
    public let round: Int
    /// In the order of their numbers.
    public let steps: [Step]
    /// The step whose end is the workflow's.
    public let root: Int
    /// Of a batch.
    public let members: Members?
    /// When this was read.
    public let readAt: Int

    /// `queue/id`.
    public var handle: String { "\(queue)/\(id)" }
}

/// A workflow in a list.
public struct WorkflowSummary: Sendable, Equatable {
    /// Its home queue.
    public let queue: String
    /// 1 to 30 of `A-Z a-z 0-9 . _ -`.
    public let id: String
    /// What people call it; may be empty.
    public let name: String
    /// How it stands.
    public let state: WorkflowStatus.State
    /// When it was started, ms since 1970 by the server's clock.
    public let openedAt: Int
    /// When it ended.
    public let endedAt: Int?
    /// How many steps it has, groups and what starts at a failure included.
    public let steps: Int

    /// `queue/id`.
    public var handle: String { "\(queue)/\(id)" }
}
