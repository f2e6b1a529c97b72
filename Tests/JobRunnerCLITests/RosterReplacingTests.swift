import Foundation
import JobRunner
import Testing

@testable import JobRunnerCLI

/// Children that are replaced: new one first, one after another.
@Suite("roster, replacing")
struct RosterReplacingTests {
    private typealias Fixture = RosterFixture

    @Test func `HUP replaces one after another, each when its successor has joined`() {
        var fixture = Fixture.working(2)
        #expect(fixture.acts(on: .signal(SIGHUP)) == [Fixture.started(3, at: 1, usesPath: true)])
        #expect(fixture.acts(on: .named(3, worker: "w3")) == [])
        #expect(fixture.acts(on: .joined(3)) == [Fixture.told(1, SIGTERM)])
        #expect(
            fixture.acts(on: .ended(1, .exited(0))) == [
                Fixture.reaped(1, at: 1, isCounted: false),
                Fixture.started(4, at: 2, usesPath: true),
            ])
        #expect(fixture.joins(4) == [Fixture.told(2, SIGTERM)])
        fixture.on(.ended(2, .exited(0)))
        #expect(fixture.roster.children.map(\.serial) == [3, 4])
        #expect(fixture.roster.nextWake == nil)
    }

    @Test func `after it, crashed ones are started from the path as well`() {
        var fixture = Fixture.working(1)
        fixture.on(.signal(SIGHUP))
        fixture.joins(2)
        fixture.on(.ended(1, .exited(0)))
        fixture.on(.ended(2, .signalled(SIGSEGV)))
        #expect(fixture.wake() == [Fixture.started(3, at: 1, usesPath: true)])
    }

    @Test(arguments: [ChildProcess.End.exited(78), .exited(127), .signalled(SIGSEGV)])
    func `a new version that does not come up leaves the old one alone`(end: ChildProcess.End) {
        var fixture = Fixture.working(2)
        fixture.on(.signal(SIGHUP))
        #expect(fixture.acts(on: .ended(3, end)) == [])
        #expect(fixture.wake() == [])
        #expect(fixture.roster.children.map(\.serial) == [1, 2])
        fixture.on(.ended(2, .signalled(SIGKILL)))
        #expect(
            fixture.wake() == [Fixture.started(4, at: 2)], "of the version that is known to work")
    }

    @Test func `a file that is not there as well, and a later HUP tries again`() {
        var fixture = Fixture.working(1)
        fixture.on(.signal(SIGHUP))
        #expect(fixture.acts(on: .notStarted(2, reason: "No such file")) == [])
        fixture.wake()
        fixture.on(.signal(SIGHUP))
        fixture.wake()
        #expect(fixture.roster.children.map(\.serial) == [1, 3])
    }

    @Test func `one of several that does not come up is tried again`() {
        var fixture = Fixture.working(2)
        fixture.on(.signal(SIGHUP))
        fixture.joins(3)
        fixture.on(.ended(1, .exited(0)))
        #expect(fixture.acts(on: .ended(4, .signalled(SIGKILL))) == [])
        #expect(fixture.wake() == [Fixture.started(5, at: 2, usesPath: true)])
    }

    @Test func `a HUP during a HUP replaces the new ones too`() {
        var fixture = Fixture.working(1)
        fixture.on(.signal(SIGHUP))
        fixture.on(.signal(SIGHUP))
        fixture.joins(2)
        #expect(
            fixture.acts(on: .ended(1, .exited(0))).last
                == Fixture.started(3, at: 1, usesPath: true))
        fixture.joins(3)
        fixture.on(.ended(2, .exited(0)))
        #expect(fixture.roster.nextWake == nil)
    }

    @Test func `a child that has run its jobs is replaced by the same file`() {
        var fixture = Fixture.working(2)
        #expect(fixture.acts(on: .worn(2)) == [Fixture.started(3, at: 2)])
        #expect(fixture.acts(on: .worn(1)) == [], "one after another")
        #expect(fixture.joins(3) == [Fixture.told(2, SIGTERM)])
        #expect(fixture.acts(on: .ended(2, .exited(0))).last == Fixture.started(4, at: 1))
    }

    @Test func `so is one that holds too much memory`() {
        var fixture = Fixture.working(1, maxMemory: 100)
        #expect(fixture.acts(on: .memory(1, bytes: 100)) == [])
        #expect(fixture.acts(on: .memory(1, bytes: 101)) == [Fixture.started(2, at: 1)])
        #expect(fixture.acts(on: .memory(1, bytes: 500)) == [])
    }

    @Test func `a limit that all reach soon does not keep the machine busy`() {
        var fixture = Fixture.working(1, maxMemory: 100)
        var waits: [Int64] = []
        for serial in 1...5 {
            fixture.on(.memory(serial, bytes: 101))
            let asked = fixture.now
            if fixture.roster.children.count == 1 { fixture.wake() }
            waits.append((fixture.now - asked) / 1_000_000)
            #expect(fixture.joins(serial + 1) == [Fixture.told(serial, SIGTERM)])
            fixture.on(.ended(serial, .exited(0)))
        }
        #expect(waits == [0, 200, 400, 800, 1600])
    }

    @Test func `a successor takes over when the old one dies first`() {
        var fixture = Fixture.working(1)
        fixture.on(.worn(1))
        #expect(
            fixture.acts(on: .ended(1, .signalled(SIGKILL)))
                == [Fixture.reaped(1, at: 1, isCounted: true)])
        #expect(fixture.joins(2) == [])
        #expect(fixture.roster.main(of: 1)?.serial == 2)
        #expect(fixture.roster.nextWake == nil)
    }

    @Test func `a replaced child that does not end is killed`() {
        var fixture = Fixture.working(1)
        fixture.on(.worn(1))
        fixture.joins(2)
        #expect(fixture.wake() == [Fixture.told(1, SIGKILL)])
        #expect(
            fixture.acts(on: .ended(1, .signalled(SIGKILL)))
                == [Fixture.reaped(1, at: 1, isCounted: false)])
    }

    /// Whatever happens in whatever order.
    @Test func `its invariants hold under any events`() {
        for seed in UInt64(0)..<400 {
            var random = Seeded(state: seed)
            var roster = Roster(Roster.Settings(processes: 3, maxMemory: 100))
            var live = Set<Int>()
            var named = Set<Int>()
            var stopped = false
            var ends = 0
            var now: Int64 = 0
            var started = 0
            for step in 0..<300 {
                now += Int64.random(in: 0...2_000_000_000, using: &random)
                let isLast = step > 250
                let serial = live.randomElement(using: &random) ?? 0
                let event: Roster.Event =
                    step == 0
                    ? .begin
                    : isLast && !stopped
                        ? .signal(SIGTERM)
                        : isLast && !live.isEmpty
                            ? .ended(serial, .exited(0))
                            : Self.event(serial, named.contains(serial), &random)
                if case .signal(SIGTERM) = event { stopped = true }
                var reaps = 0
                let wasStopped = stopped
                if case .named(let serial, _) = event, live.contains(serial) {
                    named.insert(serial)
                }
                if case .ended(let serial, _) = event { live.remove(serial) }
                if case .notStarted(let serial, _) = event { live.remove(serial) }
                for order in roster.handle(event, now: now, using: &random) {
                    switch order {
                    case .start(let serial, _, _):
                        #expect(!wasStopped && serial > started)
                        started = serial
                        live.insert(serial)
                    case .reap: reaps += 1
                    case .end: ends += 1
                    case .signal(let serial, _): #expect(live.contains(serial))
                    case .say: break
                    }
                }
                if case .ended(let serial, _) = event {
                    #expect(reaps == (named.contains(serial) ? 1 : 0))
                }
                #expect(Set(roster.children.map(\.serial)) == live)
                #expect(roster.children.count { $0.role == .main } <= 3)
                #expect(roster.children.count { $0.role == .successor } <= 1)
                for number in 1...3 {
                    #expect(
                        roster.children.count { $0.number == number && $0.role == .main } <= 1)
                }
            }
            #expect(live.isEmpty && ends == 1, "seed \(seed)")
        }
    }

    private static func event(
        _ serial: Int, _ isNamed: Bool, _ random: inout Seeded
    ) -> Roster.Event {
        switch Int.random(in: 0..<40, using: &random) {
        case 0..<10: isNamed ? .joined(serial) : .named(serial, worker: "w\(serial)")
        case 10..<14: .ended(serial, .signalled(SIGKILL))
        case 14..<16: .ended(serial, .exited([0, 3, 75, 143][Int(random.next() % 4)]))
        case 16: isNamed ? .tick : .ended(serial, .exited(70))
        case 17: isNamed ? .tick : .notStarted(serial, reason: "")
        case 18, 19: .signal(SIGHUP)
        case 20: .signal(SIGUSR1)
        case 21..<25: .worn(serial)
        case 25..<28: .memory(serial, bytes: 200)
        case 28: isNamed ? .leaving(serial) : .tick
        default: .tick
        }
    }

    private struct Seeded: RandomNumberGenerator {
        var state: UInt64

        /// SplitMix64.
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}
