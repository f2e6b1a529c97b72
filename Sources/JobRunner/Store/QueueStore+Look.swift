internal import RedisLink

extension QueueStore {
    /// How much longer the outcome of a job is kept; nil when there is none.
    package func resultLeft(_ id: String) -> Call<Duration?> {
        Call(key: keys.ready, command: Command("PTTL", keys.result(id))) { reply in
            reply.integer.flatMap { $0 >= 0 ? .milliseconds($0) : nil }
        }
    }

    /// Whether an id is remembered as accepted.
    package func isSeen(_ id: String) -> Call<Bool> {
        Call(key: keys.ready, command: Command("EXISTS", keys.seen(id))) { $0.integer == 1 }
    }

    /// How many workers a job was lost with.
    package func crashes(_ id: String) -> Call<Int> {
        Call(key: keys.ready, command: Command("HGET", keys.crashes, id)) { $0.integer ?? 0 }
    }

    /// The members of a sorted set of worker ids: `workers` or `reaping`.
    package func members(of key: String) -> Call<[String]> {
        Call(key: keys.ready, command: Command("ZRANGE", key, "0", "-1")) {
            ($0.array ?? []).compactMap(\.text)
        }
    }
}
