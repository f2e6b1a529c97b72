internal import RedisLink

/// A list or sorted set of jobs that wait in a queue.
struct Place: Sendable {
    /// What its jobs wait for.
    enum Kind: Sendable, Hashable {
        /// Their time.
        case scheduled
        /// A worker that knows them, a place under a limit, the end of a pause.
        case aside
        /// A slot.
        case ready
    }

    let key: String
    let kind: Kind
    let isList: Bool

    /// How many jobs are in it.
    var length: Command { Command(isList ? "LLEN" : "ZCARD", key) }

    /// Jobs by rank, those that are next first.
    ///
    /// - Returns: Up to `count` jobs from rank `start` on.
    func page(from start: Int, _ count: Int) -> Call<[[UInt8]]> {
        let (isList, end) = (isList, start + count - 1)
        // A list's page ends with the job that is next.
        let command =
            isList
            ? Command("LRANGE", key, "\(-end - 1)", "\(-start - 1)")
            : Command("ZRANGE", key, "\(start)", "\(end)")
        return Call(key: key, command: command) { reply in
            let jobs = (reply.array ?? []).compactMap(\.bytes)
            return isList ? jobs.reversed() : jobs
        }
    }
}

extension JobClient {
    /// Where jobs of a queue wait, in the order in which they go from one to the other.
    func places(of store: QueueStore) async throws(RedisError) -> [Place] {
        var places = [Place(key: store.keys.scheduled, kind: .scheduled, isList: false)]
        for (kind, _) in try await send(store.parkedKinds()) {
            places.append(Place(key: store.keys.parked(kind), kind: .aside, isList: false))
        }
        for name in try await send(store.members(of: store.keys.blocked)) {
            places.append(Place(key: store.keys.blocked(name), kind: .aside, isList: false))
        }
        places.append(Place(key: store.keys.ordered, kind: .ready, isList: false))
        places.append(Place(key: store.keys.ready, kind: .ready, isList: true))
        places.append(Place(key: store.keys.landing, kind: .ready, isList: true))
        return places
    }
}
