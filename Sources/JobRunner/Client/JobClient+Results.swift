internal import RedisLink

extension JobClient {
    /// The outcome of a job, nil when it has none (yet, or any more).
    package func outcome(queue: String, id: String) async throws -> JobOutcome? {
        let call = QueueStore(keys.queue(queue)).result(id)
        do {
            let json = try await router.connection(for: call.key).send(call)
            return json.flatMap { JobOutcome(json: $0) }
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    /// Waits for the outcome of a job, without polling.
    ///
    /// - Parameter isFresh: It was enqueued just now: there is no outcome yet, most likely.
    package func waitForOutcome(
        queue: String, id: String, timeout: Duration, isFresh: Bool = false
    ) async throws -> JobOutcome {
        let handle = "\(queue)/\(id)"
        let end = await watch.end(
            of: keys.queue(queue).result(id), deadline: monotonicDeadline(after: timeout),
            isFresh: isFresh)
        switch end {
        case .value(let json):
            if let outcome = JobOutcome(json: json) { return outcome }
            throw JobRunnerError.undecodable(handle: handle, reason: "not an outcome")
        case .timeIsUp(nil): throw JobRunnerError.timedOut(handle: handle, after: timeout)
        case .timeIsUp(let error?), .failed(let error): throw JobRunnerError.redis(error)
        case .stopped: throw JobRunnerError.stopped
        case nil: throw CancellationError()
        }
    }

    /// A handle for a job that was enqueued elsewhere.
    ///
    /// - Parameter handle: `queue/id`, or an id alone for the queue `default`.
    /// - Throws: `NameError`.
    public func handle<Output: Codable & Sendable>(
        _ handle: String, output: Output.Type = JSONValue.self
    ) throws -> JobHandle<Output> {
        let parsed = try JobHandleID(handle)
        return JobHandle(
            id: parsed.id.description, queue: parsed.queue.description, isDuplicate: false,
            client: self)
    }
}
