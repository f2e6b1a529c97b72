internal import RedisLink

/// Reads the dead of one queue, newest first, a bounded page at a time.
///
/// What is taken out of a page that was read moves nobody who is still to be read.
package struct DeadPages: Sendable {
    let client: JobClient
    let store: QueueStore
    private var below: Int?
    private var isOver = false

    init(client: JobClient, store: QueueStore) {
        self.client = client
        self.store = store
    }

    /// The next page, never empty; nil behind the last.
    package mutating func next() async throws(RedisError) -> [DeadJob]? {
        guard !isOver else { return nil }
        let page = try await client.send(store.deadPage(below: below))
        below = page.below
        isOver = page.below == nil
        guard !page.entries.isEmpty else { return nil }
        var jobs: [DeadJob] = []
        jobs.reserveCapacity(page.entries.count)
        for entry in page.entries {
            jobs.append(
                DeadJob(
                    queue: store.keys.name, entry: entry.text, size: entry.size,
                    diedAt: entry.diedAt))
        }
        return jobs
    }
}

extension JobClient {
    func send<Reply>(_ call: Call<Reply>) async throws(RedisError) -> Reply {
        try await router.connection(for: call.key).send(call)
    }

    /// The names of all queues that were ever used, in order; what is no name is left out.
    package func queueNames() async throws(RedisError) -> [String] {
        let reply = try await router.connection(for: keys.queues)
            .send(Command("SMEMBERS", keys.queues))
        return try reply.orThrow().array.map { members in
            members.compactMap(\.text).filter { (try? QueueName($0)) != nil }.sorted()
        } ?? []
    }

    /// The server's clock, ms since 1970.
    package func serverTime() async throws(RedisError) -> Int {
        let reply = try await router.connection(for: keys.queues).send(Command("TIME"))
        let parts = (reply.array ?? []).compactMap(\.integer)
        guard parts.count == 2 else {
            throw .unexpectedReply(command: "TIME", got: reply.kind)
        }
        return parts[0] * 1000 + parts[1] / 1000
    }

    /// The dead of a queue.
    package func dead(in queue: String) -> DeadPages {
        DeadPages(client: self, store: QueueStore(keys.queue(queue)))
    }

    /// Moves dead jobs of one queue, in calls of bounded size.
    ///
    /// - Parameter jobs: None that is cut.
    /// - Returns: How many were there still.
    /// - Throws: `RedisError`; the calls before it are done. The same jobs may be moved again:
    ///   what was moved is not there any more.
    package func move(_ jobs: [DeadJob], of queue: String, _ move: DeadMove)
        async throws(RedisError) -> Int
    {
        let store = QueueStore(keys.queue(queue))
        var moved = 0
        var rest = jobs[...]
        while !rest.isEmpty {
            let batch = Self.batch(of: &rest)
            switch move {
            case .delete: moved += try await send(store.deleteDead(batch.map(\.entry)))
            case .retry:
                var revived: [(entry: [UInt8], job: [UInt8], id: String)] = []
                // The oldest first: pages come the other way round.
                for dead in batch.reversed() {
                    revived.append((dead.entry, dead.revived, dead.id))
                }
                moved += try await send(store.retryDead(revived))
            }
        }
        return moved
    }

    /// Puts jobs among the dead of their queue, each once.
    ///
    /// - Returns: How many were not there.
    package func addDead(_ jobs: [DeadJob], to queue: String) async throws(RedisError) -> Int {
        let store = QueueStore(keys.queue(queue))
        let note = Command("SADD", keys.queues, queue)
        _ = try await router.connection(for: keys.queues).send(note).orThrow()
        var added = 0
        var rest = jobs[...]
        while !rest.isEmpty {
            let batch = Self.batch(of: &rest)
            added += try await send(store.addDead(batch.map { ($0.entry, $0.diedAt) }))
        }
        return added
    }

    /// As many as one call may carry, at least one.
    private static func batch(of rest: inout ArraySlice<DeadJob>) -> [DeadJob] {
        var bytes = 0
        var batch: [DeadJob] = []
        while let next = rest.first, batch.count < QueueStore.deadMoveJobs {
            bytes += next.entry.count
            if bytes > QueueStore.deadMoveBytes, !batch.isEmpty { break }
            batch.append(next)
            rest.removeFirst()
        }
        return batch
    }
}
