internal import RedisLink

extension JobClient {
    /// Enqueues a job and waits for what its handler returns: a call and its answer.
    ///
    /// The job is run like any other, and goes on when the caller has gone; when nobody needs the
    /// answer any more after the timeout, let the job expire too.
    ///
    /// It is quicker than `enqueue` and `value(timeout:)`: the worker sends the outcome to this
    /// client as well as it keeps it, so that nothing is read. Should it not arrive, it is looked
    /// for as `value(timeout:)` does.
    ///
    /// - Parameters:
    ///   - timeout: From when it was accepted to its end.
    ///   - queue: Instead of the one of the job's options.
    ///   - expires: Instead of its options': how long from now it may still start.
    /// - Throws: What `enqueue` and `JobHandle.value` throw.
    public func call<J: Job>(
        _ job: J, timeout: Duration = .seconds(30), queue: String? = nil, expires: Duration? = nil
    ) async throws -> J.Output where J.Input == NoInput {
        guard J.options.results.keepsValues else {
            throw JobRunnerError.invalid(
                "the answer of '\(printable(J.name))' cannot be waited for: its results are "
                    + "not kept")
        }
        guard let caller = watch.caller, J.options.unique == nil else {
            return try await enqueue(job, queue: queue, expires: expires).value(timeout: timeout)
        }
        var options = J.options
        if let expires { options.expires = expires }
        let draft = try Draft(
            name: J.name, version: J.version, arguments: Self.encode(job), options: options,
            queue: queue, id: nil, ties: Ties(answer: caller),
            maxBytes: self.options.maxJobBytes)
        guard draft.terms.isPlain else {
            return try await enqueue(draft, due: .now).value(timeout: timeout)
        }
        let handle: JobHandle<J.Output> = try handle(draft, .accepted)
        return try handle.value(of: try await outcome(of: draft, after: timeout))
    }

    /// Enqueues a job that names this client's channel, and waits for its outcome.
    private func outcome(of draft: Draft, after timeout: Duration) async throws -> JobOutcome {
        let batcher = try await batcher(for: draft.queue)
        let key = keys.queue(draft.queue).result(draft.job.id)
        let end = await watch.end { waiter in
            // The enqueue has its own patience, and always an answer.
            let id = watch.add(waiter, key: key, deadline: .max, isFresh: true, isTold: true)
            guard let id else { return nil }
            batcher.add(
                [draft.job],
                for: CallSink(waiter) { [watch] in
                    watch.limit(id, to: monotonicDeadline(after: timeout))
                })
            return id
        }
        return try outcome(end, queue: draft.queue, id: draft.job.id, after: timeout)
    }
}

/// One caller that waits for the outcome of a job, not for its acceptance.
private final class CallSink: EnqueueSink {
    private let waiter: ValueWaiter
    private let onAcceptance: @Sendable () -> Void

    init(_ waiter: ValueWaiter, onAcceptance: @escaping @Sendable () -> Void) {
        self.waiter = waiter
        self.onAcceptance = onAcceptance
    }

    func enqueued(_ index: Int, _ answer: Result<Acceptance, JobRunnerError>) {
        switch answer {
        case .success(.full): waiter.finish(.full)
        case .success: onAcceptance()
        case .failure(let error): waiter.finish(.refused(error))
        }
    }
}
