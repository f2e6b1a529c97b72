internal import RedisLink

/// When a schedule is due, ready to be worked out.
///
/// Times are ms since 1970. A tick has a nominal time, which names it, and is due later than that
/// by its jitter.
package struct Timetable: Sendable {
    private enum Kind: Sendable {
        case every(Every)
        case cron(Cron, TimeZoneRules)
    }

    private let kind: Kind
    private let name: String
    /// ms; 0 is none.
    private let jitter: Int

    /// - Throws: `ScheduleError`: `cron '31 2 *': 3 fields, 5 are needed`.
    init(_ schedule: Schedule) throws(ScheduleError) {
        name = schedule.name
        jitter = schedule.jitter.milliseconds
        let longest: Duration
        switch schedule.timing {
        case .every(let interval, let offset):
            kind = .every(try Every(interval, offset: offset))
            longest = interval
        case .cron(let text, let zone):
            kind = .cron(try Cron(text), try TimeZoneFile.rules(of: zone))
            longest = .seconds(86_400)
        }
        guard schedule.jitter >= .zero, schedule.jitter <= longest else {
            throw ScheduleError("jitter \(schedule.jitter): it must be 0 s to \(longest)")
        }
    }

    /// The first nominal time after another; nil: never again.
    package func next(after time: Int) -> Int? {
        switch kind {
        case .every(let every): every.next(after: time)
        case .cron(let cron, let zone):
            cron.next(after: time.floorDivided(by: 1000).quotient, in: zone).map { $0 * 1000 }
        }
    }

    /// When a tick is due.
    package func due(_ tick: Int) -> Int {
        guard jitter > 0 else { return tick }
        // FNV-1a over the name and the time: no seed, so that all processes agree.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "\(name) \(tick)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        // Its low bits are the better ones once they are mixed.
        hash ^= hash >> 32
        return tick + Int(hash % UInt64(jitter))
    }

    /// The last of the ticks from `first` on that are due, oldest first.
    ///
    /// - Parameters:
    ///   - first: The nominal time of a tick.
    ///   - most: How many are wanted.
    /// - Returns: Them, and how many came before; at least 10,000 is 10,000.
    func due(from first: Int, at now: Int, most: Int) -> (ticks: [Int], before: Int) {
        if case .every(let every) = kind {
            let count = (now - first).floorDivided(by: every.interval).quotient + 1
            var ticks = (max(0, count - most - 1)..<max(0, count)).map {
                first + $0 * every.interval
            }
            while let last = ticks.last, due(last) > now { ticks.removeLast() }
            let kept = Array(ticks.suffix(most))
            guard let start = kept.first else { return ([], 0) }
            return (kept, (start - first) / every.interval)
        }
        var ticks: [Int] = []
        var seen = 0
        var tick: Int? = first
        while let time = tick, time <= now, due(time) <= now {
            seen += 1
            ticks.append(time)
            if ticks.count > 2 * most { ticks.removeFirst(ticks.count - most) }
            tick = next(after: seen == Self.mostSeen ? recent(time, now, most) : time)
        }
        ticks = ticks.suffix(most)
        return (ticks, min(Self.mostSeen, seen - ticks.count))
    }

    private static let mostSeen = 10_000

    /// A time after which there are enough ticks until now: nobody counts through ten years.
    private func recent(_ time: Int, _ now: Int, _ most: Int) -> Int {
        var span = 60_000
        while now - span > time {
            var tick = next(after: now - span)
            var count = 0
            while let found = tick, found <= now, count < most {
                count += 1
                tick = next(after: found)
            }
            if count == most { return now - span }
            span *= 2
        }
        return time
    }
}
