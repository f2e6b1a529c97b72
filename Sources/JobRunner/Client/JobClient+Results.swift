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

    /// Waits for the outcome of a job.
    ///
    /// Asks after 1 ms and then at growing intervals up to 50 ms: a job of 10 ms is seen within
    /// 20, one of a minute costs 20 GETs a second.
    package func waitForOutcome(queue: String, id: String, timeout: Duration) async throws
        -> JobOutcome
    {
        let deadline = monotonicDeadline(after: timeout)
        var interval: Int64 = 1_000_000
        while true {
            do {
                if let outcome = try await outcome(queue: queue, id: id) { return outcome }
            } catch JobRunnerError.redis(let error) where error.isTransient {
                // A restart or failover while waiting is not the end of the wait.
                if monotonicNanoseconds() >= deadline { throw JobRunnerError.redis(error) }
            }
            let left = deadline - monotonicNanoseconds()
            guard left > 0 else {
                throw JobRunnerError.timedOut(handle: "\(queue)/\(id)", after: timeout)
            }
            try await Task.sleep(for: .nanoseconds(min(interval, left)))
            interval = min(interval * 3 / 2, 50_000_000)
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
