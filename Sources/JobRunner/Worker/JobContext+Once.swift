internal import FoundationEssentials
internal import RedisLink

extension JobContext {
    /// Does a step of this job once, however often the job runs: what it returned is kept, and
    /// returned again instead of doing it again.
    ///
    /// Each has a key and a time of its own, beyond the job's end: also when the job is enqueued
    /// again under its id, and when its workflow is retried. What is only to go on where an
    /// earlier run was is a `step`.
    ///
    ///     let charge = try await context.once("charge") { try await card.charge(order.total) }
    ///
    /// A run that is lost between the step's end and the note of it repeats the step, and so does
    /// a run that began beside this one after its lease was lost: hand `fence` or the job's id to
    /// whom the effect is asked of where that must not be. A step that throws is not kept.
    ///
    /// - Parameters:
    ///   - step: Names it within the job: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    ///   - keep: How long it is remembered, 1 s to 365 days; longer than the job may be retried.
    /// - Throws: What `body` throws, `NameError`, `JobRunnerError.redis` when it cannot be known
    ///   whether the step was done, or cannot be noted that it was: the job should fail then.
    public func once<Value: Codable & Sendable>(
        _ step: String, keep: Duration = .seconds(7 * 86_400),
        _ body: () async throws -> Value
    ) async throws -> Value {
        let key = try onceKey(step, keep)
        if let kept = try await kept(key) {
            return try JSONDecoder().decode([Value].self, from: Data(kept))[0]
        }
        let value = try await body()
        // In a list: a bare text or number is no JSON document to older readers.
        try await note(key, [UInt8](JSONEncoder().encode([value])), keep)
        return value
    }

    /// The same for a step that returns nothing.
    public func once(
        _ step: String, keep: Duration = .seconds(7 * 86_400), _ body: () async throws -> Void
    ) async throws {
        let key = try onceKey(step, keep)
        if try await kept(key) != nil { return }
        try await body()
        try await note(key, Array("[]".utf8), keep)
    }

    private func onceKey(_ step: String, _ keep: Duration) throws -> String {
        _ = try NameError.check(step, as: .step)
        guard keep >= .seconds(1), keep <= .seconds(365 * 86_400) else {
            throw JobRunnerError.invalid("a step is kept for 1 s to 365 days, got \(keep)")
        }
        return client.keys.queue(queue).once(StepOwner.id(job: id, flow: flow), step)
    }

    private func kept(_ key: String) async throws -> [UInt8]? {
        let get = Command("GET", key)
        do {
            return try await client.router.connection(for: key).send(get).bytes
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    private func note(_ key: String, _ json: [UInt8], _ keep: Duration) async throws {
        var words = Arguments()
        words.append("SET")
        words.append(key)
        words.append(json)
        words.append("PX")
        words.append(keep.milliseconds)
        do {
            _ = try await client.router.connection(for: key).send(Command(name: "SET", words))
        } catch {
            throw JobRunnerError.redis(error)
        }
    }
}
