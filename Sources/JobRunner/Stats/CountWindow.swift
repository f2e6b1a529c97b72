internal import RedisLink

/// What workers counted in one queue, minute by minute; turns it into rates.
struct CountWindow: Sendable {
    /// One minute's hash.
    struct Minute: Sendable {
        var recent = QueueStats.Recent()
        /// Jobs that waited when it was last looked at in this minute.
        var waiting: Int?
        var ended: Int { recent.done &+ recent.buried }
    }

    /// Counters of a kind of job.
    struct OfJob: Sendable {
        var done = 0
        var failed = 0
        var microseconds = 0
    }

    /// Server time, ms since 1970.
    let now: Int
    private(set) var minutes: [Int: Minute] = [:]
    private(set) var jobs: [String: OfJob] = [:]
    private var runTimes = [Int](repeating: 0, count: RunTimeBuckets.count)

    init(now: Int) {
        self.now = now
    }

    /// The minutes to read, oldest first: 15, the one a window begins in, the one before that,
    /// whose last sample is the first of that one, and the next, for workers whose clock is fast.
    static func minutes(at now: Int) -> ClosedRange<Int> { now / 60_000 - 16...now / 60_000 + 1 }

    /// Adds the fields of a minute's hash, as HGETALL has them; what is not ours is left out.
    mutating func add(_ fields: [RedisValue], minute: Int) {
        // The percentiles and kinds of jobs are of whole minutes: the last 15 that have begun.
        let isRecent = minute > now / 60_000 - 15
        var counted = Minute()
        var index = 0
        while index + 1 < fields.count {
            defer { index += 2 }
            guard let field = fields[index].text, let amount = fields[index + 1].integer,
                (0...Self.mostCounted).contains(amount)
            else { continue }
            switch field {
            case "done": counted.recent.done = amount
            case "failed": counted.recent.failed = amount
            case "retried": counted.recent.retried = amount
            case "buried": counted.recent.buried = amount
            case "released": counted.recent.released = amount
            case "reaped": counted.recent.reaped = amount
            case "deferred": counted.recent.deferred = amount
            case "unique_refused": counted.recent.refused = amount
            case "unique_replaced": counted.recent.replaced = amount
            case "waiting": counted.waiting = amount
            default: if isRecent { addDetail(field, amount) }
            }
        }
        minutes[minute] = counted
    }

    /// More than could be counted in a minute: a forged number, which sums must survive.
    private static let mostCounted = 1 << 46

    private mutating func addDetail(_ field: String, _ amount: Int) {
        if let name = Self.name(in: field, before: ":done") {
            jobs[name, default: OfJob()].done += amount
        } else if let name = Self.name(in: field, before: ":failed") {
            jobs[name, default: OfJob()].failed += amount
        } else if let name = Self.name(in: field, before: ":us") {
            jobs[name, default: OfJob()].microseconds += amount
        } else if field.utf8.first == UInt8(ascii: "t"), let bucket = Int(field.dropFirst()),
            runTimes.indices.contains(bucket)
        {
            runTimes[bucket] += amount
        }
    }

    /// The name in `job:<name>:done`; it may hold colons itself.
    private static func name(in field: String, before suffix: String) -> String? {
        guard field.hasPrefix("job:"), field.hasSuffix(suffix),
            field.utf8.count > 4 + suffix.utf8.count
        else { return nil }
        return String(field.dropFirst(4).dropLast(suffix.count))
    }

    // MARK: What follows from it

    /// What ended in the last 15 minutes that have begun.
    var recent: QueueStats.Recent {
        var sum = QueueStats.Recent()
        for (minute, counted) in minutes where minute > now / 60_000 - 15 {
            sum.done += counted.recent.done
            sum.failed += counted.recent.failed
            sum.retried += counted.recent.retried
            sum.buried += counted.recent.buried
            sum.released += counted.recent.released
            sum.reaped += counted.recent.reaped
            sum.deferred += counted.recent.deferred
            sum.refused += counted.recent.refused
            sum.replaced += counted.recent.replaced
        }
        return sum
    }

    var runTime: QueueStats.RunTime? {
        guard let median = RunTimeBuckets.percentile(0.5, of: runTimes),
            let p95 = RunTimeBuckets.percentile(0.95, of: runTimes)
        else { return nil }
        return QueueStats.RunTime(
            median: .microseconds(Int64(median)), p95: .microseconds(Int64(p95)))
    }

    var outgoing: QueueStats.Throughput {
        QueueStats.Throughput(
            one: ended(in: 1) / 60, five: ended(in: 5) / 300, fifteen: ended(in: 15) / 900)
    }

    /// - Parameter waiting: Jobs that wait now; nil when that could not be read.
    func incoming(waiting: Int?) -> QueueStats.Throughput? {
        guard let waiting, minutes.values.contains(where: { $0.waiting != nil }) else { return nil }
        return QueueStats.Throughput(
            one: came(in: 1, waiting) / 60, five: came(in: 5, waiting) / 300,
            fifteen: came(in: 15, waiting) / 900)
    }

    /// How much of the minute that a window begins in lies before it.
    private var elapsed: Double { Double(now % 60_000) / 60_000 }

    /// Jobs that ended in the last so many minutes: of the minute that this begins in, its share.
    private func ended(in window: Int) -> Double {
        let current = now / 60_000
        var sum = Double(minutes[current - window]?.ended ?? 0) * (1 - elapsed)
        for minute in current - window + 1...current + 1 {
            sum += Double(minutes[minute]?.ended ?? 0)
        }
        return sum
    }

    private func came(in window: Int, _ waiting: Int) -> Double {
        let first = now / 60_000 - window
        let before = waitingAtEnd(of: first - 1)
        let after = waitingAtEnd(of: first)
        // Between two samples the number is taken to have changed evenly, as the ends are.
        let then = before + (after - before) * elapsed
        return max(0, ended(in: window) + Double(waiting) - then)
    }

    /// The last sample up to then.
    ///
    /// Where none is that old the oldest there is: a backlog that a new worker finds is nothing
    /// that came.
    private func waitingAtEnd(of minute: Int) -> Double {
        let sampled = minutes.filter { $0.value.waiting != nil }
        let last = sampled.keys.filter { $0 <= minute }.max() ?? sampled.keys.min()
        return Double(last.flatMap { sampled[$0]?.waiting } ?? 0)
    }
}
