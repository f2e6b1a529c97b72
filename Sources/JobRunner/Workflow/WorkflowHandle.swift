/// A workflow that was started: where to find it, and its result.
public struct WorkflowHandle<Output: Codable & Sendable>: Sendable, CustomStringConvertible {
    /// 1 to 30 of `A-Z a-z 0-9 . _ -`.
    public let id: String
    /// Its home queue.
    public let queue: String
    /// It was started before, under this id.
    public let isDuplicate: Bool

    let client: JobClient

    /// `queue/id`: what the command line takes.
    public var description: String { "\(queue)/\(id)" }

    private var job: JobHandle<Output> {
        JobHandle(id: id, queue: queue, isDuplicate: isDuplicate, isKnown: true, client: client)
    }

    /// Waits until the workflow ends and returns its last step's result.
    ///
    /// - Throws: `timedOut` (it may still run), `failed` with the first failure that it ended by,
    ///   `undecodable` (also when the results of a group were too large together), or `redis`.
    public func value(timeout: Duration = .seconds(30)) async throws -> Output {
        try await job.value(timeout: timeout)
    }

    /// How it ended, nil when it has not, or when its outcome is not kept (any more).
    public func outcome() async throws -> JobOutcome? { try await job.outcome() }

    /// Cancels it: nothing of it starts any more, what waits or runs is cancelled.
    ///
    /// - Returns: False when it had ended before.
    /// - Throws: `unknownOrExpired`, or `redis`.
    @discardableResult
    public func cancel(reason: String = "cancelled") async throws -> Bool {
        try await client.cancelFlow(queue: queue, id: id, reason: reason)
    }
}
