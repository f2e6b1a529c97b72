internal import RedisLink

/// What becomes of parked jobs.
package enum Unparking: String, Sendable {
    /// Fetched next.
    case release
    /// To the dead.
    case bury
    /// Away.
    case discard
}

extension QueueStore {
    /// `adopt.lua`: takes parked jobs of a kind that the worker knows, as `cycle` takes ready ones.
    ///
    /// - Parameter want: 1 to 1,000.
    package func adopt(
        _ kind: JobKind, worker: String, want: Int, floor: Int = 0
    ) -> Call<CycleReply> {
        var words = Arguments(
            calling: Scripts.adopt,
            keys: [
                keys.parked, keys.parked(kind), keys.active(worker), keys.workers, keys.crashes,
                keys.cancelled, keys.meta,
            ])
        words.append(worker)
        words.append(kind.description)
        words.append(want, floor)
        return Call(
            key: keys.ready, command: Command(script: Scripts.adopt, words), read: Self.readCycle)
    }

    /// `unpark.lua`: moves parked jobs of a kind on, oldest first.
    ///
    /// - Parameters:
    ///   - age: Only those parked for so long; zero is all.
    ///   - limit: At most 1,000; of those that are not to run 100, for they are in the reply.
    /// - Returns: How many were moved, how many of that age are left, and the jobs that are not to
    ///   run.
    package func unpark(
        _ kind: JobKind, _ what: Unparking, age: Duration = .zero, limit: Int = 1000
    ) -> Call<(moved: Int, left: Int, taken: [[UInt8]])> {
        unpark(
            from: keys.parked, keys.parked(kind), kind.description, what, age: age,
            limit: min(limit, what == .release ? 1000 : 100))
    }

    /// The same with jobs that wait for something else than a worker: they are fetched next.
    func unblock(_ blockade: Blockade, limit: Int)
        -> Call<(moved: Int, left: Int, taken: [[UInt8]])>
    {
        let name = blockade.description
        return unpark(
            from: keys.blocked, keys.blocked(name), name, .release, age: .zero, limit: limit)
    }

    private func unpark(
        from index: String, _ jobs: String, _ name: String, _ what: Unparking, age: Duration,
        limit: Int
    ) -> Call<(moved: Int, left: Int, taken: [[UInt8]])> {
        var words = Arguments(
            calling: Scripts.unpark, keys: [index, jobs, keys.ready, keys.dead, keys.crashes])
        words.append(name)
        words.append(what.rawValue)
        words.append(limit, age.milliseconds)
        return Call(key: keys.ready, command: Command(script: Scripts.unpark, words)) {
            value throws(RedisError) in
            guard let reply = value.array, reply.count == 3, let moved = reply[0].integer,
                let left = reply[1].integer, let taken = reply[2].array
            else { throw .unexpectedReply(command: "unpark", got: value.kind) }
            return (moved, left, taken.compactMap(\.bytes))
        }
    }

    /// The kinds there are parked jobs of, and since when, server ms.
    package func parkedKinds() -> Call<[(kind: JobKind, since: Int)]> {
        Call(
            key: keys.ready, command: Command("ZRANGE", keys.parked, "0", "-1", "WITHSCORES")
        ) { Self.kinds($0.array ?? []) }
    }

    /// How many jobs of a kind are parked.
    package func parkedCount(_ kind: JobKind) -> Call<Int> {
        Call(key: keys.ready, command: Command("ZCARD", keys.parked(kind))) { $0.integer ?? 0 }
    }

    /// When the oldest job of a kind was parked, server ms; nil when none is.
    package func oldestParked(_ kind: JobKind) -> Call<Int?> {
        let command = Command("ZRANGE", keys.parked(kind), "0", "0", "WITHSCORES")
        return Call(key: keys.ready, command: command) { $0.array?.last?.integer }
    }

    /// Kinds, each followed by a number.
    static func kinds(_ reply: [RedisValue]) -> [(kind: JobKind, since: Int)] {
        stride(from: 0, to: reply.count - 1, by: 2).compactMap { index in
            guard let kind = reply[index].text.flatMap({ JobKind($0) }),
                let number = reply[index + 1].integer ?? Int(reply[index + 1].text ?? "")
            else { return nil }
            return (kind, number)
        }
    }
}

extension JobFailure {
    /// It waited for a worker that knows its kind, in vain.
    static func parked(_ kind: JobKind, _ reason: String) -> JobFailure {
        JobFailure(type: "Parked", message: "no worker knows \(kind): \(reason)")
    }
}
