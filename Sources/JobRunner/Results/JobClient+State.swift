internal import RedisLink

extension JobClient {
    /// Most jobs that `state` looks through: about 100 ms of the server, in pieces of 1 ms.
    package static let mostLocated = 100_000
    fileprivate static let locatedPage = 1000

    /// Where a job is.
    ///
    /// O(1) for one that has ended, while its outcome is kept; otherwise a look through the queue,
    /// in the order in which jobs go through it, up to 100,000 jobs: beyond that it is `accepted`
    /// or `unknown`. A job that moves meanwhile may be seen where it was.
    ///
    /// - Parameter id: The job's; its queue is part of where it is.
    /// - Throws: `NameError`, `JobRunnerError.redis`.
    public func state(queue: String, id: String) async throws -> JobStatus {
        let queue = try QueueName(queue).description
        let id = try JobID(id).description
        do {
            return try await status(queue: queue, id: id, traces(queue: queue, id: id))
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    /// - Parameters:
    ///   - traces: What keys of its own tell.
    ///   - most: Jobs to look through.
    package func status(
        queue: String, id: String, _ traces: JobTraces, most: Int = JobClient.mostLocated
    ) async throws(RedisError) -> JobStatus {
        if let outcome = traces.outcome { return JobStatus(JobStatus.State(outcome.state)) }
        var search = Search(client: self, store: QueueStore(keys.queue(queue)), id: id, left: most)
        var status = try await search.run()
        if status == nil {
            // It may have ended, or gone back to wait, behind the back of the search.
            let store = QueueStore(keys.queue(queue))
            let json = try await send(store.result(id, atMost: options.resultBytes))
            if let outcome = json.flatMap({ JobOutcome(json: $0) }) {
                return JobStatus(JobStatus.State(outcome.state))
            }
            status = try await search.scheduled()
        }
        let isKnown = !traces.isEmpty
        var found = status ?? JobStatus(!isKnown ? .unknown : search.isCut ? .accepted : .gone)
        if status == nil, traces.isCancelled, !traces.isSeen {
            // The mark of a cancel waits for a job that may be enqueued yet.
            found = JobStatus(.unknown)
        }
        found.isCancelling = traces.isCancelled
        return found
    }
}

/// A look for one job through the places of its queue.
private struct Search {
    let client: JobClient
    let store: QueueStore
    let id: String
    private(set) var isCut = false
    private var left: Int

    init(client: JobClient, store: QueueStore, id: String, left: Int) {
        self.left = left
        self.client = client
        self.store = store
        self.id = id
    }

    /// - Returns: Nil when it was not found.
    mutating func run() async throws(RedisError) -> JobStatus? {
        if let status = try await scheduled() { return status }
        for (kind, _) in try await client.send(store.parkedKinds())
        where try await find(in: store.keys.parked(kind)) != nil {
            return JobStatus(.parked, place: kind.description)
        }
        for name in try await client.send(store.members(of: store.keys.blocked))
        where try await find(in: store.keys.blocked(name)) != nil {
            return JobStatus(.blocked, place: name)
        }
        for key in [store.keys.ordered, store.keys.ready, store.keys.landing]
        where try await find(in: key) != nil {
            return JobStatus(.ready)
        }
        var workers: Set<String> = []
        for key in [store.keys.workers, store.keys.reaping] {
            workers.formUnion(try await client.send(store.members(of: key)))
        }
        for worker in workers.sorted() where try await find(in: store.keys.active(worker)) != nil {
            return JobStatus(.active, place: worker)
        }
        if try await find(in: store.keys.dead) != nil { return JobStatus(.dead) }
        return nil
    }

    /// Those that wait for a time.
    mutating func scheduled() async throws(RedisError) -> JobStatus? {
        guard let found = try await find(in: store.keys.scheduled) else { return nil }
        let limits = Envelope.Limits(maxBytes: 1 << 20)
        let state = (try? Envelope(found.job, limits: limits))?.state
        let hasFailed = state.map { $0.attempt > 0 } ?? false
        return JobStatus(hasFailed ? .retrying : .scheduled, dueAt: found.score)
    }

    private mutating func find(in key: String) async throws(RedisError) -> Located? {
        var rank = 0
        while true {
            guard left > 0 else {
                isCut = true
                return nil
            }
            let page = try await client.send(
                store.locate(id, in: key, from: rank, limit: JobClient.locatedPage))
            if let found = page.found { return found }
            left -= page.looked
            // One that holds more than a page is a hash, which is one page.
            if page.looked != JobClient.locatedPage { return nil }
            // They overlap: workers may take jobs from the front between two pages.
            rank += JobClient.locatedPage * 9 / 10
        }
    }
}
