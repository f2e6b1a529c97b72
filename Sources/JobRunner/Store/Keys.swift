/// Every key JobRunner uses, in one place.
///
/// All keys of a queue share the hash tag `{queue}`: one slot on Redis Cluster, so a
/// script may touch any of them. What each holds: DESIGN, and `Keys.md` in the docs.
package struct Keys: Sendable, Hashable {
    /// `jobrunner` unless configured.
    package let prefix: String

    package init(prefix: String) {
        self.prefix = prefix
    }

    /// SET of the names of queues that were ever used; for inspection only.
    package var queues: String { "\(prefix):queues" }

    /// STRING with a TTL: what `stats` shows of a worker.
    package func worker(_ id: String) -> String { "\(prefix):worker:\(id)" }

    /// HASH: `<limit>/<job>` → what the code of workers says of it, as JSON.
    package var limits: String { "\(prefix):limits" }

    /// The keys of a rate or concurrency limit.
    package func limit(_ name: String) -> LimitKeys {
        LimitKeys(base: "\(prefix):{limit:\(name)}:", name: name)
    }

    /// ZSET: who holds a lock between workers.
    package func lock(_ name: String) -> String { "\(prefix):{lock:\(name)}" }

    /// Not a key: the channel on which a client that calls jobs hears their outcomes.
    package func answers(_ client: String) -> String { "\(prefix):answers:\(client)" }

    package func queue(_ name: String) -> QueueKeys {
        QueueKeys(base: "\(prefix):{\(name)}:", name: name, answers: answers(""))
    }
}

/// The keys of one limit: they share a slot, which is not a queue's.
package struct LimitKeys: Sendable, Hashable {
    /// `<prefix>:{limit:<name>}:`, which all of them begin with.
    package let base: String
    package let name: String

    /// HASH: what operators set; instead of what the code says.
    package var rule: String { base + "rule" }
    /// HASH with a TTL: the arrival times of one value of a rate limit.
    package func tokens(_ value: String) -> String { base + "tokens:" + value }
    /// ZSET with a TTL: who runs under one value of a concurrency limit.
    package func running(_ value: String) -> String { base + "running:" + value }
}

/// The keys of one queue.
package struct QueueKeys: Sendable, Hashable {
    /// `<prefix>:{<queue>}:`, which all of them begin with.
    package let base: String
    package let name: String
    /// What the channels of clients begin with: those of all queues are the same.
    let answers: String

    /// LIST: jobs that wait, oldest at the right.
    package let ready: String
    /// LIST: parked by an idle worker's BRPOPLPUSH, older than all of `ready`.
    package let landing: String
    /// ZSET: worker id → lease deadline, ms of the queue's clock.
    package let workers: String
    /// ZSET: worker id → since when its jobs are given back, server ms.
    package let reaping: String
    /// ZSET: job → due time, server ms.
    package let scheduled: String
    /// LIST with a TTL: an element wakes one worker, which looks what is due.
    package let bell: String
    /// ZSET: `<worker>/<tag> <reason>\n<job>` → time of death, server ms.
    ///
    /// A job of more than 16 MiB comes here straight from its list, under a tag of its own.
    package let dead: String
    /// ZSET: kind → since when there is a parked job of it, server ms.
    package let parked: String
    /// HASH: job id → how many workers it was lost with.
    package let crashes: String
    /// ZSET: job id → when the mark lapses, server ms.
    package let cancelled: String
    /// HASH: schedule name → its definition, JSON.
    package let schedules: String
    /// ZSET: schedule name → when its next tick is due, server ms; paused ones are not in it.
    package let ticks: String
    /// HASH: paused, since, why, muted, whys, cancels, fence, ranked, turn, limit, rate, tat,
    /// swept, clock, lease, protocol.
    package let meta: String
    /// ZSET: job → rank, of those with a priority or a tenant while others wait.
    package let ordered: String
    /// ZSET: tenant → rank of its last job.
    package let turns: String
    /// ZSET: limit → since when a job waits for room under it, server ms.
    package let blocked: String

    init(base: String, name: String, answers: String) {
        self.base = base
        self.name = name
        self.answers = answers
        ready = base + "ready"
        landing = base + "landing"
        workers = base + "workers"
        reaping = base + "reaping"
        scheduled = base + "scheduled"
        bell = base + "bell"
        dead = base + "dead"
        parked = base + "parked"
        crashes = base + "crashes"
        cancelled = base + "cancelled"
        schedules = base + "schedules"
        ticks = base + "ticks"
        meta = base + "meta"
        ordered = base + "ordered"
        turns = base + "turns"
        blocked = base + "blocked"
    }

    /// HASH: tag → job, what this worker holds.
    package func active(_ worker: String) -> String { base + "active:" + worker }
    /// ZSET: job → when it was parked, server ms; kept until a worker knows its kind.
    package func parked(_ kind: JobKind) -> String { base + "parked:" + kind.description }
    /// ZSET: job → since when it waits for room under a limit, server ms.
    package func blocked(_ limit: String) -> String { base + "blocked:" + limit }
    /// HASH: where a schedule stands, what it did last, how often.
    package func schedule(_ name: String) -> String { base + "schedule:" + name }
    /// LIST: what became of a schedule's last ticks, newest first.
    package func history(_ name: String) -> String { base + "history:" + name }
    /// STRING with a TTL: outcome JSON.
    package func result(_ id: String) -> String { base + "result:" + id }
    /// STRING with a TTL: the last progress report.
    package func progress(_ id: String) -> String { base + "progress:" + id }
    /// STRING with a TTL: what a step of a job returned, that must not be done again.
    package func once(_ id: String, _ step: String) -> String { base + "once:" + id + ":" + step }
    /// STRING with a TTL: this id was accepted.
    package func seen(_ id: String) -> String { base + "seen:" + id }
    /// STRING with a TTL: uniqueness lock, holds the job id.
    package func unique(_ key: String) -> String { base + "unique:" + key }
    /// ZSET: workflow id → when it was opened, server ms.
    package var flows: String { base + "flows" }
    /// HASH with a TTL, and others under it: a workflow; `advance.lua` has them all.
    package func flow(_ id: String) -> String { base + "flow:" + id }
    /// HASH with a TTL: what steps of a job returned, and how far its loops are.
    package func steps(_ id: String) -> String { base + "steps:" + id }
    /// HASH with a TTL: counters of one minute, counted since 1970.
    package func count(_ minute: Int) -> String { base + "count:\(minute)" }
}
