internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

// What each event changes.
extension Roster {
    /// A child works: one that it succeeds may go.
    mutating func join(
        _ serial: Int, _ now: Int64, _ random: inout some RandomNumberGenerator,
        _ orders: inout [Order]
    ) {
        guard let child = child(serial), !child.hasJoined else { return }
        change(serial) { $0.joinedAt = now }
        hasEverJoined = true
        if child.generation > proven { proven = child.generation }
        orders.append(.say(.joined(child)))
        guard child.role == .successor, !isStopping else { return }
        if let old = main(of: child.number) {
            slowDown(old, now, &random)
            change(old.serial) { $0.role = .leaving }
            ask(old.serial, SIGTERM, killAt: now &+ settings.patience, &orders)
        }
        change(serial) { $0.role = .main }
    }

    /// A limit that every child reaches soon must not keep the machine busy with new ones.
    private mutating func slowDown(
        _ old: RosterChild, _ now: Int64, _ random: inout some RandomNumberGenerator
    ) {
        guard old.wear != nil, let joinedAt = old.joinedAt else { return }
        let index = old.number - 1
        if now - joinedAt >= settings.steady { places[index].backoff.reset() }
        places[index].replaceAt = now &+ places[index].backoff.next(using: &random)
    }

    /// A child goes by its own decision: its place is filled at once, while it finishes.
    mutating func leave(
        _ serial: Int, _ now: Int64, _ random: inout some RandomNumberGenerator,
        _ orders: inout [Order]
    ) {
        guard let child = child(serial), child.role == .main, !isStopping else { return }
        let killAt = now &+ settings.patience
        change(serial) { child in
            child.role = .leaving
            child.isAsked = true
            child.killAt = killAt
        }
        refill(child, now, &random, &orders)
    }

    /// A child is gone.
    mutating func bury(
        _ serial: Int, _ end: ChildProcess.End, _ now: Int64,
        _ random: inout some RandomNumberGenerator, _ orders: inout [Order]
    ) {
        guard let child = remove(serial) else { return }
        orders.append(.say(.ended(child, end, after: now - child.startedAt)))
        if let worker = child.worker {
            let isCounted = !child.isKilled && end.isCrash(isAsked: child.isAsked)
            orders.append(.reap(worker: worker, number: child.number, isCounted: isCounted))
        }
        if isStopping {
            if end != .exited(0), child.worker != nil { isInterrupted = true }
        } else if end == .exited(ExitCode.unavailable.rawValue) {
            // Only with --exit-when-unreachable, and Redis is away for all of them.
            fail(.unavailable, now, &orders)
        } else if case .exited(let code) = end, isHopeless(end, child) {
            fail(ExitCode(rawValue: code), now, &orders)
        } else {
            vacate(child, now, &random, &orders)
        }
    }

    /// Whether the others would end the same way: none of them works, and it is not the new version
    /// of a rolling restart that fails.
    private func isHopeless(_ end: ChildProcess.End, _ child: RosterChild) -> Bool {
        end.isHopeless && child.role == .main && !child.hasJoined && child.generation <= proven
            && !children.contains { $0.hasJoined }
    }

    /// What becomes of the place of a child that is gone.
    mutating func vacate(
        _ child: RosterChild, _ now: Int64,
        _ random: inout some RandomNumberGenerator, _ orders: inout [Order]
    ) {
        guard !isStopping else { return }
        if !child.hasJoined, child.generation > proven, target > proven {
            // The new version does not come up: those that work are kept.
            target = proven
            orders.append(.say(.rollingGivenUp(child)))
        }
        switch child.role {
        case .leaving: break
        case .successor:
            let wait = places[child.number - 1].backoff.next(using: &random)
            places[child.number - 1].replaceAt = now &+ wait
        case .main: refill(child, now, &random, &orders)
        }
    }

    /// Has a place filled again: by the successor that is there already, or by a new child, the
    /// later the more often its children failed.
    private mutating func refill(
        _ child: RosterChild, _ now: Int64, _ random: inout some RandomNumberGenerator,
        _ orders: inout [Order]
    ) {
        let index = child.number - 1
        let next = children.first { $0.number == child.number && $0.role == .successor }
        if let next { return change(next.serial) { $0.role = .main } }
        if let joinedAt = child.joinedAt, now - joinedAt >= settings.steady {
            places[index].backoff.reset()
        }
        let wait = places[index].backoff.next(using: &random)
        places[index].startAt = now &+ wait
        if !isQuiet { orders.append(.say(.restarting(child, in: wait))) }
    }

    /// Ends it all by itself: another try would end the same way.
    private mutating func fail(_ code: ExitCode, _ now: Int64, _ orders: inout [Order]) {
        fatal = code
        orders.append(.say(.givingUp(code)))
        for child in children where !child.isAsked {
            ask(child.serial, SIGTERM, killAt: now &+ settings.patience, &orders)
        }
    }

    // MARK: Signals

    mutating func hear(_ number: Int32, _ now: Int64, _ orders: inout [Order]) {
        switch number {
        case SIGUSR1:
            orders.append(.say(.report(children, isQuiet: isQuiet)))
            tellThoseThatListen(SIGUSR1, &orders)
        case SIGTSTP:
            guard !isQuiet, !isStopping else { return }
            isQuiet = true
            orders.append(.say(.quiet))
            // New ones would take jobs.
            for child in children where child.role == .successor {
                change(child.serial) { $0.role = .leaving }
                ask(child.serial, SIGTERM, killAt: now &+ settings.patience, &orders)
            }
            tellThoseThatListen(SIGTSTP, &orders)
        case SIGHUP:
            guard !isQuiet, !isStopping else { return }
            target = (children.map(\.generation) + [target, proven]).reduce(0, max) + 1
            orders.append(.say(.rolling))
        default: stop(number, now, &orders)
        }
    }

    /// Before a child has told its name it has no handlers for these signals: the one would end
    /// it, the other stop it.
    private func tellThoseThatListen(_ number: Int32, _ orders: inout [Order]) {
        for child in children where child.worker != nil {
            orders.append(.signal(serial: child.serial, number))
        }
    }

    private mutating func stop(_ number: Int32, _ now: Int64, _ orders: inout [Order]) {
        let isFirst = stoppedBy == nil && number != SIGQUIT
        stoppedBy = number
        if isFirst { orders.append(.say(.draining(children.count))) }
        for child in children where !child.isKilled {
            // A second TERM gives back at once: not for those that drain already.
            if isFirst, child.isAsked { continue }
            let patience = isFirst ? settings.patience : settings.shortPatience
            let forwarded = number == SIGQUIT ? SIGQUIT : SIGTERM
            ask(child.serial, forwarded, killAt: now &+ patience, &orders)
        }
    }

    // MARK: What is due

    /// Kills what is overdue, fills places, replaces one child at a time.
    mutating func settle(_ now: Int64, _ orders: inout [Order]) {
        for child in children where !child.isKilled && child.killAt ?? .max <= now {
            change(child.serial) { $0.isKilled = true }
            orders.append(.say(.killing(child)))
            orders.append(.signal(serial: child.serial, SIGKILL))
        }
        if isStopping {
            if children.isEmpty, !hasEnded {
                hasEnded = true
                orders.append(.end(exitCode))
            }
            return
        }
        guard !isQuiet else { return }
        for index in places.indices where places[index].startAt ?? .max <= now {
            // The first one shows whether it can work at all: what is wrong is said once.
            guard hasEverJoined || children.isEmpty else { break }
            places[index].startAt = nil
            start(index + 1, .main, generation: proven, now: now, &orders)
        }
        // One after another: never more than one process too many.
        guard !children.contains(where: { $0.role != .main }) else { return }
        guard let worn = children.first(where: { isDue($0) && replaceAt($0) <= now }) else {
            return
        }
        orders.append(.say(.replacing(worn)))
        start(worn.number, .successor, generation: target, now: now, &orders)
    }

    private func isDue(_ child: RosterChild) -> Bool {
        child.role == .main && child.hasJoined && (child.wear != nil || child.generation < target)
    }

    private func replaceAt(_ child: RosterChild) -> Int64 { places[child.number - 1].replaceAt }

    /// When something is due next, monotonic ns; nil when only events change anything.
    var nextWake: Int64? {
        var times = children.compactMap { $0.isKilled ? nil : $0.killAt }
        if !isStopping, !isQuiet {
            if hasEverJoined || children.isEmpty { times += places.compactMap(\.startAt) }
            if !children.contains(where: { $0.role != .main }) {
                for child in children where isDue(child) { times.append(replaceAt(child)) }
            }
        }
        return times.min()
    }
}
