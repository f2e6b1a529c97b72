internal import JobRunner

extension StatsText {
    // MARK: Queues

    /// Jobs that wait aside are told however narrow it is.
    var queueColumns: [Column] {
        Self.queueColumns.map { column in
            var column = column
            if column.title == "BLOCKED", stats.queues.contains(where: { $0.blocked > 0 }) {
                column.rank = 0
            }
            return column
        }
    }

    private static let queueColumns = [
        Column(title: "QUEUE", isRight: false, least: 12),
        Column(title: "READY"),
        Column(title: "ACTIVE", rank: 2),
        Column(title: "SCHED", rank: 6),
        Column(title: "DEAD", rank: 3),
        Column(title: "PARKED", rank: 7),
        Column(title: "BLOCKED", rank: 10),
        Column(title: "OLDEST", rank: 5),
        Column(title: "IN/s", rank: 4),
        Column(title: "5m", rank: 11),
        Column(title: "15m", rank: 12),
        Column(title: "OUT/s", rank: 4),
        Column(title: "5m", rank: 11),
        Column(title: "15m", rank: 12),
        Column(title: "P50", rank: 9),
        Column(title: "P95", rank: 8),
        Column(title: "FAILED", rank: 13),
        Column(title: "DEFERRED", rank: 15),
        Column(title: "REFUSED", rank: 16),
        Column(title: "REPLACED", rank: 17),
        Column(title: "WORKERS", rank: 14),
        Column(title: "STATE", isRight: false, rank: 1),
    ]

    func queueRow(_ queue: QueueStats) -> [Cell] {
        let rate = { (rate: Double?) in Cell(rate.map(HumanText.rate) ?? "-") }
        let span = { (span: Duration?) in Cell(span.map(HumanText.span) ?? "-") }
        let count = { (count: Int) in Cell(HumanText.count(count)) }
        let dead = Cell(HumanText.count(queue.dead), queue.dead > 0 ? .caution : .plain)
        let parked = Cell(HumanText.count(queue.parked), queue.parked > 0 ? .caution : .plain)
        return [
            Cell(escaped(queue.name)), count(queue.ready), count(queue.active),
            count(queue.scheduled), dead, parked, count(queue.blocked), span(queue.oldestAge),
            rate(queue.incoming?.one), rate(queue.incoming?.five), rate(queue.incoming?.fifteen),
            rate(queue.outgoing.one), rate(queue.outgoing.five), rate(queue.outgoing.fifteen),
            span(queue.runTime?.median), span(queue.runTime?.p95), count(queue.recent.failed),
            count(queue.recent.deferred), count(queue.recent.refused),
            count(queue.recent.replaced), count(queue.workers), Self.state(of: queue),
        ]
    }

    private static func state(of queue: QueueStats) -> Cell {
        let tone: TextTable.Tone =
            switch queue.state {
            case .fault, .noWorker: .bad
            case .paused, .kindPaused, .limited: .caution
            default: .plain
            }
        return Cell(queue.state.rawValue, tone)
    }

    // MARK: Workers

    static let workerColumns = [
        Column(title: "HOST", isRight: false, least: 8),
        Column(title: "PID"),
        Column(title: "STATE", isRight: false, rank: 1),
        Column(title: "BUSY", rank: 2),
        Column(title: "UP", rank: 3),
        Column(title: "SEEN", rank: 6),
        Column(title: "RSS", rank: 5),
        Column(title: "VERSION", isRight: false, rank: 7),
        Column(title: "HELD", rank: 8),
        Column(title: "QUEUES", isRight: false, rank: 4, least: 10),
        Column(title: "WORKER", isRight: false, rank: 9),
    ]

    func workerRow(_ worker: WorkerStats) -> [Cell] {
        let tone: TextTable.Tone =
            switch worker.state {
            case .working: .plain
            case .quiet, .draining: .caution
            default: .bad
            }
        let limits = worker.slotLimits.map { " (\($0.lowerBound)..\($0.upperBound))" } ?? ""
        let slots = worker.busy.map { "\($0)/\(worker.slots ?? 0)\(limits)" }
        return [
            Cell(escaped(worker.host)), Cell(worker.pid.map { "\($0)" } ?? "-"),
            Cell(worker.state.rawValue, tone), Cell(slots ?? "-"),
            Cell(worker.uptime.map(HumanText.span) ?? "-"),
            Cell(worker.lastSeen.map(HumanText.span) ?? "-"),
            Cell(worker.residentBytes.map(HumanText.bytes) ?? "-"),
            Cell(escaped(worker.version ?? "-")), Cell(HumanText.count(worker.held)),
            Cell(escaped(worker.queues.joined(separator: ","), limit: 200)),
            Cell(escaped(worker.id)),
        ]
    }

    // MARK: Kinds of jobs

    static let jobColumns = [
        Column(title: "JOB", isRight: false, least: 12),
        Column(title: "DONE"),
        Column(title: "FAILED", rank: 1),
        Column(title: "MEAN", rank: 2),
        Column(title: "WORKERS", rank: 3),
    ]

    func jobRow(_ job: JobStats) -> [Cell] {
        let failed = Cell(HumanText.count(job.failed), job.failed > 0 ? .caution : .plain)
        let isOrphan = job.workers == 0
        return [
            Cell(escaped(job.name)), Cell(HumanText.count(job.done)), failed,
            Cell(job.meanRunTime.map(HumanText.span) ?? "-"),
            Cell("\(job.workers)", isOrphan ? .caution : .plain),
        ]
    }

    // MARK: Locks

    static let lockColumns = [
        Column(title: "LOCK", isRight: false, least: 12),
        Column(title: "HELD"),
        Column(title: "JOB", isRight: false, rank: 1, least: 12),
        Column(title: "ID", isRight: false, rank: 2),
        Column(title: "WORKER", isRight: false, rank: 3),
    ]

    func lockRow(_ lock: LockStats) -> [Cell] {
        [
            Cell(escaped(lock.name)), Cell(HumanText.span(lock.age)), Cell(escaped(lock.job)),
            Cell(escaped("\(lock.queue)/\(lock.id)")), Cell(escaped(lock.worker)),
        ]
    }
}
