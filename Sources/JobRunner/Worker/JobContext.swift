internal import RedisLink

/// What a handler knows of its job and may ask of its worker.
public struct JobContext: Sendable {
    /// The job's id; made here for a job that came without one.
    public let id: String
    /// The job's name.
    public let job: String
    /// The queue it was fetched from.
    public let queue: String
    /// Which run this is: 1 for the first.
    public let attempt: Int
    /// The last run that may fail.
    public let maxAttempts: Int
    /// When it was enqueued, ms since 1970 by the producer's clock; nil when it did not say.
    public let enqueuedAt: Int?
    /// Grows with every delivery in the queue: hand it on so that others can refuse an older run.
    public let fence: Int
    /// It was lost with a worker before: this run may repeat effects of that one.
    public let isRedelivery: Bool
    /// How long this run may take, from its start; nil is without limit.
    public let timeLimit: Duration?

    let flow: FlowPlace?
    let slot: Int
    let startedAt: Int64
    let engine: WorkerEngine

    /// Time left until the handler is cancelled; nil is without limit.
    public var deadline: ContinuousClock.Instant? {
        timeLimit.map {
            .now + $0 - .nanoseconds(monotonicNanoseconds() - startedAt)
        }
    }

    /// The run is to end: out of time, not wanted any more, lease lost, or the worker stops.
    ///
    /// In a task `Task.isCancelled` says the same; on a thread only this does.
    public var isCancelled: Bool { engine.isCancelled(slot) }

    /// Writes to the worker's log, with the job's name and id.
    public var logger: JobLogger { JobLogger(context: self) }

    /// Enqueues follow-up jobs.
    public var client: JobClient { engine.client }

    /// Reports how far it is, for those who watch; at most 10 times a second are written.
    ///
    /// A report that cannot be written is dropped: it must not fail the job.
    ///
    /// - Parameters:
    ///   - fraction: 0 to 1; clamped.
    ///   - message: Cut to 200 characters.
    public func progress(_ fraction: Double, _ message: String = "") async {
        await engine.report(progress: fraction, message, of: self)
    }
}

/// Writes lines of one job to the worker's log.
public struct JobLogger: Sendable {
    let context: JobContext

    /// For the developer.
    public func debug(_ message: String) { log(.debug, message) }
    /// For the operator.
    public func info(_ message: String) { log(.info, message) }
    /// Something is odd and went on.
    public func warning(_ message: String) { log(.warning, message) }
    /// Something failed.
    public func error(_ message: String) { log(.error, message) }

    private func log(_ level: LogLevel, _ message: String) {
        context.engine.options.onEvent(
            .log(level, message, job: context.job, id: context.id, attempt: context.attempt))
    }
}
