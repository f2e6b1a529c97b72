internal import RedisLink

/// The store of one queue: one method a script or command, none of which decodes a job.
package struct QueueStore: Sendable {
    package let keys: QueueKeys

    package init(_ keys: QueueKeys) {
        self.keys = keys
    }

    /// The wake-up of an idle worker: parks the next job in `landing`, takes nothing.
    ///
    /// - Parameter seconds: Longest block on the server; the socket's timeout must be longer.
    /// - Returns: True when a job was parked, false when the time was up.
    package func park(seconds: Int) -> Call<Bool> {
        Call(
            key: keys.ready,
            command: Command("BRPOPLPUSH", keys.ready, keys.landing, "\(seconds)")
        ) { $0 != .null }
    }

    /// Waits until a job is enqueued that is due before workers look by themselves.
    ///
    /// Of several that wait one is woken: it knows then when to ask `promote`. An alarm that is
    /// lost costs lateness up to the next tick, nothing else.
    ///
    /// - Parameter seconds: Longest block on the server; the socket's timeout must be longer.
    /// - Returns: False when the time was up.
    package func listen(seconds: Int) -> Call<Bool> {
        Call(key: keys.ready, command: Command("BLPOP", keys.bell, "\(seconds)")) { $0 != .null }
    }

    /// Puts a parked job back where other blocked workers see it.
    package func unpark() -> Call<Void> {
        Call(
            key: keys.ready,
            command: Command("LMOVE", keys.landing, keys.ready, "RIGHT", "RIGHT")
        ) { _ in }
    }

    /// The tags of all jobs a worker holds, by the server's word.
    package func tags(of worker: String) -> Call<[Int]> {
        Call(key: keys.ready, command: Command("HKEYS", keys.active(worker))) {
            ($0.array ?? []).compactMap(\.integer)
        }
    }

    /// Jobs a worker holds, by tag; nil for one that is gone.
    package func jobs(of worker: String, tags: [Int]) -> Call<[[UInt8]?]> {
        Call(
            key: keys.ready,
            command: Command(["HMGET", keys.active(worker)] + tags.map { "\($0)" })
        ) { ($0.array ?? []).map(\.bytes) }
    }

    /// Which of some ids are marked as cancelled.
    package func cancelled(_ ids: [String]) -> Call<[Bool]> {
        Call(key: keys.ready, command: Command(["ZMSCORE", keys.cancelled] + ids)) {
            ($0.array ?? []).map { $0 != .null }
        }
    }

    /// The outcome JSON of a job, nil when there is none (yet, or any more).
    ///
    /// - Parameter most: Bytes; of a longer one, one more than these.
    package func result(_ id: String, atMost most: Int = 16 << 20) -> Call<[UInt8]?> {
        Call(key: keys.ready, command: Self.read(keys.result(id), atMost: most)) {
            Self.present($0)
        }
    }

    /// Reads a value, however long others made it; what is not there reads as empty.
    static func read(_ key: String, atMost most: Int) -> Command {
        Command("GETRANGE", key, "0", "\(most)")
    }

    /// Nil where nothing is.
    static func present(_ value: RedisValue) -> [UInt8]? {
        value.bytes.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The last progress report of a job.
    package func progress(_ id: String) -> Call<[UInt8]?> {
        Call(key: keys.ready, command: Command("GET", keys.progress(id))) { $0.bytes }
    }

    /// Keeps a progress report.
    package func setProgress(_ id: String, _ report: [UInt8], keep: Duration) -> Call<Void> {
        var words = Arguments()
        words.append("SET")
        words.append(keys.progress(id))
        words.append(report)
        words.append("PX")
        words.append(keep.milliseconds)
        return Call(key: keys.ready, command: Command(name: "SET", words)) { _ in }
    }

    /// The keys every worker needs, and what type they are when they are there.
    package var kinds: [(key: String, kind: String)] {
        [
            (keys.ready, "list"), (keys.landing, "list"), (keys.workers, "zset"),
            (keys.reaping, "zset"), (keys.scheduled, "zset"), (keys.dead, "zset"),
            (keys.crashes, "hash"), (keys.cancelled, "zset"), (keys.meta, "hash"),
            (keys.ordered, "zset"), (keys.turns, "zset"), (keys.blocked, "zset"),
            (keys.schedules, "hash"), (keys.ticks, "zset"),
        ]
    }

    /// False when a key is there and of another type.
    package func isAbsentOr(_ kind: String, _ key: String) -> Call<Bool> {
        Call(key: key, command: Command("TYPE", key)) { ["none", kind].contains($0.text) }
    }

    /// The queue's visibility timeout in ms, nil while it has none.
    ///
    /// All workers of a queue must use the same: the gap of a long one could lapse a short one.
    package func agreedLease() -> Call<Int?> {
        Call(key: keys.ready, command: Command("HGET", keys.meta, "lease")) { $0.integer }
    }

    /// The protocol the queue's keys were written by; nil before the first worker.
    package func agreedProtocol() -> Call<Int?> {
        Call(key: keys.ready, command: Command("HGET", keys.meta, "protocol")) { $0.integer }
    }

    /// Notes the protocol if none is noted.
    package func proposeProtocol() -> Call<Void> {
        Call(
            key: keys.ready,
            command: Command("HSETNX", keys.meta, "protocol", "\(Self.protocolVersion)")
        ) { _ in }
    }

    /// What the scripts and keys of this build are; changes when older workers could not go on.
    package static let protocolVersion = 1

    /// Whether any worker has a lease here, or is being reaped.
    package func hasWorkers() -> Call<Bool> {
        Call(key: keys.ready, command: Command("EXISTS", keys.workers, keys.reaping)) {
            $0.integer != 0
        }
    }
}
