internal import RedisLink

extension JobClient {
    /// The outcome of a job, nil when it has none (yet, or any more).
    package func outcome(queue: String, id: String) async throws -> JobOutcome? {
        let call = QueueStore(keys.queue(queue)).result(id, atMost: options.resultBytes)
        let json: [UInt8]?
        do {
            json = try await router.connection(for: call.key).send(call)
        } catch {
            throw JobRunnerError.redis(error)
        }
        if let json { try check(json, of: "\(queue)/\(id)") }
        return json.flatMap { JobOutcome(json: $0) }
    }

    /// - Throws: `undecodable` for one that was cut.
    private func check(_ json: [UInt8], of handle: String) throws(JobRunnerError) {
        guard json.count > options.resultBytes else { return }
        throw .undecodable(
            handle: handle,
            reason: "it has more than \(options.resultBytes) bytes, this client's maxResultBytes")
    }

    /// Waits for the outcome of a job, without polling.
    ///
    /// - Parameter isFresh: It was enqueued just now: there is no outcome yet, most likely.
    package func waitForOutcome(
        queue: String, id: String, timeout: Duration, isFresh: Bool = false
    ) async throws -> JobOutcome {
        let end = await watch.end(
            of: keys.queue(queue).result(id), deadline: monotonicDeadline(after: timeout),
            isFresh: isFresh)
        return try outcome(end, queue: queue, id: id, after: timeout)
    }

    /// What became of a wait.
    func outcome(_ end: WaitEnd, queue: String, id: String, after timeout: Duration) throws
        -> JobOutcome
    {
        let handle = "\(queue)/\(id)"
        switch end {
        case .watched(.value(let json)):
            try check(json, of: handle)
            if let outcome = JobOutcome(json: json) { return outcome }
            throw JobRunnerError.undecodable(handle: handle, reason: "not an outcome")
        case .watched(.timeIsUp(nil)): throw JobRunnerError.timedOut(handle: handle, after: timeout)
        case .watched(.timeIsUp(let error?)), .watched(.failed(let error)):
            throw JobRunnerError.redis(error)
        case .watched(.stopped): throw JobRunnerError.stopped
        case .cancelled: throw CancellationError()
        case .refused(let error): throw error
        case .full: throw full(queue)
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
