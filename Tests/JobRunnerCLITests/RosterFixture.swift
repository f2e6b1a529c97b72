import JobRunner

@testable import JobRunnerCLI

/// A generator whose every wait is the longest there may be.
struct Longest: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max }
}

/// A roster, its clock, and what it ordered last.
struct RosterFixture {
    var roster: Roster
    var now: Int64 = 0
    private var random = Longest()

    init(processes: Int, maxMemory: Int? = nil) {
        roster = Roster(Roster.Settings(processes: processes, maxMemory: maxMemory))
    }

    /// Reports an event; all orders.
    @discardableResult mutating func on(_ event: Roster.Event) -> [Roster.Order] {
        roster.handle(event, now: now, using: &random)
    }

    /// Reports an event; what it orders but for lines of the log.
    @discardableResult mutating func acts(on event: Roster.Event) -> [Roster.Order] {
        on(event).filter { if case .say = $0 { false } else { true } }
    }

    /// Lets time go on to the next thing that is due.
    @discardableResult mutating func wake() -> [Roster.Order] {
        guard let next = roster.nextWake else { return [] }
        now = max(now, next)
        return acts(on: .tick)
    }

    /// A child tells its name and joins; its worker is `w<serial>`.
    @discardableResult mutating func joins(_ serial: Int) -> [Roster.Order] {
        acts(on: .named(serial, worker: "w\(serial)")) + acts(on: .joined(serial))
    }

    /// Started, and all of them joined: serials 1 to N at places 1 to N.
    static func working(_ processes: Int, maxMemory: Int? = nil) -> RosterFixture {
        var fixture = RosterFixture(processes: processes, maxMemory: maxMemory)
        fixture.on(.begin)
        for serial in 1...processes { fixture.joins(serial) }
        return fixture
    }

    static func started(_ serial: Int, at number: Int, usesPath: Bool = false) -> Roster.Order {
        .start(serial: serial, number: number, usesPath: usesPath)
    }

    static func reaped(_ serial: Int, at number: Int, isCounted: Bool) -> Roster.Order {
        .reap(worker: "w\(serial)", number: number, isCounted: isCounted)
    }

    static func told(_ serial: Int, _ signal: Int32) -> Roster.Order {
        .signal(serial: serial, signal)
    }
}
