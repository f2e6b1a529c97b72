internal import FoundationEssentials

extension JobClient {
    /// Opens a batch: jobs are added to it, and it ends when it is sealed and all have ended.
    ///
    /// - Parameters:
    ///   - queue: Its home, where its keys are; its jobs go to their own.
    ///   - id: Instead of a new one: 1 to 30 of `A-Z a-z 0-9 . _ -`; opened again it is the same.
    ///   - keep: How long its outcome and counts are kept after its end, 1 s to 30 days.
    public func open(
        _ batch: Batch = Batch(), queue: String = "default", id: String? = nil,
        keep: Duration = .seconds(86_400)
    ) async throws -> BatchHandle {
        let plan = try FlowPlan(open: batch.hooks)
        let handle: WorkflowHandle<JSONValue> = try await start(
            plan, name: batch.name, id: id, queue: queue, keep: keep)
        return BatchHandle(id: handle.id, queue: handle.queue, client: self)
    }

    /// A batch that was opened elsewhere.
    ///
    /// - Parameter handle: `queue/id`.
    /// - Throws: `NameError`.
    public func batch(_ handle: String) throws -> BatchHandle {
        let parsed = try JobHandleID(handle)
        return BatchHandle(
            id: parsed.id.description, queue: parsed.queue.description, client: self)
    }

    /// Runs a job for each item, with the item as what it takes.
    ///
    /// Items are taken from the sequence as their jobs travel, a page at a time: a million of them
    /// need no more memory than a thousand. When it throws, the jobs made so far run, and nothing
    /// comes of them together.
    ///
    /// - Returns: A handle of all results, in order.
    public func map<J: Job, Items: Sequence & Sendable>(
        _ items: Items, through job: J, queue: String? = nil, name: String = "", id: String? = nil,
        keep: Duration = .seconds(86_400)
    ) async throws -> MapHandle<J.Output> where J.Input == Items.Element {
        let handle: WorkflowHandle<[J.Output]> = try await spread(
            items.makeIterator(), job, nil, queue: queue, name: name, id: id, keep: keep)
        return MapHandle(workflow: handle)
    }

    /// Runs a job for each chunk of items: one result a chunk.
    ///
    /// - Parameter count: Items a chunk, 1 or more; the last one may have fewer.
    public func map<J: Job, Items: Sequence & Sendable>(
        _ items: Items, inChunksOf count: Int, through job: J, queue: String? = nil,
        name: String = "", id: String? = nil, keep: Duration = .seconds(86_400)
    ) async throws -> MapHandle<J.Output> where J.Input == [Items.Element] {
        let handle: WorkflowHandle<[J.Output]> = try await spread(
            try Chunks(items, count), job, nil, queue: queue, name: name, id: id, keep: keep)
        return MapHandle(workflow: handle)
    }

    /// Runs a job for each item, and then one that takes all results.
    public func map<J: Job, Last: Job, Items: Sequence & Sendable>(
        _ items: Items, through job: J, then last: Last, queue: String? = nil, name: String = "",
        id: String? = nil, keep: Duration = .seconds(86_400)
    ) async throws -> WorkflowHandle<Last.Output>
    where J.Input == Items.Element, Last.Input == [J.Output] {
        try await spread(
            items.makeIterator(), job, FlowJob(last, queue: nil, label: nil), queue: queue,
            name: name, id: id, keep: keep)
    }

    /// Runs a job for each chunk of items, and then one that takes the results.
    public func map<J: Job, Last: Job, Items: Sequence & Sendable>(
        _ items: Items, inChunksOf count: Int, through job: J, then last: Last,
        queue: String? = nil, name: String = "", id: String? = nil,
        keep: Duration = .seconds(86_400)
    ) async throws -> WorkflowHandle<Last.Output>
    where J.Input == [Items.Element], Last.Input == [J.Output] {
        try await spread(
            try Chunks(items, count), job, FlowJob(last, queue: nil, label: nil), queue: queue,
            name: name, id: id, keep: keep)
    }

    private func spread<J: Job, Output>(
        _ items: some IteratorProtocol<J.Input>, _ job: J, _ last: FlowJob?, queue: String?,
        name: String, id: String?, keep: Duration
    ) async throws -> WorkflowHandle<Output> {
        let plan = try FlowPlan(open: [], then: last)
        let member = FlowJob(job, queue: queue, label: nil)
        let handle: WorkflowHandle<Output> = try await start(
            plan, name: name, id: id, queue: member.options.queue, keep: keep)
        let batch = BatchHandle(id: handle.id, queue: handle.queue, client: self)
        if handle.isDuplicate, try await !batch.counts().isOpen { return handle }
        var items = items
        var count = 0
        try await batch.add {
            guard let item = items.next() else { return nil }
            var job = member
            job.input = FlowJob.encode(item, J.name)
            defer { count += 1 }
            return (job, count)
        }
        try await batch.seal(count: count)
        return handle
    }
}

/// Items in lists of up to so many.
private struct Chunks<Items: Sequence>: IteratorProtocol {
    private var items: Items.Iterator
    private let count: Int

    init(_ items: Items, _ count: Int) throws(JobRunnerError) {
        guard count >= 1 else { throw .invalid("a chunk has at least one item, got \(count)") }
        self.items = items.makeIterator()
        self.count = count
    }

    mutating func next() -> [Items.Element]? {
        var chunk: [Items.Element] = []
        while chunk.count < count, let item = items.next() { chunk.append(item) }
        return chunk.isEmpty ? nil : chunk
    }
}
