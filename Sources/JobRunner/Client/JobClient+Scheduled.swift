public import FoundationEssentials
internal import RedisLink

/// What became of a wish to cancel a job.
public enum Cancellation: Sendable, Equatable {
    /// It waited for its time and is gone; its outcome says `cancelled`.
    case removed
    /// It does not start, and is told to stop within a second when it runs.
    ///
    /// False when it was so before.
    case marked(isNew: Bool)
    /// It had ended before.
    case ended(JobOutcome.State)
}

extension JobClient {
    /// How long the mark of a cancel is kept for a job that waits.
    package static let keptMarks: Duration = .seconds(30 * 86_400)

    /// Cancels a job, wherever it is.
    ///
    /// One that waits for its time is taken out at once. One that waits for a worker is not started
    /// when it is fetched, for 30 days; one that runs is told to stop within a second. O(1), and
    /// for a job that may be scheduled a look through what is, up to a million jobs.
    ///
    /// - Throws: `JobRunnerError.redis`.
    @discardableResult
    public func cancel<Output>(_ handle: JobHandle<Output>) async throws -> Cancellation {
        if let outcome = try await outcome(queue: handle.queue, id: handle.id) {
            return .ended(outcome.state)
        }
        do {
            let states = try await cancel([handle.id], in: handle.queue)
            return states[handle.id] ?? .marked(isNew: true)
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    /// Cancels jobs of one queue, whose outcomes are not asked for.
    ///
    /// - Parameter ids: At most 1,000.
    package func cancel(_ ids: [String], in queue: String) async throws(RedisError)
        -> [String: Cancellation]
    {
        let store = QueueStore(keys.queue(queue))
        // Marked first: a job that becomes due while it is looked for does not start.
        var states: [String: Cancellation] = [:]
        for (id, isNew) in try await mark(ids, store) { states[id] = .marked(isNew: isNew) }
        let found = try await findScheduled(ids, in: store)
        for id in try await remove(found.map(\.job), store) { states[id] = .removed }
        return states
    }

    /// Gives a job that waits for its time another one.
    ///
    /// - Parameters:
    ///   - time: By the server's clock; a time that is past is now.
    ///   - delay: From now, 0 to 10 years. Not both.
    /// - Returns: False when it does not wait for a time (any more).
    /// - Throws: `JobRunnerError.invalid` for a time out of bounds, or after the job expires;
    ///   `redis`.
    @discardableResult
    public func reschedule<Output>(
        _ handle: JobHandle<Output>, at time: Date? = nil, in delay: Duration? = nil
    ) async throws -> Bool {
        let due = try Due(at: time, in: delay)
        return try await reschedule(queue: handle.queue, id: handle.id, to: due) != nil
    }

    /// - Returns: The new time, server ms; nil when it does not wait for one.
    package func reschedule(queue: String, id: String, to due: Due) async throws -> Int? {
        let store = try store(of: queue)
        do {
            guard let found = try await findScheduled([id], in: store).first else { return nil }
            let now = try await serverTime()
            let time = due.milliseconds(now: now)
            let limits = Envelope.Limits(maxBytes: 1 << 20)
            let envelope = try? Envelope(found.job, limits: limits)
            if let expires = envelope?.expires, expires <= Int64(time) {
                throw JobRunnerError.invalid("job \(queue)/\(id) expires before that")
            }
            // First the lock: it must not lapse before the job is due.
            if let unique = envelope?.unique, unique.end.isHeldByJob {
                try await extend(unique, of: id, by: time - now, store)
            }
            let count = try await send(store.reschedule([(found.job, time)]))
            return count > 0 ? time : nil
        } catch let error as RedisError {
            throw JobRunnerError.redis(error)
        }
    }

    // MARK: Parts

    /// Marks jobs as not wanted any more; says of each whether it was not so before.
    func mark(_ ids: [String], _ store: QueueStore) async throws(RedisError)
        -> [(id: String, isNew: Bool)]
    {
        let reads = ids.map { Pipeline.Read(store.cancel($0, keep: Self.keptMarks)) }
        var marks: [(id: String, isNew: Bool)] = []
        for (id, reply) in zip(ids, try await Pipeline(router: router).replies(to: reads)) {
            marks.append((id, try reply.orThrow().integer == 1))
        }
        return marks
    }

    /// Lets a lock live for its time from when its job is due; never shorter than it would.
    private func extend(
        _ unique: UniqueLock, of id: String, by wait: Int, _ store: QueueStore
    ) async throws(RedisError) {
        let key = store.keys.unique(unique.key)
        let connection = router.connection(for: key)
        let held = try await connection.send(Command("GET", key)).orThrow()
        // An id, or one with further lines.
        guard held.text?.prefix(while: { $0 != "\n" }) == id[...] else { return }
        let life = unique.milliseconds + wait
        _ = try await connection.send(Command("PEXPIRE", key, "\(life)", "GT")).orThrow()
    }

    private static let page = 1000
    private static let mostPages = 1000

    /// Looks through what is scheduled, page by page; changes nothing.
    private func findScheduled(_ ids: [String], in store: QueueStore) async throws(RedisError)
        -> [(job: [UInt8], due: Int)]
    {
        var found: [String: (job: [UInt8], due: Int)] = [:]
        var rank = 0
        for _ in 0..<Self.mostPages where found.count < ids.count {
            let page = try await send(store.find(ids, from: rank, limit: Self.page))
            for job in page.found {
                found[Envelope.idAtStart(of: job.job)?.description ?? ""] = job
            }
            if page.looked < Self.page { break }
            // They overlap: workers may take jobs from the front between two pages.
            rank += Self.page * 9 / 10
        }
        return Array(found.values)
    }

    /// Takes scheduled jobs out, writes that they were cancelled, lets go of what they hold.
    ///
    /// - Returns: The ids of those that were there still.
    func remove(_ jobs: [[UInt8]], _ store: QueueStore) async throws(RedisError) -> [String] {
        guard !jobs.isEmpty else { return [] }
        let pipeline = Pipeline(router: router)
        let takes = jobs.map { Pipeline.Read(store.reschedule([(job: $0, due: 0)])) }
        let replies = try await pipeline.replies(to: takes)
        var ids: [String] = []
        var writes: [Pipeline.Read] = []
        for (job, reply) in zip(jobs, replies) where try reply.orThrow().integer == 1 {
            let id = Envelope.idAtStart(of: job)?.description ?? sha1Hex(job)
            ids.append(id)
            writes += ending(job, id, store)
        }
        guard !ids.isEmpty else { return [] }
        // The marks last: until then they say what the outcome says after.
        writes += store.forget(ids).map { Pipeline.Read(key: store.keys.ready, command: $0) }
        for reply in try await pipeline.replies(to: writes) { _ = try reply.orThrow() }
        let gone = Set(ids)
        for job in jobs where gone.contains(Envelope.idAtStart(of: job)?.description ?? "") {
            try await end(
                job, in: store.keys.name, .cancelled,
                JobFailure(type: "Cancelled", message: "cancelled"))
        }
        return ids
    }

    /// The outcome of a job that will not run; nil when it keeps none.
    ///
    /// - Parameters:
    ///   - message: Why, for who waits for it.
    ///   - longest: How long it is kept at most, ms.
    static func cancelled(
        _ envelope: Envelope, _ id: String, _ store: QueueStore, message: String = "cancelled",
        longest: Int = .max
    ) -> Pipeline.Read? {
        let keep = envelope.resultTTL.map { Int($0) } ?? JobOptions().keepResult.milliseconds
        guard keep > 0 else { return nil }
        let now = WallClock.milliseconds()
        let json = JobOutcome.ended(
            .cancelled, JobFailure(type: "Cancelled", message: message),
            attempt: envelope.state.attempt + 1, started: now, finished: now)
        return Pipeline.Read(
            "SET", store.keys.result(id), String(decoding: json, as: UTF8.self), "PX",
            "\(min(keep, longest))")
    }

    /// What a worker would write for a job that was cancelled before it started.
    private func ending(_ job: [UInt8], _ id: String, _ store: QueueStore) -> [Pipeline.Read] {
        let limits = Envelope.Limits(maxBytes: 1 << 20)
        guard let envelope = try? Envelope(job, limits: limits) else { return [] }
        var writes: [Pipeline.Read] = []
        if let outcome = Self.cancelled(envelope, id, store) { writes.append(outcome) }
        // A workflow may be retried, from what its steps have noted.
        if envelope.state.attempt > 0, envelope.flow == nil {
            writes.append(Pipeline.Read("DEL", store.keys.steps(id)))
        }
        if let unique = envelope.unique, unique.end.isHeldByJob {
            writes.append(Pipeline.Read(store.unlock(unique.key, id: id)))
        }
        return writes
    }
}
