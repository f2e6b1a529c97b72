internal import RedisLink
internal import Synchronization

extension JobContext {
    /// Does a step of this job, or returns what it returned in an earlier run of the job.
    ///
    ///     let pdf = try await context.step("render") { try await render(order) }
    ///     try await context.step("mail") { try await mail(pdf) }
    ///
    /// A run that was stopped, lost or failed goes on behind the last step that was noted. What is
    /// noted belongs to the job: it is removed when the job ends, kept while it is dead so that
    /// `dead retry` goes on there, and forgotten 7 days after the last note. For an effect that
    /// must be remembered beyond the job's end, `once` has a key and a time of its own.
    ///
    /// A run that is lost between the step's end and the note of it repeats the step, as with
    /// `once`. A step that throws is not noted. A job without an id of its own, as a bare `LPUSH`
    /// may bring, has none to note steps under until its first retry or release.
    ///
    /// - Parameters:
    ///   - name: Names it within the job: 1 to 64 of `A-Z a-z 0-9 . _ -`; each step another.
    ///   - body: What it returns is at most the worker's `maxResultBytes`, all that a job remembers
    ///     at most 1 MiB and 1,000 names.
    /// - Throws: What `body` throws, `NameError`, `StepError`; `CancellationError` when the run is
    ///   to end; `JobRunnerError.redis` when what is noted cannot be read, or the step was done and
    ///   cannot be noted. The attempt should fail then.
    public func step<Value: Codable & Sendable>(
        _ name: String, _ body: () async throws -> Value
    ) async throws -> Value {
        let field = try StepField.step(name)
        if let kept = try await engine.noted(field, of: self) {
            return try field.value(Value.self, of: kept)
        }
        let value = try await body()
        try await engine.note(field, field.json(of: value), of: self)
        return value
    }

    /// The same for a step that returns nothing.
    public func step(_ name: String, _ body: () async throws -> Void) async throws {
        let field = try StepField.step(name)
        if try await engine.noted(field, of: self) != nil { return }
        try await body()
        try await engine.note(field, Array("[]".utf8), of: self)
    }
}

extension WorkerEngine {
    /// What is noted of a step; nil when it is to be done.
    ///
    /// - Throws: `CancellationError` when the run is to end, `JobRunnerError.redis`.
    func noted(_ field: StepField, of context: JobContext) async throws -> [UInt8]? {
        try begin(context, yields: false)
        let store = QueueStore(client.keys.queue(context.queue))
        return try await patiently(store.step(of: context.stepOwner, field: field.text))
    }

    /// Notes a step, whoever asks this run to end meanwhile: it is done.
    ///
    /// - Throws: `StepError`, `JobRunnerError.redis`.
    func note(_ field: StepField, _ json: [UInt8], of context: JobContext) async throws {
        let limit = options.maxResultBytes
        guard json.count <= limit else {
            throw StepError.tooLarge(field.label, bytes: json.count, limit: limit)
        }
        guard let worker = holder(of: context) else { throw StepError.notHeld(field.label) }
        let bounds = StepBounds()
        let call = QueueStore(client.keys.queue(context.queue)).noteStep(
            worker: worker, tag: context.fence, of: context.stepOwner, field: field.text,
            json: json, bounds: bounds)
        switch try await patiently(call) {
        case .noted: break
        case .notHeld: throw StepError.notHeld(field.label)
        case .tooManyNames: throw StepError.tooMany(field.label, limit: bounds.names)
        case .tooManyBytes: throw StepError.tooMuch(field.label, limit: bounds.bytes)
        }
    }

    /// The id under which the queue's lane holds the run: that of the worker, or of the life that
    /// came after a lost lease; nil when the run is over, or its lease is lost.
    private func holder(of context: JobContext) -> String? {
        state.withLock { state in
            guard let held = state.runs[context.slot].held, held.delivery.tag == context.fence
            else { return nil }
            let lane = state.dispatch.lanes[held.lane]
            return lane.life == held.life ? lane.worker : nil
        }
    }

    /// The run goes on with a step: there will be something to remove when the job ends.
    ///
    /// - Parameter yields: A worker that drains does not wait for it: the job is given back,
    ///   untried, and goes on elsewhere.
    /// - Throws: `CancellationError` when the run is to end.
    func begin(_ context: JobContext, yields: Bool) throws {
        let isOver = state.withLock { state in
            guard state.runs[context.slot].held?.delivery.tag == context.fence else { return true }
            if state.runs[context.slot].stepsOf == nil {
                state.runs[context.slot].stepsOf = StepOwner.id(
                    job: context.id, flow: context.flow)
            }
            if yields, state.dispatch.phase == .draining, state.runs[context.slot].cancel == nil {
                state.runs[context.slot].hasYielded = true
                state.cancel(context.slot, .stopping)
            }
            return state.runs[context.slot].cancel != nil
        }
        if isOver { throw CancellationError() }
    }

    /// Asks until there is an answer, for as long as an enqueue would.
    ///
    /// What is asked may be asked again.
    private func patiently<Reply>(_ call: Call<Reply>) async throws -> Reply {
        let deadline = monotonicDeadline(after: client.options.enqueueTimeout)
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        while true {
            switch await answer(to: call) {
            case .success(let reply): return reply
            case .failure(let error):
                let wait = backoff.next(using: &random)
                guard error.isTransient || error.isOutcomeUnknown,
                    monotonicNanoseconds() + wait < deadline
                else { throw JobRunnerError.redis(error) }
                await Self.pause(wait)
            }
        }
    }
}
