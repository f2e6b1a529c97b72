/// What a scheduler knows of one queue: the schedules that are due soon, and when that is by its
/// own clock.
///
/// Learnt once a second from `due.lua`; so it wakes at the time that a tick is due, not with the
/// next look.
struct ScheduleBook: Sendable {
    private struct Entry: Sendable {
        let definition: [UInt8]
        let schedule: Schedule
        let timetable: Timetable
        /// Nominal, ms since 1970.
        var tick: Int
        /// Server ms.
        var due: Int
        /// A call is on its way.
        var isUnderway = false
        /// An earlier job holds the lock: not before the next look.
        var waits = false
        /// That it waits was told.
        var isTold = false
    }

    /// A schedule that `due.lua` told of and whose tick is to be asked for.
    struct Question: Sendable {
        let name: String
        let definition: Definition
        let json: [UInt8]
        let timetable: Timetable
    }

    let queue: String
    private var entries: [String: Entry] = [:]
    /// Definitions that this build can do nothing with, each told once.
    private var unusable: [String: [UInt8]] = [:]
    /// The server's clock minus the monotonic clock, ms; nil before the first look.
    private var offset: Int?
    /// Monotonic ms at which the server said that a tick was early.
    private var earlyUntil = Int.min

    init(queue: String) {
        self.queue = queue
    }

    /// Takes what is due soon.
    ///
    /// - Parameter monotonic: ms.
    /// - Returns: What is new in it, and what cannot be used and was not told yet.
    mutating func looked(_ found: DueSchedules, monotonic: Int)
        -> (questions: [Question], troubles: [(name: String, error: ScheduleError)])
    {
        offset = found.now - monotonic
        var questions: [Question] = []
        var troubles: [(name: String, error: ScheduleError)] = []
        var kept: [String: Entry] = [:]
        for (name, entry) in entries where entry.isUnderway { kept[name] = entry }
        for entry in found.entries {
            if var known = entries[entry.name], known.definition == entry.definition,
                known.due == entry.due || known.isUnderway
            {
                known.waits = false
                kept[entry.name] = known
                continue
            }
            if unusable[entry.name] == entry.definition { continue }
            do throws(ScheduleError) {
                let definition = try Definition(
                    name: entry.name, queue: queue, json: entry.definition)
                questions.append(
                    Question(
                        name: entry.name, definition: definition,
                        json: entry.definition, timetable: try definition.schedule.check()))
            } catch {
                unusable[entry.name] = entry.definition
                troubles.append((entry.name, error))
            }
        }
        entries = kept
        return (questions, troubles)
    }

    /// - Parameter tick: Where the schedule stands; nil: at none.
    mutating func stands(_ question: Question, at tick: Int?) {
        guard let tick, entries[question.name]?.isUnderway != true else { return }
        // By its own word: since the look another process may have moved it on.
        entries[question.name] = Entry(
            definition: question.json, schedule: question.definition.schedule,
            timetable: question.timetable, tick: tick, due: question.timetable.due(tick))
    }

    /// What is to be fired now.
    mutating func due(monotonic: Int) -> [Firing] {
        guard let offset, monotonic >= earlyUntil else { return [] }
        let now = monotonic + offset
        var firings: [Firing] = []
        for (name, entry) in entries.sorted(by: { $0.value.due < $1.value.due })
        where entry.due <= now && !entry.isUnderway && !entry.waits {
            guard let firing = firing(name, entry, now: now) else {
                // Of no use after all: not at once again.
                entries[name]?.waits = true
                continue
            }
            entries[name]?.isUnderway = true
            firings.append(firing)
        }
        return firings
    }

    private func firing(_ name: String, _ entry: Entry, now: Int) -> Firing? {
        let plan = Catchup(from: entry.tick, at: now, entry.timetable, entry.schedule.missed)
        guard let step = plan.steps.first else { return nil }
        let job = TickJob(entry.schedule, tick: step.fires ?? step.expected)
        guard let json = try? job.json(now: now) else { return nil }
        return Firing(
            name: name, definition: entry.definition, expected: step.expected, tick: step.fires,
            next: step.next, nextDue: step.next.map { entry.timetable.due($0) } ?? 0,
            missed: step.missed, id: job.id, json: json, overlap: job.overlap,
            lock: try? job.lock()?.atEnqueue)
    }

    /// Takes the answer to a firing; nil when there was none.
    ///
    /// - Returns: What happened, if anything did.
    mutating func answered(_ firing: Firing, _ reply: FireReply?, monotonic: Int) -> ScheduleEvent?
    {
        guard var entry = entries[firing.name] else { return nil }
        entry.isUnderway = false
        let late = max(0, monotonic + (offset ?? 0) - entry.due)
        let hasWaited = entry.isTold && firing.overlap == .queueOne
        switch reply {
        case .fired?, .skipped?, .moved?:
            if let next = firing.next {
                entry.tick = next
                entry.due = firing.nextDue
                entry.isTold = false
                entries[firing.name] = entry
            } else {
                entries[firing.name] = nil
            }
        case .waits?:
            let isNews = !entry.isTold
            entry.waits = true
            entry.isTold = true
            entries[firing.name] = entry
            guard isNews else { return nil }
        case .early?:
            // The clocks differ by a millisecond; by more, Redis has another due time for it.
            if late > 100 { entry.waits = true } else { earlyUntil = monotonic + 2 }
            entries[firing.name] = entry
            return nil
        case nil:
            // The next look tells whether it was fired.
            entry.waits = true
            entries[firing.name] = entry
            return nil
        case .already?, .changed?, .paused?:
            entries[firing.name] = nil
            return nil
        }
        let what: ScheduleEvent.What =
            switch reply {
            case .fired?: .fired
            case .skipped?: .skipped
            case .waits?: .waiting
            default: .missed
            }
        return ScheduleEvent(
            what: what, schedule: firing.name, queue: queue, id: what == .fired ? firing.id : "",
            late: .milliseconds(late), missed: what == .waiting || hasWaited ? 0 : firing.missed,
            merged: what != .waiting && hasWaited ? firing.missed : 0)
    }

    /// Monotonic ms of the next tick; nil: none is known.
    var wakeAt: Int? {
        guard let offset else { return nil }
        let next = entries.values.filter { !$0.isUnderway && !$0.waits }.map(\.due).min()
        return next.map { max($0 - offset, earlyUntil) }
    }
}
