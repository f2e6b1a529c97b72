import Foundation
import JobRunner
import Testing

@testable import JobRunnerCLI

/// What a supervisor decides, event by event.
@Suite("roster")
struct RosterTests {
    private typealias Fixture = RosterFixture

    // MARK: Start

    @Test func `the first child shows that it can work before the others are started`() {
        var fixture = Fixture(processes: 3)
        #expect(fixture.acts(on: .begin) == [Fixture.started(1, at: 1)])
        #expect(fixture.acts(on: .named(1, worker: "w1")) == [])
        #expect(
            fixture.acts(on: .joined(1))
                == [Fixture.started(2, at: 2), Fixture.started(3, at: 3)])
        #expect(fixture.roster.nextWake == nil, "an idle supervisor sleeps")
    }

    @Test(arguments: [ExitCode.usage, .permission, .configuration])
    func `one that cannot work ends it all with its code`(code: ExitCode) {
        var fixture = Fixture(processes: 3)
        fixture.on(.begin)
        #expect(fixture.acts(on: .ended(1, .exited(code.rawValue))) == [.end(code)])
    }

    @Test func `any other early end is tried again, later and later`() {
        var fixture = Fixture(processes: 1)
        fixture.on(.begin)
        var waits: [Int64] = []
        for serial in 1...10 {
            #expect(fixture.acts(on: .ended(serial, .exited(70))) == [])
            waits.append((fixture.roster.nextWake ?? 0) - fixture.now)
            #expect(fixture.wake() == [Fixture.started(serial + 1, at: 1)])
        }
        #expect(waits.map { $0 / 1_000_000 }.prefix(4) == [200, 400, 800, 1600])
        #expect(waits.last == 30_000_000_000)
    }

    @Test func `one that the system does not start is tried again`() {
        var fixture = Fixture(processes: 1)
        fixture.on(.begin)
        #expect(fixture.acts(on: .notStarted(1, reason: "no memory")) == [])
        #expect(fixture.wake() == [Fixture.started(2, at: 1)])
    }

    @Test func `a late failure to start does not take down those that work`() {
        var fixture = Fixture.working(2)
        fixture.on(.ended(2, .signalled(SIGKILL)))
        fixture.wake()
        #expect(fixture.acts(on: .ended(3, .exited(78))) == [])
        #expect(fixture.wake() == [Fixture.started(4, at: 2)])
    }

    @Test func `but with none left it does`() {
        var fixture = Fixture.working(1)
        fixture.on(.ended(1, .signalled(SIGKILL)))
        fixture.wake()
        #expect(fixture.acts(on: .ended(2, .exited(77))) == [.end(.permission)])
    }

    // MARK: Ends

    @Test(arguments: [
        (ChildProcess.End.signalled(SIGKILL), true), (.signalled(SIGSEGV), true),
        (.exited(3), true), (.exited(0), true), (.exited(70), true), (.exited(75), false),
        (.exited(77), false), (.exited(78), false), (.exited(143), false), (.exited(200), true),
    ])
    func `a dead child's worker is reaped, and counted when it may have been its jobs`(
        end: ChildProcess.End, isCounted: Bool
    ) {
        var fixture = Fixture.working(2)
        #expect(
            fixture.acts(on: .ended(1, end)) == [Fixture.reaped(1, at: 1, isCounted: isCounted)])
        #expect(fixture.wake() == [Fixture.started(3, at: 1)])
    }

    @Test func `one that never had a name holds nothing`() {
        var fixture = Fixture.working(2)
        fixture.on(.ended(1, .signalled(SIGKILL)))
        fixture.wake()
        #expect(fixture.acts(on: .ended(3, .signalled(SIGKILL))) == [])
    }

    @Test func `one that worked for long is started again soon, one that did not is not`() {
        var fixture = Fixture.working(1)
        for serial in 1...5 {
            fixture.on(.ended(serial, .signalled(SIGKILL)))
            fixture.wake()
            fixture.joins(serial + 1)
        }
        fixture.on(.ended(6, .signalled(SIGKILL)))
        #expect((fixture.roster.nextWake ?? 0) - fixture.now == 6_400_000_000)
        fixture.wake()
        fixture.joins(7)
        fixture.now += fixture.roster.settings.steady
        fixture.on(.ended(7, .signalled(SIGKILL)))
        #expect((fixture.roster.nextWake ?? 0) - fixture.now == 200_000_000)
    }

    @Test func `a stuck child's place is filled while it ends`() {
        var fixture = Fixture.working(2)
        #expect(fixture.acts(on: .leaving(1)) == [])
        #expect(fixture.wake() == [Fixture.started(3, at: 1)])
        fixture.joins(3)
        #expect(
            fixture.acts(on: .ended(1, .exited(75)))
                == [Fixture.reaped(1, at: 1, isCounted: false)])
        #expect(fixture.roster.nextWake == nil)
        #expect(fixture.roster.children.map(\.serial) == [2, 3])
    }

    @Test func `Redis away for as long as was allowed ends it all`() {
        var fixture = Fixture.working(2)
        #expect(
            fixture.acts(on: .ended(1, .exited(69))) == [
                Fixture.reaped(1, at: 1, isCounted: false), Fixture.told(2, SIGTERM),
            ])
        #expect(
            fixture.acts(on: .ended(2, .exited(69))).last == .end(.unavailable))
    }

    // MARK: Stop

    @Test(arguments: [SIGTERM, SIGINT])
    func `a stop waits for all of them`(signal: Int32) {
        var fixture = Fixture.working(2)
        #expect(
            fixture.acts(on: .signal(signal))
                == [Fixture.told(1, SIGTERM), Fixture.told(2, SIGTERM)])
        #expect(
            fixture.acts(on: .ended(1, .exited(0)))
                == [Fixture.reaped(1, at: 1, isCounted: false)])
        #expect(fixture.acts(on: .ended(2, .exited(0))).last == .end(.success))
    }

    @Test func `jobs that were given back unfinished show in the exit code`() {
        var fixture = Fixture.working(2)
        fixture.on(.signal(SIGINT))
        fixture.on(.ended(1, .exited(143)))
        #expect(
            fixture.acts(on: .ended(2, .exited(0))).last == .end(ExitCode(rawValue: 128 + SIGINT)))
    }

    @Test func `a second signal is forwarded, and QUIT as it is`() {
        var fixture = Fixture.working(1)
        fixture.on(.signal(SIGTERM))
        #expect(fixture.acts(on: .signal(SIGTERM)) == [Fixture.told(1, SIGTERM)])
        #expect(fixture.acts(on: .signal(SIGQUIT)) == [Fixture.told(1, SIGQUIT)])
    }

    @Test func `the first one does not hurry a child that drains already`() {
        var fixture = Fixture.working(1)
        fixture.on(.signal(SIGHUP))
        fixture.joins(2)
        #expect(fixture.acts(on: .signal(SIGTERM)) == [Fixture.told(2, SIGTERM)])
        #expect(
            fixture.acts(on: .signal(SIGTERM))
                == [Fixture.told(1, SIGTERM), Fixture.told(2, SIGTERM)])
    }

    @Test func `what does not end is killed, and not counted against its jobs`() {
        var fixture = Fixture.working(1)
        fixture.on(.signal(SIGTERM))
        fixture.now += fixture.roster.settings.patience - 1
        #expect(fixture.acts(on: .tick) == [])
        #expect(fixture.wake() == [Fixture.told(1, SIGKILL)])
        #expect(
            fixture.acts(on: .ended(1, .signalled(SIGKILL))) == [
                Fixture.reaped(1, at: 1, isCounted: false), .end(ExitCode(rawValue: 143)),
            ])
    }

    @Test func `nothing is started during a stop, whatever ends`() {
        var fixture = Fixture.working(2)
        fixture.on(.ended(1, .signalled(SIGKILL)))
        fixture.on(.signal(SIGTERM))
        #expect(fixture.acts(on: .signal(SIGHUP)) == [])
        fixture.now += 1_000_000_000
        #expect(fixture.acts(on: .tick) == [])
        #expect(fixture.acts(on: .ended(2, .exited(0))).last == .end(.success))
    }

    @Test func `a stop before the first one works`() {
        var fixture = Fixture(processes: 2)
        fixture.on(.begin)
        #expect(fixture.acts(on: .signal(SIGTERM)) == [Fixture.told(1, SIGTERM)])
        #expect(fixture.acts(on: .ended(1, .signalled(SIGTERM))) == [.end(.success)])
    }

    @Test func `a stop between two children`() {
        var fixture = Fixture.working(1)
        fixture.on(.ended(1, .signalled(SIGKILL)))
        #expect(fixture.acts(on: .signal(SIGTERM)) == [.end(.success)])
    }

    // MARK: Other signals

    @Test func `USR1 and TSTP reach only those that have handlers for them`() {
        var fixture = Fixture(processes: 2)
        fixture.on(.begin)
        fixture.joins(1)
        #expect(fixture.acts(on: .signal(SIGUSR1)) == [Fixture.told(1, SIGUSR1)])
        #expect(fixture.acts(on: .signal(SIGTSTP)) == [Fixture.told(1, SIGTSTP)])
        #expect(fixture.acts(on: .named(2, worker: "w2")) == [Fixture.told(2, SIGTSTP)])
    }

    @Test func `quiet, nothing new is started`() {
        var fixture = Fixture.working(2)
        fixture.on(.signal(SIGTSTP))
        #expect(fixture.acts(on: .signal(SIGHUP)) == [])
        #expect(
            fixture.acts(on: .ended(1, .signalled(SIGKILL)))
                == [Fixture.reaped(1, at: 1, isCounted: true)])
        #expect(fixture.roster.nextWake == nil)
        #expect(fixture.acts(on: .signal(SIGTERM)) == [Fixture.told(2, SIGTERM)])
    }

    @Test func `quiet, a successor goes and the old one stays`() {
        var fixture = Fixture.working(1)
        fixture.on(.signal(SIGHUP))
        fixture.on(.named(2, worker: "w2"))
        #expect(
            fixture.acts(on: .signal(SIGTSTP)) == [
                Fixture.told(2, SIGTERM), Fixture.told(1, SIGTSTP), Fixture.told(2, SIGTSTP),
            ])
        #expect(fixture.acts(on: .joined(2)) == [])
        fixture.on(.ended(2, .exited(0)))
        #expect(fixture.roster.main(of: 1)?.serial == 1)
    }
}
