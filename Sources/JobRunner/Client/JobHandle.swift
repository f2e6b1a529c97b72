internal import FoundationEssentials
internal import RedisLink

/// A job that was enqueued: where to find it, and its result.
public struct JobHandle<Output: Codable & Sendable>: Sendable, CustomStringConvertible {
    /// The job's id, 1 to 64 of `A-Z a-z 0-9 . _ -`.
    public let id: String
    /// The queue it went to.
    public let queue: String
    /// Nothing was enqueued now: this id was accepted before, or this job holds the unique key.
    public let isDuplicate: Bool

    /// This client enqueued it: that there is such a job is no question.
    var isKnown = false
    /// What is kept of its end; nil when that is not known here.
    var results: ResultPolicy?
    let client: JobClient

    /// `queue/id`: what the command line takes, and all that is needed to find the result.
    public var description: String { "\(queue)/\(id)" }

    /// Waits until the job ends and returns what its handler returned.
    ///
    /// Does not poll: Redis tells when the outcome is written. Any number of tasks may wait, for
    /// one job or for many; all of a client share one connection. A wake-up that is lost costs a
    /// few seconds at most, never the result.
    ///
    /// - Parameter timeout: From now; it is exceeded by a command's timeout at most, for a last
    ///   look. A restart of Redis meanwhile is waited out.
    /// - Throws: `timedOut` (the job may still run), `unknownOrExpired` (the same for a handle of
    ///   an id that Redis does not know), `notKept` at once when there will be no value, `failed`
    ///   when it was given up, `undecodable`, `redis`, `stopped` when the client is closed;
    ///   `CancellationError` as soon as the task is cancelled.
    public func value(timeout: Duration = .seconds(30)) async throws -> Output {
        if let results, !results.keepsValues { throw JobRunnerError.notKept(handle: description) }
        return try value(of: try await awaitOutcome(timeout))
    }

    func value(of outcome: JobOutcome) throws -> Output {
        guard outcome.state == .done else {
            let failure =
                outcome.failure ?? JobFailure(type: outcome.state.rawValue, message: "no result")
            throw JobRunnerError.failed(handle: description, failure)
        }
        do {
            return try outcome.value(as: Output.self)
        } catch {
            throw JobRunnerError.undecodable(handle: description, reason: decodingReason(error))
        }
    }

    private func awaitOutcome(_ timeout: Duration) async throws -> JobOutcome {
        do {
            return try await client.waitForOutcome(
                queue: queue, id: id, timeout: timeout, isFresh: isKnown && !isDuplicate)
        } catch JobRunnerError.timedOut(let handle, let after) {
            if !isKnown, try await client.traces(queue: queue, id: id).isEmpty {
                throw JobRunnerError.unknownOrExpired(handle: handle, after: after)
            }
            throw JobRunnerError.timedOut(handle: handle, after: after)
        }
    }

    /// How it ended, nil when it has not, or when its outcome is not kept (any more).
    public func outcome() async throws -> JobOutcome? {
        try await client.outcome(queue: queue, id: id)
    }
}

/// Where a value did not fit, as a path, never the value itself.
package func decodingReason(_ error: any Error) -> String {
    func path(_ keys: [any CodingKey]) -> String {
        keys.isEmpty ? "" : " at '\(printable(keys.map(\.stringValue).joined(separator: ".")))'"
    }
    switch error {
    case DecodingError.keyNotFound(let key, let context):
        return "key '\(printable(key.stringValue))' is missing\(path(context.codingPath))"
    case DecodingError.typeMismatch(let type, let context):
        return "not of type \(type)\(path(context.codingPath))"
    case DecodingError.valueNotFound(let type, let context):
        return "null where \(type) is needed\(path(context.codingPath))"
    case DecodingError.dataCorrupted(let context):
        return "not readable\(path(context.codingPath))"
    default:
        return "\(type(of: error))"
    }
}
