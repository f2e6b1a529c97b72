internal import RedisLink

/// What the keys of one queue say of its health, as a value that `Doctor` fills.
struct QueueVitals: Sendable {
    /// A worker that is in none of the sets any more, or whose jobs wait to be given back.
    struct Worker: Sendable {
        let id: String
        /// In `reaping`: since when, server ms; nil while it has a lease.
        let since: Int?
    }

    let store: QueueStore
    /// Keys of another type, one sentence each; then nothing else was read.
    private(set) var foreign: [String] = []
    private(set) var protocolVersion: Int?
    private(set) var swept: Int?
    private(set) var lease: Int?
    private(set) var workers: [Worker] = []
    private(set) var landing = 0
    private(set) var dead = 0
    private(set) var ready = 0
    private(set) var scheduled = 0
    private(set) var pauses = QueuePauses()
    /// When the first ticks of its schedules are due, server ms; at most 100.
    private(set) var ticks: [(schedule: String, due: Int)] = []
    /// Workers whose own word has expired.
    var silent: Set<String> = []

    var name: String { store.keys.name }

    /// Server ms that somebody else wrote: sums with them must not overflow.
    private static let times = 0...1 << 52
    private static let mostWorkers = "9999"
    /// Dead jobs that workers keep unless told otherwise; told when it is nearly reached.
    static let deadKept = Upkeep().deadJobs

    init(_ store: QueueStore) {
        self.store = store
    }

    // MARK: Reading

    private var kinds: [(key: String, kind: String)] { store.kinds + [(store.keys.parked, "zset")] }

    var readsOfTypes: [Pipeline.Read] { kinds.map { Pipeline.Read("TYPE", $0.key) } }

    mutating func takeTypes(_ replies: ArraySlice<RedisValue>) {
        for ((key, kind), reply) in zip(kinds, replies) {
            guard let type = reply.text, type != "none", type != kind else { continue }
            foreign.append("key '\(key)' holds a \(printable(type)), not a \(kind)")
        }
    }

    /// Ten; none of a queue with foreign keys.
    var reads: [Pipeline.Read] {
        guard foreign.isEmpty else { return [] }
        let keys = store.keys
        return [
            Pipeline.Read(
                "HMGET", keys.meta, "protocol", "swept", "lease", "paused", "since", "why",
                "muted", "whys"),
            Pipeline.Read("ZRANGE", keys.workers, "0", Self.mostWorkers),
            Pipeline.Read("ZRANGE", keys.reaping, "0", Self.mostWorkers, "WITHSCORES"),
            Pipeline.Read("LLEN", keys.landing), Pipeline.Read("ZCARD", keys.dead),
            Pipeline.Read("LLEN", keys.ready), Pipeline.Read("ZCARD", keys.ordered),
            Pipeline.Read("ZCARD", keys.scheduled),
            Pipeline.Read("ZRANGE", keys.blocked, "0", "999", "WITHSCORES"),
            Pipeline.Read("ZRANGE", keys.ticks, "0", "99", "WITHSCORES"),
        ]
    }

    mutating func take(_ replies: ArraySlice<RedisValue>) {
        let replies = Array(replies)
        guard replies.count == 10 else { return }
        let meta = replies[0].array ?? []
        if meta.count == 8 {
            protocolVersion = meta[0].integer
            swept = meta[1].integer.flatMap { Self.times.contains($0) ? $0 : nil }
            lease = meta[2].integer
            pauses = QueuePauses(meta[3...], aside: Self.scored(replies[8]))
        }
        workers = (replies[1].array ?? []).compactMap(\.text).map { Worker(id: $0, since: nil) }
        workers += Self.scored(replies[2]).map { Worker(id: $0.0, since: $0.1) }
        landing = replies[3].integer ?? 0
        dead = replies[4].integer ?? 0
        ready = landing + (replies[5].integer ?? 0) + (replies[6].integer ?? 0)
        scheduled = replies[7].integer ?? 0
        ticks = Self.scored(replies[9]).map { (schedule: $0.0, due: $0.1) }
    }

    /// Members, each with its time.
    private static func scored(_ reply: RedisValue) -> [(String, Int)] {
        let words = reply.array ?? []
        return stride(from: 0, to: words.count - 1, by: 2).compactMap { index in
            guard let member = words[index].text else { return nil }
            let time = words[index + 1].integer ?? 0
            return (member, min(max(time, 0), times.upperBound))
        }
    }

    // MARK: What follows from it

    /// How long a worker's word is kept after its last one, ms.
    var patience: Int { WorkerInfo.kept(lease: min(max(lease ?? 30_000, 0), 3_600_000)) }

    /// Somebody did the queue's upkeep lately: that gives lost jobs back by itself.
    func isTended(now: Int) -> Bool { swept.map { now - $0 <= patience } ?? false }

    /// Workers that are gone while nobody is there to notice.
    func lost(now: Int) -> [Worker] {
        guard !isTended(now: now) else { return [] }
        return workers.filter { $0.since != nil || silent.contains($0.id) }
    }

    /// Nothing for a healthy queue.
    ///
    /// - Parameter format: Writes a time, ms since 1970.
    func findings(now: Int, format: (Int) -> String) -> [Finding] {
        if !foreign.isEmpty {
            return foreign.map { text in
                Finding(
                    .problem, "keys", queue: name, text + "; it was not made by jobrunner",
                    remedy: "use another --prefix, or rename that key")
            }
        }
        var found: [Finding] = []
        if let protocolVersion, protocolVersion != QueueStore.protocolVersion {
            let text =
                "it was written by protocol \(protocolVersion); this build speaks "
                + "\(QueueStore.protocolVersion)"
            found.append(
                Finding(
                    .problem, "protocol", queue: name, text,
                    remedy: "use the version of jobrunner that its workers have"))
        }
        let lost = lost(now: now)
        if !lost.isEmpty {
            let ids = lost.prefix(3).map { printable($0.id) }.joined(separator: ", ")
            let more = lost.count > 3 ? " and \(lost.count - 3) more" : ""
            found.append(
                Finding(
                    .problem, "leases", queue: name,
                    "\(ids)\(more): gone, and no worker is there to give their jobs back",
                    remedy: "start a worker, or run: jobrunner doctor --fix"))
        }
        let slow = workers.count { worker in worker.since.map { now - $0 > 60_000 } ?? false }
        if slow > 0, lost.isEmpty {
            found.append(
                Finding(
                    .warn, "leases", queue: name,
                    "lost workers whose jobs are being given back for over a minute: \(slow)",
                    remedy: "see the log of the workers, and redis-cli SLOWLOG GET"))
        }
        if landing > 0, !isTended(now: now) {
            found.append(
                Finding(
                    .warn, "landing", queue: name,
                    "\(Finding.jobs(landing)) in 'landing', where only a worker finds them",
                    remedy: "start a worker, or run: jobrunner doctor --fix"))
        }
        if landing == 0, lost.isEmpty { found += unattended(now: now) }
        found += late(now: now, format: format)
        found += pauses.findings(queue: name, ready: ready, now: now, format: format)
        if dead >= Self.deadKept * 9 / 10 {
            found.append(
                Finding(
                    .warn, "dead", queue: name,
                    "\(grouped(dead)) dead: workers keep \(grouped(Self.deadKept)) unless told "
                        + "otherwise, then the oldest go",
                    remedy: "jobrunner dead export -q \(name); jobrunner dead delete -q \(name)"))
        }
        return found
    }
}
