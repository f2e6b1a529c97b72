internal import RedisLink

/// What a cancel of many jobs did.
package struct Cancelled: Sendable, Equatable {
    /// Jobs that waited for their time, and are gone.
    package var removed = 0
    /// Jobs that do not start any more, or are told to stop.
    package var marked = 0

    package init() {}
}

extension JobClient {
    /// Jobs a page: they may be 64 KiB each.
    private static let page = 200

    /// How many jobs of a queue wait or run.
    ///
    /// Reads them all, a bounded page at a time; changes nothing.
    ///
    /// - Parameter job: Only those of this name; nil is all.
    package func countUnfinished(in queue: String, job: String?) async throws(RedisError) -> Int {
        let store = QueueStore(keys.queue(queue))
        var count = 0
        for place in try await places(of: store) {
            var start = 0
            while true {
                let page = try await send(place.page(from: start, Self.page))
                count += page.count { Self.matches($0, job) }
                start += page.count
                if page.count < Self.page { break }
            }
        }
        try await forEachActive(of: store) { count += $0.count { Self.matches($0, job) } }
        return count
    }

    /// Cancels jobs of a queue that wait or run, in the order in which they would go on.
    ///
    /// - Parameters:
    ///   - job: Only those of this name; nil is all.
    ///   - most: No more than were counted: others may come meanwhile.
    package func cancelUnfinished(in queue: String, job: String?, most: Int)
        async throws(RedisError) -> Cancelled
    {
        let store = QueueStore(keys.queue(queue))
        var sum = Cancelled()
        for place in try await places(of: store) {
            var start = 0
            while sum.removed + sum.marked < most {
                let page = try await send(place.page(from: start, Self.page))
                let room = most - sum.removed - sum.marked
                let wanted = Array(page.filter { Self.matches($0, job) }.prefix(room))
                var removed = 0
                let new = try await markNew(wanted, store)
                if place.kind == .scheduled {
                    removed = try await remove(wanted, store).count
                }
                sum.removed += removed
                sum.marked += max(0, new - removed)
                start += page.count - removed
                if page.count < Self.page { break }
            }
        }
        var active: [[UInt8]] = []
        try await forEachActive(of: store) { jobs in
            active += jobs.filter { Self.matches($0, job) }
        }
        sum.marked += try await markNew(active, store)
        return sum
    }

    /// - Returns: How many were not marked before.
    private func markNew(_ jobs: [[UInt8]], _ store: QueueStore) async throws(RedisError) -> Int {
        guard !jobs.isEmpty else { return 0 }
        let ids = jobs.map { Envelope.idAtStart(of: $0)?.description ?? sha1Hex($0) }
        return try await mark(ids, store).count { $0.isNew }
    }

    /// What workers hold, a page of each at a time.
    private func forEachActive(
        of store: QueueStore, _ body: ([[UInt8]]) -> Void
    ) async throws(RedisError) {
        var workers: Set<String> = []
        for key in [store.keys.workers, store.keys.reaping] {
            workers.formUnion(try await send(store.members(of: key)))
        }
        for worker in workers.sorted() {
            var tags = try await send(store.tags(of: worker))[...]
            while !tags.isEmpty {
                let some = Array(tags.prefix(Self.page))
                tags = tags.dropFirst(some.count)
                body(try await send(store.jobs(of: worker, tags: some)).compactMap(\.self))
            }
        }
    }

    /// What is no job has no name.
    private static func matches(_ bytes: [UInt8], _ job: String?) -> Bool {
        guard let job else { return true }
        let limits = Envelope.Limits(maxBytes: 1 << 20)
        return (try? Envelope(bytes, limits: limits))?.job == job
    }
}
