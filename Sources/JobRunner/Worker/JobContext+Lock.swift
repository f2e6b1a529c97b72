internal import RedisLink
internal import Synchronization

/// Why a lock was not there, or was there no more.
public enum LockError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Another run held it for as long as was waited; nothing was done.
    case held(name: String)
    /// It lapsed while the body ran: another run may have held it meanwhile.
    case lost(name: String)

    /// One sentence.
    public var description: String {
        switch self {
        case .held(let name): "lock '\(name)' is held by another run"
        case .lost(let name): "lock '\(name)' lapsed before its work was done"
        }
    }
}

/// A lock that a run holds.
struct HeldLock: Sendable {
    let name: String
    let key: String
    let rule: String
    /// ms.
    let life: Int
    /// Whose run it is.
    let job: String
    let id: String
    let queue: String
    /// When it was taken, ms since 1970.
    var since = 0
    var isLost = false
    /// Monotonic ns at which the server last confirmed it.
    var confirmedAt = monotonicNanoseconds()

    /// It has lapsed, as far as can be known here.
    func isOver(now: Int64) -> Bool {
        isLost || now - confirmedAt > Int64(life) * 1_000_000
    }
}

extension JobContext {
    /// Does something while no other run of any worker does it under the same name.
    ///
    ///     try await context.withLock("invoice-\(customer)") { fence in … }
    ///
    /// Held under a lease that the worker renews: free at the end of `body`, and `ttl` after the
    /// worker is gone. A worker that was frozen for longer has lost it without knowing: hand
    /// `fence` on where that must not be. It grows with every holder, as the server's clock does,
    /// so the older can be refused.
    ///
    /// - Parameters:
    ///   - name: 1 to 64 of `A-Z a-z 0-9 . _ -`; shared by all queues of the prefix.
    ///   - ttl: 3 s to 1 h.
    ///   - waiting: How long to wait for it; the run holds its slot meanwhile. Zero is one try.
    ///   - body: `fence` is the server's time in µs at which it was taken.
    /// - Throws: `LockError.held` when another run had it all the time, `LockError.lost` when it
    ///   lapsed before `body` returned, what `body` throws, `NameError`, `JobRunnerError.invalid`,
    ///   `JobRunnerError.redis` when Redis could not be asked.
    public func withLock<Value>(
        _ name: String, ttl: Duration = .seconds(30), waiting: Duration = .seconds(10),
        _ body: (_ fence: Int) async throws -> Value
    ) async throws -> Value {
        _ = try NameError.check(name, as: .lock)
        guard ttl >= .seconds(3), ttl <= .seconds(3600) else {
            throw JobRunnerError.invalid("the ttl of a lock must be 3 s to 1 h, got \(ttl)")
        }
        let key = client.keys.lock(name)
        var lock = HeldLock(
            name: name, key: key, rule: key + ":rule", life: ttl.milliseconds, job: job, id: id,
            queue: queue)
        let holder = "\(engine.identity.id)/\(JobID.generate(now: 0))"
        let fence = try await take(lock, holder, name, until: monotonicDeadline(after: waiting))
        lock.since = WallClock.milliseconds()
        engine.locks.withLock { [lock] in $0[holder] = lock }
        defer { letGo(lock, holder) }
        let value = try await body(fence)
        let now = monotonicNanoseconds()
        let isOver = engine.locks.withLock { $0[holder]?.isOver(now: now) ?? false }
        if isOver { throw LockError.lost(name: name) }
        return value
    }

    private func take(
        _ lock: HeldLock, _ holder: String, _ name: String, until deadline: Int64
    ) async throws -> Int {
        let call = LimitStore.claim(
            .take, key: lock.key, rule: lock.rule, most: 1, lease: lock.life, holders: [holder])
        var backoff = Backoff(base: .milliseconds(10), limit: .milliseconds(200))
        var random = SystemRandomNumberGenerator()
        while true {
            try Task.checkCancellation()
            do {
                let reply = try await client.router.connection(for: lock.key).send(call)
                if reply.held.first == true { return reply.fence }
            } catch {
                // It may have been taken all the same.
                letGo(lock, holder)
                throw JobRunnerError.redis(error)
            }
            let left = deadline - monotonicNanoseconds()
            guard left > 0 else { throw LockError.held(name: name) }
            // A lock that is free tells nobody: ask again, at growing intervals.
            try await Task.sleep(for: .nanoseconds(min(left, backoff.next(using: &random))))
        }
    }

    private func letGo(_ lock: HeldLock, _ holder: String) {
        engine.locks.withLock { $0[holder] = nil }
        let call = LimitStore.claim(
            .free, key: lock.key, rule: lock.rule, most: 1, lease: lock.life, holders: [holder])
        // Unanswered: it lapses.
        client.router.connection(for: lock.key).submit(call) { _ in }
    }
}

extension WorkerEngine {
    /// Renews the locks that runs hold, and notes those that are lost; with every tick.
    func keepLocks() {
        for (holder, lock) in locks.withLock({ $0 }) {
            let call = LimitStore.claim(
                .keep, key: lock.key, rule: lock.rule, most: 1, lease: lock.life,
                holders: [holder])
            heartbeat.submit(call) { result in
                guard let held = try? result.get().held.first else { return }
                let now = monotonicNanoseconds()
                self.locks.withLock { locks in
                    locks[holder]?.isLost = !held
                    if held { locks[holder]?.confirmedAt = now }
                }
            }
        }
    }

    /// What `stats` shows of them: the number, and those held longest, 64 at most.
    func describeLocks() -> (count: Int, longest: [WorkerInfo.Lock]) {
        let held = locks.withLock { locks in locks.values.filter { !$0.isLost } }
        let oldest = held.sorted { ($0.since, $0.name) < ($1.since, $1.name) }.prefix(64)
        let longest = oldest.map {
            WorkerInfo.Lock(
                name: $0.name, job: $0.job, id: $0.id, queue: $0.queue, since: $0.since)
        }
        return (held.count, longest)
    }
}
