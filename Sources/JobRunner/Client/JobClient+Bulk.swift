extension JobClient {
    /// Most jobs on their way at once: two batches on the wire, one that waits, one in the making.
    private static let mostOutstanding = 4 * EnqueueLine.mostJobs

    /// Enqueues drafts as they are made: making goes on while earlier ones travel.
    ///
    /// - Parameter next: The next draft, nil when there is none.
    /// - Returns: A handle a job, in order.
    /// - Throws: What `next` throws, or the failure of the first job that failed; jobs before
    ///   it were accepted, jobs after it may have been.
    func enqueue<Output>(making next: () throws -> Draft?) async throws -> [JobHandle<Output>] {
        let sink = BulkSink()
        var made: [(id: String, queue: String, results: ResultPolicy?)] = []
        var alone: [Int: JobHandle<Output>] = [:]
        var batch: [NewJob] = []
        var queue = ""

        func send() async throws {
            guard !batch.isEmpty else { return }
            let batcher = try await batcher(for: queue)
            sink.expect(batch.count)
            batcher.add(batch, for: sink, first: made.count - batch.count)
            batch.removeAll(keepingCapacity: true)
            await sink.wait(untilAtMost: Self.mostOutstanding)
        }

        do {
            while !sink.hasFailed, let draft = try next() {
                guard draft.terms.isPlain else {
                    try await send()
                    alone[made.count] = try await handle(draft, enqueueAlone(draft, due: .now))
                    made.append((draft.job.id, draft.queue, draft.results))
                    continue
                }
                if draft.queue != queue || batch.count == EnqueueLine.mostJobs {
                    try await send()
                    queue = draft.queue
                }
                batch.append(draft.job)
                made.append((draft.job.id, draft.queue, draft.results))
            }
            try await send()
        } catch {
            await sink.wait(untilAtMost: 0)
            throw error
        }
        await sink.wait(untilAtMost: 0)
        let duplicates = try sink.duplicates { full(made[$0].queue) }
        return made.enumerated().map { index, job in
            alone[index]
                ?? JobHandle(
                    id: job.id, queue: job.queue, isDuplicate: duplicates.contains(index),
                    isKnown: true, results: job.results, client: self)
        }
    }
}
