internal import RedisLink

/// One queue while it is read: which commands, and what their replies say.
struct QueueReading: Sendable {
    /// A worker with a lease, or one whose jobs are being given back.
    struct Member: Sendable {
        let id: String
        let isAlive: Bool
    }

    var stats: QueueStats
    private(set) var window: CountWindow
    private(set) var members: [Member] = []
    private let keys: QueueKeys
    private let names: String
    /// False for a name that no key of ours can have: nothing is read.
    private let isReadable: Bool
    /// The key of the job that is next; nil when none is ready.
    private var next: (key: String, isList: Bool)?
    private var parkedKinds: [JobKind] = []
    private var blockades: [String] = []

    init(_ name: String, _ keys: Keys, now: Int) {
        stats = QueueStats(name: name)
        window = CountWindow(now: now)
        self.keys = keys.queue(name)
        names = keys.queues
        isReadable = (try? QueueName(name)) != nil
        if !isReadable { stats.faults = ["not the name of a queue; it was not made by jobrunner"] }
    }

    /// More would not be workers: a stranger's sorted set.
    private static let mostWorkers = 10_000
    /// More kinds of parked jobs are not counted: names that somebody made up.
    private static let mostKinds = 1000

    // MARK: The queue

    /// A tick that was due before this is late, server ms.
    private var latestOnTime: Int { window.now - ScheduleStatus.patience.milliseconds }

    var reads: [Pipeline.Read] {
        guard isReadable else { return [] }
        let most = "\(Self.mostWorkers - 1)"
        return [
            Pipeline.Read("LLEN", keys.ready), Pipeline.Read("LLEN", keys.landing),
            Pipeline.Read("ZCARD", keys.scheduled), Pipeline.Read("ZCARD", keys.dead),
            Pipeline.Read(
                "HMGET", keys.meta, "paused", "clock", "swept", "lease", "why", "muted", "rate",
                "since", "whys"),
            Pipeline.Read("ZRANGE", keys.workers, "0", most, "WITHSCORES"),
            Pipeline.Read("ZRANGE", keys.reaping, "0", most),
            Pipeline.Read("SISMEMBER", names, keys.name),
            Pipeline.Read("ZRANGE", keys.parked, "0", "\(Self.mostKinds - 1)"),
            Pipeline.Read("ZCARD", keys.ordered),
            Pipeline.Read("ZRANGE", keys.blocked, "0", "\(Self.mostKinds - 1)"),
            Pipeline.Read("HLEN", keys.schedules), Pipeline.Read("ZCARD", keys.ticks),
            Pipeline.Read("ZRANGE", keys.ticks, "0", "0", "WITHSCORES"),
            Pipeline.Read("ZCOUNT", keys.ticks, "-inf", "\(latestOnTime)"),
        ] + CountWindow.minutes(at: window.now).map { Pipeline.Read("HGETALL", keys.count($0)) }
    }

    /// - Parameter replies: To `reads`, in order.
    mutating func take(_ replies: [RedisValue]) {
        guard replies.count > 15 else { return }
        let landing = number(replies[1], keys.landing)
        let ready = number(replies[0], keys.ready)
        let ordered = number(replies[9], keys.ordered)
        stats.ready = (ready ?? 0) + (landing ?? 0) + (ordered ?? 0)
        let places = [
            (landing, keys.landing, true), (ready, keys.ready, true),
            (ordered, keys.ordered, false),
        ]
        if let place = places.first(where: { ($0.0 ?? 0) > 0 }) { next = (place.1, place.2) }
        stats.scheduled = number(replies[2], keys.scheduled) ?? 0
        stats.dead = number(replies[3], keys.dead) ?? 0
        takeWorkers(meta: list(replies[4], keys.meta), replies[5], replies[6])
        for (minute, reply) in zip(CountWindow.minutes(at: window.now), replies[15...]) {
            let fields = list(reply, keys.count(minute))
            if !fields.isEmpty { window.add(fields, minute: minute) }
        }
        let isReadable = ready != nil && landing != nil && ordered != nil
        stats.recent = window.recent
        stats.runTime = window.runTime
        stats.outgoing = window.outgoing
        stats.incoming = window.incoming(waiting: isReadable ? stats.ready + stats.scheduled : nil)
        let isUsed =
            stats.ready + stats.scheduled + stats.dead > 0 || !members.isEmpty
            || stats.lease != nil || !window.minutes.isEmpty || stats.isPaused
        takeSchedules(replies[11...])
        parkedKinds = list(replies[8], keys.parked).compactMap { $0.text.flatMap { JobKind($0) } }
        blockades = list(replies[10], keys.blocked).compactMap(\.text)
        stats.isKnown =
            isUsed || !parkedKinds.isEmpty || stats.schedules.count > 0
            || number(replies[7], names) == 1
    }

    private mutating func takeSchedules(_ replies: ArraySlice<RedisValue>) {
        let replies = Array(replies)
        stats.schedules.count = number(replies[0], keys.schedules) ?? 0
        let standing = number(replies[1], keys.ticks) ?? 0
        stats.schedules.paused = max(0, stats.schedules.count - standing)
        let due = list(replies[2], keys.ticks).last?.text.flatMap { Double($0) }
        if let due, due.magnitude < 1e15 { stats.schedules.nextDue = StatsReader.date(Int(due)) }
        stats.schedules.late = number(replies[3], keys.ticks) ?? 0
    }

    private mutating func takeWorkers(
        meta: [RedisValue], _ leases: RedisValue, _ lapsed: RedisValue
    ) {
        let meta = meta + [RedisValue](repeating: .null, count: max(0, 9 - meta.count))
        takePauses(meta)
        let lease = meta[3].integer.flatMap { (1...86_400_000).contains($0) ? $0 : nil }
        stats.lease = lease.map { .milliseconds($0) }
        let clock = queueClock(meta[1].integer, swept: meta[2].integer, lease: lease ?? 0)
        let scores = list(leases, keys.workers)
        for index in stride(from: 0, to: scores.count - 1, by: 2) {
            guard let id = scores[index].text else { continue }
            let deadline = scores[index + 1].text.flatMap { Double($0) } ?? 0
            members.append(Member(id: id, isAlive: deadline > Double(clock)))
        }
        stats.workers = members.count { $0.isAlive }
        let reaping = list(lapsed, keys.reaping).compactMap(\.text)
        stats.reaping = reaping.count
        members += reaping.map { Member(id: $0, isAlive: false) }
    }

    private mutating func takePauses(_ meta: [RedisValue]) {
        // A pause whose time is up ends with the next sweep.
        let until = meta[0].integer ?? 1
        stats.isPaused = meta[0] != .null && (until <= 1 || until > window.now)
        if stats.isPaused {
            stats.pausedUntil = until > 1 ? StatsReader.date(until) : nil
            stats.pausedSince = meta[7].integer.map { StatsReader.date($0) }
            stats.pauseReason = meta[4].text.flatMap { $0.isEmpty ? nil : $0 }
        }
        stats.pausedJobs = KindPause.all(muted: meta[5].text, whys: meta[8].text).map {
            QueueStats.PausedJob(
                name: $0.name, since: $0.since.map { StatsReader.date($0) },
                reason: $0.why.isEmpty ? nil : $0.why)
        }
        stats.rate = meta[6].text
    }

    /// What the next sweep would make of the queue's clock: see `tick.lua`.
    private func queueClock(_ clock: Int?, swept: Int?, lease: Int) -> Int {
        guard let clock, let swept else { return window.now }
        let (passed, isForged) = window.now.subtractingReportingOverflow(swept)
        let (time, isFuture) = clock.addingReportingOverflow(
            isForged ? 0 : max(0, min(passed, lease / 4)))
        return isFuture ? window.now : time
    }

    // MARK: Its workers

    /// One for each of `members`, in order.
    var readsOfWorkers: [Pipeline.Read] {
        members.map { Pipeline.Read("HLEN", keys.active($0.id)) }
    }

    /// Notes how many jobs a worker holds.
    mutating func holds(_ member: Member, _ reply: RedisValue) -> Int {
        let held = number(reply, keys.active(member.id)) ?? 0
        stats.active += held
        return held
    }

    // MARK: Its parked and blocked jobs

    /// One a kind and a limit; none when nothing waits aside.
    var readsOfParked: [Pipeline.Read] {
        parkedKinds.map { Pipeline.Read("ZCARD", keys.parked($0)) }
            + blockades.map { Pipeline.Read("ZCARD", keys.blocked($0)) }
    }

    /// - Parameter replies: To `readsOfParked`, in order.
    mutating func takeParked(_ replies: ArraySlice<RedisValue>) {
        for (kind, reply) in zip(parkedKinds, replies) {
            stats.parked += number(reply, keys.parked(kind)) ?? 0
        }
        for (blockade, reply) in zip(blockades, replies.dropFirst(parkedKinds.count)) {
            stats.blocked += number(reply, keys.blocked(blockade)) ?? 0
        }
    }

    // MARK: Its oldest job

    /// Of a queue with jobs that are ready.
    var readOfOldest: Pipeline.Read {
        guard let next, !next.isList else {
            return Pipeline.Read("LINDEX", next?.key ?? keys.ready, "-1")
        }
        return Pipeline.Read("ZRANGE", next.key, "0", "0")
    }

    mutating func takeOldest(_ reply: RedisValue, now: Int) {
        let limits = Envelope.Limits(maxBytes: 1 << 20)
        guard let job = (reply.array?.first ?? reply).bytes,
            let envelope = try? Envelope(job, limits: limits),
            let enqueued = envelope.enqueued
        else { return }
        stats.oldestAge = .milliseconds(max(0, now - Int(enqueued)))
    }

    // MARK: Replies

    private mutating func number(_ reply: RedisValue, _ key: String) -> Int? {
        noteFault(reply, key)
        return reply.integer
    }

    private mutating func list(_ reply: RedisValue, _ key: String) -> [RedisValue] {
        noteFault(reply, key)
        return reply.array ?? []
    }

    private mutating func noteFault(_ reply: RedisValue, _ key: String) {
        guard case .error(let error) = reply else { return }
        let fault =
            error.code == .WRONGTYPE
            ? ForeignKey(key: key).description : printable(error.description, limit: 200)
        if !stats.faults.contains(fault) { stats.faults.append(fault) }
    }
}
