internal import RedisLink

/// What a tick asks for, the same for all workers of a queue.
package struct Upkeep: Sendable {
    /// The visibility timeout, ms.
    package var lease = 30_000
    /// Least time between two sweeps of a queue, ms; at most a quarter of the lease.
    package var sweep = 1_000
    /// Most workers, jobs and parked jobs one sweep moves: 1,000 take under 5 ms.
    package var limit = 1_000
    /// Most dead jobs kept, and for how long, ms.
    package var deadJobs = 10_000
    package var deadAge = 90 * 86_400_000

    package init() {}
}

/// What `tick` answered.
package struct TickReply: Sendable {
    /// False: lost; drop all that is held and take a new id.
    package let isAlive: Bool
    package let isPaused: Bool
    /// Changes with every cancel.
    package let cancels: String
    package let ready: Int
    package let landing: Int
    package let scheduled: Int
    /// The sweep hit its limit: call again with sweep 0.
    package let hasMore: Bool
    /// Workers whose jobs `reap` has to give back.
    package let reaping: [String]
    /// Kinds of parked jobs, and how long there have been some, ms.
    package let parked: [(kind: JobKind, age: Int)]
    /// The server's clock, ms since 1970.
    package let now: Int
    /// ms until the first scheduled job is due; nil there is none.
    package let next: Int?
    /// How many workers the queue has.
    package let workers: Int
    /// Names of jobs that are paused.
    package let muted: Set<String>
    /// What jobs that were put aside wait for.
    package let blocked: [String]
    /// The first tick of a schedule, server ms; nil there is none.
    package let due: Int?
}

extension QueueStore {
    /// `tick.lua`: says the worker is alive, hears the news, sweeps when it is due.
    ///
    /// - Parameters:
    ///   - joins: Registers an id that was never registered; otherwise renews.
    ///   - sweepsNow: Sweeps whatever the interval says.
    package func tick(worker: String, joins: Bool, _ upkeep: Upkeep, sweepsNow: Bool = false)
        -> Call<TickReply>
    {
        var words = Arguments(
            calling: Scripts.tick,
            keys: [
                keys.workers, keys.reaping, keys.ready, keys.landing, keys.scheduled, keys.dead,
                keys.cancelled, keys.meta, keys.parked, keys.ordered, keys.turns, keys.blocked,
                keys.ticks,
            ])
        words.append(worker)
        words.append(joins ? 1 : 0, upkeep.lease, sweepsNow ? 0 : upkeep.sweep)
        words.append(upkeep.limit, upkeep.deadJobs, upkeep.deadAge)
        return Call(key: keys.ready, command: Command(script: Scripts.tick, words)) {
            value throws(RedisError) in
            guard let reply = value.array, reply.count == 15, let lease = reply[0].integer,
                let ready = reply[3].integer, let landing = reply[4].integer,
                let scheduled = reply[5].integer, let reaping = reply[7].array,
                let parked = reply[8].array, let now = reply[9].integer,
                let next = reply[10].integer, let workers = reply[11].integer,
                let blocked = reply[13].array
            else { throw .unexpectedReply(command: "tick", got: value.kind) }
            return TickReply(
                isAlive: lease == 1, isPaused: reply[1].integer == 1,
                cancels: reply[2].text ?? "", ready: ready, landing: landing,
                scheduled: scheduled, hasMore: reply[6].integer == 1,
                reaping: reaping.compactMap(\.text),
                parked: Self.kinds(parked).map { (kind: $0.kind, age: $0.since) },
                now: now, next: next < 0 ? nil : next, workers: workers,
                muted: Set((reply[12].text ?? "").split(separator: " ").map(String.init)),
                blocked: stride(from: 0, to: blocked.count, by: 2).compactMap { blocked[$0].text },
                due: reply[14].integer ?? Int(reply[14].text ?? ""))
        }
    }

    /// `promote.lua`: makes ready what is due.
    ///
    /// - Returns: How many were moved, and ms until the next is due; nil there is none.
    package func promote(limit: Int = 1000) -> Call<(moved: Int, next: Int?)> {
        var words = Arguments(
            calling: Scripts.promote,
            keys: [keys.scheduled, keys.ready, keys.ordered, keys.turns, keys.meta])
        words.append(limit)
        return Call(key: keys.ready, command: Command(script: Scripts.promote, words)) {
            value throws(RedisError) in
            let numbers = (value.array ?? []).compactMap(\.integer)
            guard numbers.count == 2 else {
                throw .unexpectedReply(command: "promote", got: value.kind)
            }
            return (numbers[0], numbers[1] < 0 ? nil : numbers[1])
        }
    }

    /// `reap.lua`: gives back the jobs of a worker that is gone, at most `limit` a call.
    ///
    /// - Parameters:
    ///   - isSure: The caller knows it is dead, or is that worker.
    ///   - crashes: A job lost with more workers than this is buried; 0 does not count.
    /// - Returns: Nil when it is alive.
    package func reap(worker: String, isSure: Bool, limit: Int = 500, crashes: Int)
        -> Call<ReapReply?>
    {
        var words = Arguments(
            calling: Scripts.reap,
            keys: [
                keys.workers, keys.reaping, keys.active(worker), keys.ready, keys.crashes,
                keys.dead,
            ])
        words.append(worker)
        words.append(isSure ? 1 : 0, limit, crashes)
        return Call(key: keys.ready, command: Command(script: Scripts.reap, words)) {
            value throws(RedisError) in
            let reply = value.array ?? []
            let numbers = reply.prefix(3).compactMap(\.integer)
            switch numbers.count {
            case 1: return nil
            case 3:
                return ReapReply(
                    left: numbers[0], given: numbers[1], buried: numbers[2],
                    dead: reply.dropFirst(3).compactMap(\.bytes))
            default: throw .unexpectedReply(command: "reap", got: value.kind)
            }
        }
    }
}
