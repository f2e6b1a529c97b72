internal import RedisLink

/// What `reap` answered.
package struct ReapReply: Sendable {
    /// Jobs left in the worker's hash; 0: the worker is forgotten.
    package let left: Int
    /// Jobs given back.
    package let given: Int
    /// Jobs buried, as they took down too many workers.
    package let buried: Int
    /// Of these, as much as is 1 MiB: who waits for them was told nothing yet.
    package let dead: [[UInt8]]

    var counts: (left: Int, given: Int, buried: Int) { (left, given, buried) }
}

extension QueueStore {
    /// What else it means that a script took a job away, which no script can know: its outcome,
    /// and the end of its lock.
    ///
    /// - Parameter kept: How long the outcome is kept where the job does not say, ms.
    func afterlife(
        of job: [UInt8], _ state: JobOutcome.State, _ failure: JobFailure,
        kept: Int = JobOptions().keepResult.milliseconds
    ) -> [Command] {
        let limits = Envelope.Limits(maxBytes: 1 << 20)
        // Nobody can ask for a job without an id, nor can it hold a lock.
        guard let id = Envelope.idAtStart(of: job)?.description,
            let envelope = try? Envelope(job, limits: limits)
        else { return [] }
        var commands: [Command] = []
        let kept = envelope.resultTTL.map { Int($0) } ?? kept
        if kept > 0 {
            let now = WallClock.milliseconds()
            let json = JobOutcome.ended(
                state, failure, attempt: envelope.state.attempt + 1, started: now, finished: now)
            commands.append(
                Command(
                    "SET", keys.result(id), String(decoding: json, as: UTF8.self), "PX", "\(kept)"))
        }
        if let unique = envelope.unique, unique.end.isHeldByJob {
            commands.append(unlock(unique.key, id: id).command)
        }
        return commands
    }
}

extension JobFailure {
    /// A reap has buried it.
    static let poison = JobFailure(type: "Poison", message: "lost with too many workers")
}
