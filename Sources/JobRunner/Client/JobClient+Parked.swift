internal import RedisLink

/// Parked jobs of one kind: no worker that saw them knew their name or version.
package struct ParkedJobs: Sendable {
    package let queue: String
    package let kind: JobKind
    package let count: Int
    /// When the oldest of them was parked, server ms.
    package let since: Int
    /// The ids of live workers of that queue that would take them.
    package let workers: [String]
}

extension JobClient {
    /// What is parked, by queue and kind.
    ///
    /// Three small commands a queue and kind; where something is parked, those of `stats` too.
    ///
    /// - Parameter queues: Of which queues; nil is of all that were ever used.
    package func parked(in queues: [String]?) async throws -> [ParkedJobs] {
        var names: [String]
        if let queues { names = Set(queues).sorted() } else { names = try await queueNames() }
        var found: [(queue: String, kind: JobKind, count: Int, since: Int)] = []
        for name in names {
            let store = QueueStore(keys.queue(name))
            for (kind, since) in try await send(store.parkedKinds()) {
                let count = try await send(store.parkedCount(kind))
                guard count > 0 else { continue }
                let oldest = try await send(store.oldestParked(kind)) ?? since
                found.append((name, kind, count, oldest))
            }
        }
        guard !found.isEmpty else { return [] }
        let workers = try await stats(queues: Set(found.map(\.queue)).sorted()).workers
        return found.map { parked in
            let able = workers.filter { worker in
                worker.state != .lapsed && worker.queues.contains(parked.queue)
                    && worker.knows(parked.kind)
            }
            return ParkedJobs(
                queue: parked.queue, kind: parked.kind, count: parked.count, since: parked.since,
                workers: able.map(\.id).sorted())
        }
    }

    /// Moves parked jobs on, the oldest first, in calls of 1,000.
    ///
    /// - Parameter most: No more than were counted: a worker may park them again meanwhile.
    /// - Returns: How many were moved.
    package func unpark(
        _ kind: JobKind, in queue: String, _ what: Unparking, most: Int
    ) async throws(RedisError) -> Int {
        let store = QueueStore(keys.queue(queue))
        var moved = 0
        while moved < most {
            let limit = min(1000, most - moved)
            let reply = try await send(store.unpark(kind, what, limit: limit))
            moved += reply.moved
            try await tell(
                reply.taken, what == .bury ? .dead : .discarded,
                .parked(kind, "somebody had it \(what == .bury ? "buried" : "discarded")"), store)
            if reply.moved == 0 || reply.left == 0 { break }
        }
        return moved
    }
}
