internal import RedisLink

/// The schedules of a queue that are due soon.
struct DueSchedules: Sendable {
    struct Entry: Sendable {
        let name: String
        /// Server ms.
        let due: Int
        let definition: [UInt8]
    }

    /// The server's clock, ms.
    let now: Int
    let entries: [Entry]
}

/// One call of `fire.lua`.
struct Firing: Sendable {
    let name: String
    /// As it was read.
    let definition: [UInt8]
    /// Nil: by hand.
    let expected: Int?
    let tick: Int?
    let next: Int?
    let nextDue: Int
    let missed: Int
    let id: String
    let json: [UInt8]
    let overlap: Schedule.Overlap
    let lock: UniqueLock?
}

/// What `fire.lua` says.
enum FireReply: Int, Sendable {
    case fired = 1
    case skipped = 2
    case moved = 3
    /// Somebody else did it.
    case already = 0
    /// The schedule is another by now, or none.
    case changed = -1
    case paused = -2
    /// An earlier job holds the lock; asked again later.
    case waits = -3
    /// By the server's clock.
    case early = -4
}

/// What becomes of a schedule.
enum ScheduleChange: Sendable {
    /// - Parameter keep: It stays at the tick it stands at.
    case put([UInt8], next: Int?, due: Int, keep: Bool)
    case remove
    /// The reason of a paused one is set anew, unless the pause is to leave it alone.
    case pause(reason: String, anew: Bool = true)
    case resume(next: Int?, due: Int)
}

extension QueueStore {
    /// How far ahead a scheduler looks, ms: it does so every second.
    static let scheduleHorizon = 2000
    /// Entries of a schedule's history.
    static let historyKept = 100

    /// `due.lua`: what is due within two seconds, at most 1,000 schedules.
    func dueSchedules(within horizon: Int = Self.scheduleHorizon) -> Call<DueSchedules> {
        var words = Arguments(calling: Scripts.due, keys: [keys.ticks, keys.schedules])
        words.append(horizon, 1000)
        return Call(key: keys.ready, command: Command(script: Scripts.due, words)) {
            value throws(RedisError) in
            guard let reply = value.array, let now = reply.first?.integer else {
                throw .unexpectedReply(command: "due", got: value.kind)
            }
            var entries: [DueSchedules.Entry] = []
            for index in stride(from: 1, to: reply.count - 2, by: 3) {
                guard let name = reply[index].text,
                    let due = reply[index + 1].text.flatMap({ Double($0) }), due.magnitude < 1e15,
                    let definition = reply[index + 2].bytes
                else { continue }
                entries.append(
                    DueSchedules.Entry(name: name, due: Int(due), definition: definition))
            }
            return DueSchedules(now: now, entries: entries)
        }
    }

    /// The tick that a schedule stands at, nominal, ms; nil: at none.
    func standing(_ name: String) -> Call<Int?> {
        Call(key: keys.ready, command: Command("HGET", keys.schedule(name), "tick")) {
            $0.text.flatMap { Int($0) }
        }
    }

    /// `fire.lua`: enqueues the job of a tick, once.
    func fire(_ firing: Firing) -> Call<FireReply> {
        var named = [
            keys.ready, keys.schedules, keys.ticks, keys.schedule(firing.name),
            keys.history(firing.name), keys.ordered, keys.turns, keys.meta,
        ]
        if let lock = firing.lock { named.append(keys.unique(lock.key)) }
        var words = Arguments(calling: Scripts.fire, keys: named)
        words.append(firing.name)
        words.append(firing.definition)
        words.append(firing.expected.map { "\($0)" } ?? "-")
        words.append(firing.tick.map { "\($0)" } ?? "")
        words.append(firing.next.map { "\($0)" } ?? "")
        words.append(firing.nextDue, firing.missed)
        words.append(firing.id)
        words.append(firing.json)
        words.append(firing.overlap.rawValue)
        words.append(firing.lock?.milliseconds ?? 0, Self.historyKept)
        return Call(key: keys.ready, command: Command(script: Scripts.fire, words)) {
            value throws(RedisError) in
            guard let code = value.array?.first?.integer, let reply = FireReply(rawValue: code)
            else { throw .unexpectedReply(command: "fire", got: value.kind) }
            return reply
        }
    }

    /// `schedule.lua`: changes a schedule that is still what the caller looked at.
    ///
    /// - Parameter definition: As it was read; empty for none.
    /// - Returns: Whether there was something to do; nil: it is another by now.
    func change(_ name: String, from definition: [UInt8], _ change: ScheduleChange)
        -> Call<Bool?>
    {
        var (new, next, due, keep, reason): ([UInt8], Int?, Int, Bool, String) =
            ([], nil, 0, false, "")
        let word: String
        switch change {
        case .put(let json, let tick, let time, let stays):
            (word, new, next, due, keep) = ("put", json, tick, time, stays)
        case .remove: word = "remove"
        case .pause(let text, let anew): (word, reason) = (anew ? "pause" : "disable", text)
        case .resume(let tick, let time): (word, next, due) = ("resume", tick, time)
        }
        var words = Arguments(
            calling: Scripts.schedule,
            keys: [keys.schedules, keys.ticks, keys.schedule(name), keys.history(name)])
        words.append(word)
        words.append(name)
        words.append(definition)
        words.append(new)
        words.append(next.map { "\($0)" } ?? "")
        words.append(due, keep ? 1 : 0)
        words.append(reason)
        return Call(key: keys.ready, command: Command(script: Scripts.schedule, words)) {
            value throws(RedisError) in
            switch value.integer {
            case 1: return true
            case 0: return false
            case -1: return nil
            default: throw .unexpectedReply(command: "schedule", got: value.kind)
            }
        }
    }

    /// Why a schedule is paused; nil when it is not.
    func pauseReason(_ name: String) -> Call<String?> {
        Call(key: keys.ready, command: Command("HGET", keys.schedule(name), "reason")) { $0.text }
    }

    /// The definition of one schedule; nil when there is none.
    func definition(_ name: String) -> Call<[UInt8]?> {
        Call(key: keys.ready, command: Command("HGET", keys.schedules, name)) { $0.bytes }
    }
}
