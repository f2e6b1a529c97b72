/// How many slots of a worker are open, between a least and a most: decided once a tick.
///
/// A value: the engine tells it what it sees, and opens or closes what it says. It climbs the hill
/// of jobs a second over slots, as .NET's thread pool does.
///
/// - All slots busy and jobs waiting at two ticks running: half as many again, at least one. That
///   is a trial. The tick after is left out; then jobs a second are compared with those before.
///   The growth is kept if it brought half of what it would bring were slots all that is short:
///   for half as many again that is a quarter more jobs a second. Kept, the next one follows at
///   once; else it is taken back.
/// - A trial ends as soon as twice the noise of counting, the square root of the jobs, is below
///   what is asked for, and after 5 ticks in any case. Fewer than 16 jobs, then or before, say
///   nothing: it stays at the more slots.
///   With jobs of over 2 s, more than a tick can measure, it ends after 2 ticks: slots for long
///   jobs open up to the most, unless what is below forbids it.
/// - After a trial that changed nothing it rests: 8 ticks, twice as many the next time, 256 at
///   most. Then it tries the other way: a third fewer, kept if the jobs a second show that the
///   others were not worth it. So a growth that was luck does not stay, and other jobs find
///   another number.
/// - Slots that were idle at 10 ticks running: half of those that were idle at all of them close.
/// - No growth while the process holds over 80 % of the memory it is replaced at, or while the
///   cooperative pool does not answer; one that is on trial then is taken back.
struct SlotScale: Sendable {
    /// What there is to see at a tick.
    struct Look: Sendable {
        /// Monotonic ns.
        var now: Int64
        /// Jobs that ended since the worker began.
        var ended: Int
        /// Slots with a job; more than are open while some wait for their job's end to close.
        var busy: Int
        /// Jobs wait, here or in a queue that may be asked.
        var hasBacklog: Bool
        /// More slots would do harm.
        var isStarved = false
        var isShortOfMemory = false
    }

    struct Change: Sendable, Equatable {
        var from: Int
        var to: Int
        var reason: ScaleReason
    }

    /// Jobs that ended while all slots were busy and others waited.
    private struct Measure {
        var jobs = 0.0
        var nanoseconds = 0.0

        var rate: Double { nanoseconds > 0 ? jobs / nanoseconds : 0 }
    }

    /// Another number of slots is open, to see what that does.
    private struct Trial {
        let from: Int
        let before: Measure
        var ticks = 0
    }

    /// Ticks running at which all must be busy for a first growth.
    static let fullTicks = 2
    /// Ticks running at which some must be idle.
    static let idleTicks = 10
    static let longestTrial = 5
    /// Jobs below which a measure says nothing.
    static let leastJobs = 16.0
    static let rests = 8...256
    /// What is older than this counts half in a measure, what is twice as old a quarter; ns.
    private static let memory = 30e9
    /// Jobs that run longer are not measured, ns.
    private static let longJob = 2e9

    let limits: ClosedRange<Int>
    private(set) var open: Int
    private var last: Look?
    private var full = 0
    private var idle = 0
    private var mostBusy = 0
    /// With the slots that are open now.
    private var measure = Measure()
    private var trial: Trial?
    /// Ticks until the next trial, and how many it was the last time.
    private var rest = 0
    private var patience = Self.rests.lowerBound
    /// The next trial is of fewer.
    private var triesFewer = false

    init(_ limits: ClosedRange<Int>) {
        self.limits = limits
        open = limits.lowerBound
    }

    /// A tick; returns what changes now.
    mutating func look(_ look: Look) -> Change? {
        let from = open
        defer { last = look }
        guard let last else { return nil }
        let reason: ScaleReason?
        if look.busy >= open, look.hasBacklog {
            idle = 0
            full += 1
            if full > 1, look.busy == open, last.busy <= open { count(look, since: last) }
            reason = whenFull(look)
        } else {
            full = 0
            measure = Measure()
            // What it brings cannot be seen now.
            trial = nil
            reason = whenSlack(look)
        }
        return reason.map { Change(from: from, to: open, reason: $0) }
    }

    private mutating func count(_ look: Look, since last: Look) {
        measure.jobs += Double(look.ended - last.ended)
        measure.nanoseconds += Double(max(1, look.now - last.now))
        if measure.nanoseconds > Self.memory {
            measure.jobs /= 2
            measure.nanoseconds /= 2
        }
    }

    private mutating func set(_ slots: Int) {
        open = min(limits.upperBound, max(limits.lowerBound, slots))
        measure = Measure()
        // The next look is at jobs that began before.
        full = 0
    }
}

// MARK: Idle

extension SlotScale {
    private mutating func whenSlack(_ look: Look) -> ScaleReason? {
        guard look.busy < open, open > limits.lowerBound else {
            idle = 0
            mostBusy = 0
            return nil
        }
        idle += 1
        mostBusy = max(mostBusy, look.busy)
        guard idle >= Self.idleTicks else { return nil }
        let spare = open - max(mostBusy, limits.lowerBound)
        idle = 0
        mostBusy = 0
        guard spare > 0 else { return nil }
        set(open - (spare + 1) / 2)
        // Other times: what was tried before says little.
        rest = 0
        patience = Self.rests.lowerBound
        triesFewer = false
        return .idle
    }
}

// MARK: Trials

extension SlotScale {
    private mutating func whenFull(_ look: Look) -> ScaleReason? {
        let hindrance: ScaleReason? =
            look.isStarved ? .starved : look.isShortOfMemory ? .memory : nil
        if var trial {
            trial.ticks += 1
            self.trial = trial
            let isGrowth = open > trial.from
            if isGrowth, let hindrance { return takeBack(trial, hindrance) }
            guard let isKept = verdict(on: trial, isGrowth) else { return nil }
            guard isKept else { return takeBack(trial, isGrowth ? .noGain : .needed) }
            self.trial = nil
            patience = Self.rests.lowerBound
            let isAtEnd = open == (isGrowth ? limits.upperBound : limits.lowerBound)
            triesFewer = isGrowth == isAtEnd
            rest = isAtEnd ? patience : 0
        }
        if rest > 0 {
            rest -= 1
            return nil
        }
        if triesFewer || open == limits.upperBound { return tryFewer() }
        guard hindrance == nil, full >= Self.fullTicks else { return nil }
        begin(with: open + max(1, open / 2))
        return .backlog
    }

    private mutating func tryFewer() -> ScaleReason? {
        triesFewer = false
        // Too few to compare with: then it grows if it can, and waits if not.
        guard open > limits.lowerBound, measure.jobs >= Self.leastJobs else { return nil }
        begin(with: open - max(1, open / 3))
        return .trial
    }

    private mutating func begin(with slots: Int) {
        trial = Trial(from: open, before: measure)
        set(slots)
    }

    private mutating func takeBack(_ trial: Trial, _ reason: ScaleReason) -> ScaleReason {
        triesFewer = open > trial.from
        set(trial.from)
        self.trial = nil
        rest = patience
        patience = min(Self.rests.upperBound, patience * 2)
        return reason
    }

    /// Whether the number on trial stays; nil as long as that is open.
    private func verdict(on trial: Trial, _ isGrowth: Bool) -> Bool? {
        let (fewer, more) = isGrowth ? (trial.before, measure) : (measure, trial.before)
        let ideal =
            Double(max(open, trial.from)) / Double(min(open, trial.from)) - 1
        let noise = (1 / fewer.jobs + 1 / more.jobs).squareRoot()
        if 2 * noise > ideal / 2, trial.ticks < Self.longestTrial {
            // By Little's law: so long do jobs run.
            let isLong =
                trial.ticks >= 2
                && Double(open) * measure.nanoseconds >= Self.longJob * measure.jobs
            return isGrowth && isLong ? true : nil
        }
        guard min(fewer.jobs, more.jobs) >= Self.leastJobs else { return isGrowth }
        let isWorth = more.rate / fewer.rate - 1 >= ideal / 2
        return isWorth == isGrowth
    }
}
