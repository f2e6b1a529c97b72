internal import JobRunner

/// `stats -o json`: a contract; every key is in `StatsJSON.md`, and a test compares the two.
enum StatsJSON {
    /// Changes when a key goes or means something else; new keys may come without.
    static let version = 1

    static func document(_ stats: Stats) -> JSONNode {
        .object([
            ("v", .integer(version)),
            ("at", .time(stats.time)),
            ("prefix", .string(stats.prefix)),
            ("redis", server(stats.server)),
            ("totals", totals(stats)),
            ("queues", .array(stats.queues.map(queue))),
            ("workers", .array(stats.workers.map(worker))),
            ("jobs", .array(stats.jobs.map(job))),
            ("limits", .array(stats.limits.map(limit))),
            ("locks", .array(stats.locks.map(lock))),
        ])
    }

    private static func server(_ server: ServerStats) -> JSONNode {
        .object([
            ("version", .string(server.version)),
            ("address", .string(server.address)),
            ("used_bytes", .integer(server.usedBytes)),
            ("max_bytes", .integer(server.maxBytes)),
            ("policy", .string(server.evictionPolicy)),
            ("rtt_ms", .milliseconds(server.roundTrip)),
        ])
    }

    private static func totals(_ stats: Stats) -> JSONNode {
        let totals = StatsTotals(stats)
        let states = WorkerStats.State.allCases.map { state in
            (state.rawValue, JSONNode.integer(stats.workers.count { $0.state == state }))
        }
        return .object([
            ("queues", .integer(stats.queues.count)),
            ("ready", .integer(totals.ready)),
            ("scheduled", .integer(totals.scheduled)),
            ("active", .integer(totals.active)),
            ("dead", .integer(totals.dead)),
            ("parked", .integer(totals.parked)),
            ("blocked", .integer(totals.blocked)),
            ("in_per_s", throughput(totals.incoming)),
            ("out_per_s", throughput(totals.outgoing)),
            ("workers", .object(states)),
            ("slots", .integer(totals.slots)),
            ("busy", .integer(totals.busy)),
            ("schedules", schedules(totals.schedules)),
            ("locks", .integer(stats.lockCount)),
        ])
    }

    static func queue(_ queue: QueueStats) -> JSONNode {
        .object([
            ("name", .string(queue.name)),
            ("known", .bool(queue.isKnown)),
            ("paused", .bool(queue.isPaused)),
            ("paused_until", .time(queue.pausedUntil)),
            ("paused_since", .time(queue.pausedSince)),
            ("pause_reason", .string(queue.pauseReason)),
            ("paused_jobs", .strings(queue.muted)),
            ("job_pauses", .array(queue.pausedJobs.map(pausedJob))),
            ("rate", .string(queue.rate)),
            ("state", .string(queue.state.rawValue)),
            ("ready", .integer(queue.ready)),
            ("scheduled", .integer(queue.scheduled)),
            ("active", .integer(queue.active)),
            ("dead", .integer(queue.dead)),
            ("parked", .integer(queue.parked)),
            ("blocked", .integer(queue.blocked)),
            ("in_per_s", throughput(queue.incoming)),
            ("out_per_s", throughput(queue.outgoing)),
            ("oldest_ms", .milliseconds(queue.oldestAge)),
            (
                "run_ms",
                queue.runTime.map { run in
                    .object([
                        ("p50", .milliseconds(run.median)), ("p95", .milliseconds(run.p95)),
                    ])
                } ?? .null
            ),
            (
                "last_15m",
                .object([
                    ("done", .integer(queue.recent.done)),
                    ("failed", .integer(queue.recent.failed)),
                    ("retried", .integer(queue.recent.retried)),
                    ("buried", .integer(queue.recent.buried)),
                    ("released", .integer(queue.recent.released)),
                    ("reaped", .integer(queue.recent.reaped)),
                    ("deferred", .integer(queue.recent.deferred)),
                    ("unique_refused", .integer(queue.recent.refused)),
                    ("unique_replaced", .integer(queue.recent.replaced)),
                ])
            ),
            ("workers", .integer(queue.workers)),
            ("reaping", .integer(queue.reaping)),
            ("lease_ms", .milliseconds(queue.lease)),
            ("schedules", schedules(queue.schedules)),
            ("faults", .strings(queue.faults)),
        ])
    }

    private static func pausedJob(_ job: QueueStats.PausedJob) -> JSONNode {
        .object([
            ("name", .string(job.name)),
            ("paused_since", .time(job.since)),
            ("pause_reason", .string(job.reason)),
        ])
    }

    private static func schedules(_ schedules: QueueStats.Schedules) -> JSONNode {
        .object([
            ("count", .integer(schedules.count)),
            ("paused", .integer(schedules.paused)),
            ("late", .integer(schedules.late)),
            ("next_due", .time(schedules.nextDue)),
        ])
    }

    private static func throughput(_ rates: QueueStats.Throughput?) -> JSONNode {
        guard let rates else { return .null }
        // To a thousandth: one job in 15 minutes is 0.001.
        let rounded = { (rate: Double) in JSONNode.number((rate * 1000).rounded() / 1000) }
        return .object([
            ("1m", rounded(rates.one)), ("5m", rounded(rates.five)),
            ("15m", rounded(rates.fifteen)),
        ])
    }

    private static func worker(_ worker: WorkerStats) -> JSONNode {
        .object([
            ("id", .string(worker.id)),
            ("state", .string(worker.state.rawValue)),
            ("host", .string(worker.host)),
            ("pid", .integer(worker.pid)),
            ("supervisor", .integer(worker.supervisor)),
            ("version", .string(worker.version)),
            ("queues", .strings(worker.queues)),
            ("handlers", .strings(worker.handlers)),
            ("slots", .integer(worker.slots)),
            ("min_slots", .integer(worker.slotLimits?.lowerBound)),
            ("max_slots", .integer(worker.slotLimits?.upperBound)),
            ("busy", .integer(worker.busy)),
            ("held", .integer(worker.held)),
            ("buffered", .integer(worker.buffered)),
            ("starved", .integer(worker.starved)),
            ("rss_bytes", .integer(worker.residentBytes)),
            ("started", .time(worker.started)),
            ("uptime_ms", .milliseconds(worker.uptime)),
            ("seen_ms", .milliseconds(worker.lastSeen)),
            ("running", .array(worker.running.map(running))),
        ])
    }

    private static func running(_ run: WorkerStats.Running) -> JSONNode {
        .object([
            ("slot", .integer(run.slot)),
            ("job", .string(run.job)),
            ("id", .string(run.id)),
            ("queue", .string(run.queue)),
            ("since", .time(run.since)),
            ("age_ms", .milliseconds(run.age)),
        ])
    }

    private static func job(_ job: JobStats) -> JSONNode {
        .object([
            ("name", .string(job.name)),
            ("done", .integer(job.done)),
            ("failed", .integer(job.failed)),
            ("mean_ms", .milliseconds(job.meanRunTime)),
            ("workers", .integer(job.workers)),
        ])
    }

    static func limit(_ limit: LimitStats) -> JSONNode {
        .object([
            ("name", .string(limit.name)),
            ("jobs", .strings(limit.jobs)),
            ("rate", .string(limit.rate)),
            ("slots", .integer(limit.slots)),
            ("code_rate", .string(limit.codeRate)),
            ("code_slots", .integer(limit.codeSlots)),
            ("closed_until", .time(limit.closedUntil)),
            ("running", .integer(limit.running)),
        ])
    }

    private static func lock(_ lock: LockStats) -> JSONNode {
        .object([
            ("name", .string(lock.name)),
            ("worker", .string(lock.worker)),
            ("job", .string(lock.job)),
            ("id", .string(lock.id)),
            ("queue", .string(lock.queue)),
            ("since", .time(lock.since)),
            ("age_ms", .milliseconds(lock.age)),
        ])
    }
}
