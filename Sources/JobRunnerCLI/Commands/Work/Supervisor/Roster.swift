internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Which children a supervisor has, and what it does when something happens to them.
///
/// A value: events come in, orders go out, and nothing is done here. Times are monotonic ns.
/// After every event `nextWake` says when to send a `tick`.
struct Roster: Sendable {
    struct Settings: Sendable {
        /// How many children work, 1 to 64.
        var processes: Int
        /// Resident bytes above which a child is replaced; nil is no limit.
        var maxMemory: Int?
        /// From a child's TERM to its KILL, ns: its own deadlines are earlier.
        var patience: Int64 = 33_000_000_000
        /// From the second signal to KILL, ns: a child then ends by itself within 5 s.
        var shortPatience: Int64 = 6_000_000_000
        /// A child that has worked for so long is started again without delay, ns.
        var steady: Int64 = 30_000_000_000
        /// Longest first wait before a restart, and longest of all.
        var backoff = (base: Duration.milliseconds(200), limit: Duration.seconds(30))
    }

    enum Event: Sendable, Equatable {
        case begin
        /// The system did not start it.
        case notStarted(Int, reason: String)
        /// It says under which id it will work; nothing was taken yet.
        case named(Int, worker: String)
        /// It works in all its queues.
        case joined(Int)
        /// It has run as many jobs as it may.
        case worn(Int)
        /// A slot is stuck: it takes no more jobs and ends by itself.
        case leaving(Int)
        case memory(Int, bytes: Int)
        case ended(Int, ChildProcess.End)
        case signal(Int32)
        case tick
    }

    enum Order: Sendable, Equatable {
        /// - usesPath: What is at the executable's path now; else the file this process runs.
        case start(serial: Int, number: Int, usesPath: Bool)
        case signal(serial: Int, Int32)
        /// The worker is dead: give its jobs back.
        case reap(worker: String, number: Int, isCounted: Bool)
        case say(RosterNews)
        /// No child is left.
        case end(ExitCode)
    }

    /// Where a child belongs.
    struct Place: Sendable {
        /// When it is filled again; nil while a child fills it.
        var startAt: Int64? = 0
        /// No successor is started before this.
        var replaceAt: Int64 = 0
        var backoff: Backoff
    }

    let settings: Settings
    private(set) var children: [RosterChild] = []
    var places: [Place]
    var serials = 0
    /// The rolling restart that was asked for last, and the last one of which a child has joined.
    var target = 0
    var proven = 0
    var hasEverJoined = false
    var isQuiet = false
    /// The last signal that asked to stop.
    var stoppedBy: Int32?
    /// Why it ends by itself.
    var fatal: ExitCode?
    /// A child ended during the stop and had not finished what it ran.
    var isInterrupted = false
    var hasEnded = false

    init(_ settings: Settings) {
        self.settings = settings
        let place = Place(
            backoff: Backoff(base: settings.backoff.base, limit: settings.backoff.limit))
        places = Array(repeating: place, count: settings.processes)
    }

    var isStopping: Bool { stoppedBy != nil || fatal != nil }
    var exitCode: ExitCode {
        if let fatal { return fatal }
        if isInterrupted, let stoppedBy { return ExitCode(rawValue: 128 + stoppedBy) }
        return .success
    }

    /// What is to be done now that this happened.
    mutating func handle(
        _ event: Event, now: Int64, using random: inout some RandomNumberGenerator
    ) -> [Order] {
        var orders: [Order] = []
        switch event {
        case .begin, .tick: break
        case .notStarted(let serial, let reason):
            guard let child = remove(serial) else { break }
            orders.append(.say(.notStarted(child, reason)))
            vacate(child, now, &random, &orders)
        case .named(let serial, let worker):
            change(serial) { $0.worker = worker }
            // It hears signals from now on: before, this one would have stopped it for good.
            if isQuiet { orders.append(.signal(serial: serial, SIGTSTP)) }
        case .joined(let serial): join(serial, now, &random, &orders)
        case .worn(let serial): change(serial) { $0.wear = $0.wear ?? .jobs }
        case .memory(let serial, let bytes):
            guard let most = settings.maxMemory, bytes > most else { break }
            change(serial) { $0.wear = $0.wear ?? .memory(bytes) }
        case .leaving(let serial): leave(serial, now, &random, &orders)
        case .ended(let serial, let end): bury(serial, end, now, &random, &orders)
        case .signal(let number): hear(number, now, &orders)
        }
        settle(now, &orders)
        return orders
    }

    // MARK: Children

    func child(_ serial: Int) -> RosterChild? { children.first { $0.serial == serial } }

    func main(of number: Int) -> RosterChild? {
        children.first { $0.number == number && $0.role == .main }
    }

    mutating func change(_ serial: Int, _ body: (inout RosterChild) -> Void) {
        guard let index = children.firstIndex(where: { $0.serial == serial }) else { return }
        body(&children[index])
    }

    mutating func remove(_ serial: Int) -> RosterChild? {
        guard let index = children.firstIndex(where: { $0.serial == serial }) else { return nil }
        return children.remove(at: index)
    }

    mutating func start(
        _ number: Int, _ role: RosterChild.Role, generation: Int, now: Int64,
        _ orders: inout [Order]
    ) {
        serials += 1
        children.append(
            RosterChild(
                serial: serials, number: number, generation: generation, role: role,
                startedAt: now))
        orders.append(.start(serial: serials, number: number, usesPath: generation > 0))
    }

    /// Tells a child to end; TERM lets it finish.
    mutating func ask(_ serial: Int, _ number: Int32, killAt: Int64, _ orders: inout [Order]) {
        change(serial) { child in
            child.isAsked = true
            child.killAt = min(child.killAt ?? .max, killAt)
        }
        orders.append(.signal(serial: serial, number))
    }
}
