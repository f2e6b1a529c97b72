#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A child as its supervisor's roster has it.
struct RosterChild: Sendable, Equatable {
    enum Role: Sendable {
        /// Fills its place.
        case main
        /// Is to take the place of a child that still works.
        case successor
        /// Its place is another's: it finishes what it runs.
        case leaving
    }

    /// Why a child is replaced although it is well.
    enum Wear: Sendable, Equatable {
        case jobs
        /// Resident bytes.
        case memory(Int)
    }

    /// Never used twice.
    let serial: Int
    /// Its place, from 1.
    let number: Int
    /// Counts the rolling restarts: which of them it belongs to.
    let generation: Int
    var role: Role
    /// Monotonic ns.
    let startedAt: Int64
    /// Its worker id; known before it takes a job.
    var worker: String?
    /// When it had joined all its queues, monotonic ns.
    var joinedAt: Int64?
    var wear: Wear?
    /// It was told to end, or said that it would.
    var isAsked = false
    /// When it is killed if it still runs, monotonic ns.
    var killAt: Int64?
    /// The supervisor killed it.
    var isKilled = false

    var hasJoined: Bool { joinedAt != nil }
}

extension ChildProcess.End {
    /// What it ran may have brought it down, when it was not told to end.
    ///
    /// Not so for a worker that ended by its own decision: it gave its jobs back, or says with its
    /// code that nothing of theirs was the cause. (A handler that calls `exit(0)` is one that
    /// brings it down: a worker that ends well holds nothing, and nothing is counted.)
    func isCrash(isAsked: Bool) -> Bool {
        switch self {
        case .signalled: true
        case .exited(let code): !isAsked && !Self.decisions.contains(ExitCode(rawValue: code))
        }
    }

    private static let decisions = Set<ExitCode>([
        .usage, .unavailable, .temporary, .permission, .configuration,
    ]).union([SIGTERM, SIGINT, SIGQUIT, SIGHUP].map { ExitCode(rawValue: 128 + $0) })

    /// Another try would end the same way.
    var isHopeless: Bool {
        guard case .exited(let code) = self else { return false }
        return [.usage, .permission, .configuration].contains(ExitCode(rawValue: code))
    }
}
