internal import FoundationEssentials
internal import RedisLink

/// One worker while it is read: its leases in the queues, then its own word.
struct WorkerReading: Sendable {
    let id: String
    private var queues: [String] = []
    private var held = 0
    private var isAlive = false
    private var lease: Duration?

    init(id: String) {
        self.id = id
    }

    /// One of its lives in one queue.
    mutating func note(_ member: QueueReading.Member, in queue: QueueStats, held: Int) {
        if !queues.contains(queue.name) { queues.append(queue.name) }
        self.held += held
        isAlive = isAlive || member.isAlive
        lease = lease ?? queue.lease
    }

    /// - Parameters:
    ///   - info: Its own word, as GET has it.
    ///   - ttl: For how long it holds, as PTTL has it.
    func stats(info: RedisValue, ttl: RedisValue, now: Int) -> WorkerStats {
        let own = info.bytes.flatMap { WorkerInfo(json: $0) }
        let lastSeen = lastSeen(ttl.integer)
        let isSilent = lease.map { (lastSeen ?? .zero) >= $0 } ?? false
        let parts = hostAndProcess
        let state: WorkerStats.State =
            !isAlive || info == .null || isSilent
            ? .lapsed : own.flatMap { WorkerStats.State(rawValue: $0.state) } ?? .unknown
        var stats = WorkerStats(
            id: id, state: state, host: parts.host, pid: parts.pid, queues: queues)
        stats.held = held
        stats.lastSeen = lastSeen
        guard let own else { return stats }
        stats.host = own.host
        stats.pid = own.pid
        stats.supervisor = own.supervisor
        stats.version = own.version
        stats.queues = own.queues
        stats.handlers = own.handlers
        stats.versions = own.versions ?? [:]
        stats.slots = own.slots
        if let least = own.minSlots, let most = own.maxSlots, least <= most {
            stats.slotLimits = least...most
        }
        stats.busy = own.busy
        stats.buffered = own.buffered
        stats.starved = own.starved
        stats.residentBytes = own.rss > 0 ? own.rss : nil
        stats.started = StatsReader.date(own.started)
        stats.uptime = Self.age(of: own.started, now: now)
        for run in own.running {
            stats.running.append(
                WorkerStats.Running(
                    slot: run.slot, job: run.job, id: run.id, queue: run.queue,
                    since: StatsReader.date(run.since), age: Self.age(of: run.since, now: now)))
        }
        stats.lockCount = max(own.lockCount ?? 0, own.locks?.count ?? 0)
        stats.locks = (own.locks ?? []).map { lock in
            LockStats(
                name: lock.name, worker: id, job: lock.job, id: lock.id, queue: lock.queue,
                since: StatsReader.date(lock.since), age: Self.age(of: lock.since, now: now))
        }
        return stats
    }

    /// How long ago it wrote its word, by how long that is still kept: see `publish`.
    private func lastSeen(_ ttl: Int?) -> Duration? {
        guard let ttl, ttl >= 0, let lease else { return nil }
        return max(.zero, .milliseconds(WorkerInfo.kept(lease: lease.milliseconds) - ttl))
    }

    /// `<host>-<pid>-<random>`; the host may hold dashes.
    private var hostAndProcess: (host: String, pid: Int?) {
        let parts = id.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, let pid = Int(parts[parts.count - 2]) else { return (id, nil) }
        return (parts.dropLast(2).joined(separator: "-"), pid)
    }

    private static func age(of time: Int, now: Int) -> Duration {
        let (age, isForged) = now.subtractingReportingOverflow(time)
        return .milliseconds(isForged ? 0 : max(0, age))
    }
}
