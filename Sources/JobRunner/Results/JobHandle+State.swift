internal import RedisLink

extension JobHandle {
    /// Where the job is.
    ///
    /// O(1) once it has ended, while its outcome is kept; before that a look through the queue, up
    /// to 100,000 jobs.
    ///
    /// - Throws: `JobRunnerError.redis`.
    public func state() async throws -> JobStatus {
        try await client.state(queue: queue, id: id)
    }

    /// The last report of its handler; nil when there is none (yet, or any more).
    ///
    /// Reports are kept for an hour after the last one.
    ///
    /// - Throws: `JobRunnerError.redis`.
    public func progress() async throws -> JobProgress? {
        let call = QueueStore(client.keys.queue(queue)).progress(id)
        do {
            let json = try await client.router.connection(for: call.key).send(call)
            return json.flatMap { JobProgress(json: $0) }
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    /// What the job tells as it goes on: the newest report of its handler, then how it ended.
    ///
    ///     for try await update in handle.updates() { … }
    ///
    /// Does not poll. Handlers report at most 10 times a second; a slow reader gets the newest
    /// report and misses those between. Ends after `ended`.
    ///
    /// - Parameter timeout: From now to the end of the job; nil waits for ever.
    /// - Throws: In the loop: `timedOut`, `notKept` at once when the end of the job will not be
    ///   known, `redis`, `stopped`; `CancellationError` is not thrown: a cancelled loop just ends.
    public func updates(timeout: Duration? = nil) -> AsyncThrowingStream<JobUpdate, any Error> {
        guard results?.keepsValues ?? true else {
            let handle = description
            return AsyncThrowingStream { throw JobRunnerError.notKept(handle: handle) }
        }
        return JobUpdates.stream(of: id, client.keys.queue(queue), client.watch, timeout: timeout)
    }

    /// Drops what is kept of its end and its progress, before that expires by itself.
    ///
    /// A job that has not ended is not touched: its progress stays, and its outcome is kept when it
    /// ends. Where no outcome is kept, the progress goes by itself, an hour after the last report.
    ///
    /// - Returns: False when no outcome was kept.
    /// - Throws: `JobRunnerError.redis`.
    @discardableResult
    public func forget() async throws -> Bool {
        try await client.forget(queue: queue, id: id)
    }
}

extension JobClient {
    /// Drops what is kept of a job's end and progress, before that expires by itself; nothing of
    /// one that has not ended.
    ///
    /// - Returns: False when no outcome was kept.
    /// - Throws: `NameError`, `JobRunnerError.redis`.
    @discardableResult
    public func forget(queue: String, id: String) async throws -> Bool {
        let store = QueueStore(keys.queue(try QueueName(queue).description))
        let id = try JobID(id).description
        do {
            guard try await send(store.hasResult(id)) else { return false }
            return try await send(store.forgetResult(id)) > 0
        } catch {
            throw JobRunnerError.redis(error)
        }
    }
}
