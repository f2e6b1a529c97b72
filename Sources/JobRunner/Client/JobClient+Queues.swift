internal import RedisLink

/// How many jobs a purge took out.
public struct Purged: Sendable, Equatable {
    /// That waited for a worker.
    public var ready = 0
    /// That waited for a time.
    public var scheduled = 0

    package init(ready: Int = 0, scheduled: Int = 0) {
        self.ready = ready
        self.scheduled = scheduled
    }
}

extension JobClient {
    // MARK: Pauses

    /// Stops handing out the jobs of a queue; what runs goes on, and jobs may still be enqueued.
    ///
    /// - Parameters:
    ///   - time: For how long, 1 ms to 10 years; nil is until `resume`.
    ///   - reason: Why, for people: one line of at most 200 characters.
    /// - Returns: False when it was paused; the time and the reason are the new ones.
    /// - Throws: `NameError`; `JobRunnerError.invalid` for what is out of bounds; `redis`.
    @discardableResult
    public func pause(queue: String, for time: Duration? = nil, reason: String = "")
        async throws -> Bool
    {
        let store = try store(of: queue)
        if let time, !(.milliseconds(1)...Due.longest).contains(time) {
            throw JobRunnerError.invalid("a pause must be 1 ms to 10 years, got \(time)")
        }
        try PauseReason.check(reason)
        try await note(store.keys.name)
        return try await perform(
            store.setPaused(true, milliseconds: time?.milliseconds ?? 0, reason: reason))
    }

    /// Hands out the jobs of a queue again.
    ///
    /// - Returns: False when it was not paused.
    /// - Throws: `NameError`; `JobRunnerError.redis`.
    @discardableResult
    public func resume(queue: String) async throws -> Bool {
        try await perform(store(of: queue).setPaused(false))
    }

    /// Stops starting jobs of one kind: workers put them aside, their attempts unspent.
    ///
    /// - Parameters:
    ///   - queue: Nil is every queue that was ever used.
    ///   - reason: Why, for people: one line of at most 200 characters.
    /// - Returns: The queues where they were not paused; in the others the reason is the new one.
    /// - Throws: `NameError`; `JobRunnerError.invalid` for what is out of bounds; `redis`.
    @discardableResult
    public func pause(job: String, in queue: String? = nil, reason: String = "") async throws
        -> [String]
    {
        try PauseReason.check(reason)
        return try await setMuted(true, job, queue, reason)
    }

    /// Starts jobs of one kind again; those that were put aside come back within seconds.
    ///
    /// - Parameter queue: Nil is every queue that was ever used.
    /// - Returns: The queues where they were paused.
    /// - Throws: `NameError`; `JobRunnerError.redis`.
    @discardableResult
    public func resume(job: String, in queue: String? = nil) async throws -> [String] {
        try await setMuted(false, job, queue, "")
    }

    private func setMuted(
        _ isMuted: Bool, _ job: String, _ queue: String?, _ reason: String
    ) async throws -> [String] {
        let job = try NameError.check(job, as: .job)
        var changed: [String] = []
        for queue in try await names(queue) {
            let store = try store(of: queue)
            if isMuted { try await note(queue) }
            if try await perform(store.setMuted(isMuted, job: job, reason: reason)) {
                changed.append(queue)
            }
        }
        return changed
    }

    // MARK: Purge

    /// Jobs that wait, as a purge would take them.
    package func waiting(in queue: String) async throws -> Purged {
        let keys = try store(of: queue).keys
        let reads = [
            Pipeline.Read("LLEN", keys.ready), Pipeline.Read("LLEN", keys.landing),
            Pipeline.Read("ZCARD", keys.ordered), Pipeline.Read("ZCARD", keys.scheduled),
        ]
        do {
            let replies = try await Pipeline(router: router).replies(to: reads)
            var counts: [Int] = []
            for reply in replies { counts.append(try reply.orThrow().integer ?? 0) }
            return Purged(ready: counts[0] + counts[1] + counts[2], scheduled: counts[3])
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    /// Deletes jobs that wait, and lets go of the unique keys they hold.
    ///
    /// No more than there are when it begins: what is enqueued meanwhile stays, if it is not taken
    /// instead of one that a worker was faster to fetch. What runs, what is parked and what is dead
    /// is not touched. Who waits for such a job hears that it was cancelled; that outcome is kept
    /// for ten minutes at most. In calls of 200 jobs, about 1 ms of the server's time each.
    ///
    /// - Returns: How many were removed.
    /// - Throws: `NameError`; `JobRunnerError.redis`, the calls before it are done. Where the
    ///   answer to a call is lost its jobs are gone, and their keys lapse by themselves.
    @discardableResult
    public func purge(queue: String, ready: Bool = true, scheduled: Bool = true) async throws
        -> Purged
    {
        let most = try await waiting(in: queue)
        return try await purge(
            queue: queue,
            upTo: Purged(
                ready: ready ? most.ready : 0, scheduled: scheduled ? most.scheduled : 0))
    }

    /// The same with bounds that somebody has seen.
    package func purge(queue: String, upTo most: Purged) async throws -> Purged {
        let store = try store(of: queue)
        var removed = Purged()
        removed.ready = try await purge(store, .ready, most.ready)
        removed.scheduled = try await purge(store, .scheduled, most.scheduled)
        return removed
    }

    private func purge(_ store: QueueStore, _ which: QueueStore.Waiting, _ most: Int) async throws
        -> Int
    {
        var removed = 0
        while removed < most {
            let jobs = try await perform(store.purge(which, limit: min(200, most - removed)))
            if jobs.isEmpty { break }
            removed += jobs.count
            try await letGo(jobs, store)
        }
        return removed
    }

    /// How long the outcome of a purged job is kept, ms.
    ///
    /// For who waits for it now: a queue of millions is not to be as many results for a day.
    private static let purgedOutcomes = 600_000

    /// Drops what stands in keys of their own for jobs that are gone, and tells who waits for them.
    private func letGo(_ jobs: [[UInt8]], _ store: QueueStore) async throws {
        var ids: [String] = []
        var reads: [Pipeline.Read] = []
        var outcomes: [Pipeline.Read] = []
        for job in jobs {
            let own = Envelope.idAtStart(of: job)?.description
            let id = own ?? sha1Hex(job)
            ids.append(id)
            // As lenient as a worker is: a job that none could read holds no key.
            let envelope = try? Envelope(job, limits: Envelope.Limits(maxBytes: 1 << 20))
            if let unique = envelope?.unique, unique.end.isHeldByJob {
                reads.append(Pipeline.Read(store.unlock(unique.key, id: id)))
            }
            // Nobody can ask for a job without an id.
            if let envelope, let own,
                let outcome = Self.cancelled(
                    envelope, own, store, message: "purged", longest: Self.purgedOutcomes)
            {
                outcomes.append(outcome)
            }
        }
        for command in store.forget(ids) {
            reads.append(Pipeline.Read(key: store.keys.ready, command: command))
        }
        do {
            for reply in try await Pipeline(router: router).replies(to: reads) {
                _ = try reply.orThrow()
            }
            // Its replies are not looked at: a full server has no room for outcomes, and the purge
            // is what makes some.
            _ = try await Pipeline(router: router).replies(to: outcomes)
            for job in jobs {
                try await end(
                    job, in: store.keys.name, .cancelled,
                    JobFailure(type: "Cancelled", message: "purged"))
            }
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    // MARK: Rates

    /// Limits how many jobs of a queue are handed out in a time, to all workers together.
    ///
    /// - Parameter rate: Its name, cost, argument and scope mean nothing here; nil is no limit.
    /// - Throws: `NameError`; `JobRunnerError.invalid` for a rate out of bounds; `redis`.
    public func setRate(_ rate: RateLimit?, ofQueue queue: String) async throws {
        let store = try store(of: queue)
        try rate?.check()
        if rate != nil { try await note(store.keys.name) }
        try await perform(store.setRate(rate))
    }

    // MARK: Parts

    /// Whether anything ever used the queue; two small commands.
    package func isKnown(queue: String) async throws -> Bool {
        let store = try store(of: queue)
        let keys = store.keys
        do {
            let replies = try await Pipeline(router: router).replies(to: [
                Pipeline.Read("SISMEMBER", self.keys.queues, keys.name),
                Pipeline.Read(
                    "EXISTS", keys.ready, keys.landing, keys.ordered, keys.scheduled, keys.dead,
                    keys.meta),
            ])
            return replies.contains { ($0.integer ?? 0) > 0 }
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    func store(of queue: String) throws -> QueueStore {
        QueueStore(keys.queue(try QueueName(queue).description))
    }

    /// One queue, or all that were ever used.
    func names(_ queue: String?) async throws -> [String] {
        if let queue { return [try QueueName(queue).description] }
        do { return try await queueNames() } catch { throw JobRunnerError.redis(error) }
    }

    /// Sends a call of the public interface.
    @discardableResult
    func perform<Reply>(_ call: Call<Reply>) async throws -> Reply {
        do { return try await send(call) } catch { throw JobRunnerError.redis(error) }
    }

    /// Notes the name of a queue, so that `stats` shows it.
    func note(_ queue: String) async throws {
        do {
            let note = Command("SADD", keys.queues, queue)
            _ = try await router.connection(for: keys.queues).send(note).orThrow()
        } catch {
            throw JobRunnerError.redis(error)
        }
    }
}
