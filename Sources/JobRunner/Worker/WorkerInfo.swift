internal import FoundationEssentials

/// What a worker tells of itself, for `stats`: kept in `worker:<id>` with a TTL.
package struct WorkerInfo: Codable, Sendable {
    package struct Running: Codable, Sendable {
        package var slot: Int
        package var job: String
        package var id: String
        package var queue: String
        /// ms since 1970.
        package var since: Int
    }

    /// A lock between runs that one of its runs holds.
    package struct Lock: Codable, Sendable {
        package var name: String
        package var job: String
        package var id: String
        package var queue: String
        /// ms since 1970.
        package var since: Int
    }

    package var v = 1
    package var id: String
    package var host: String
    package var pid: Int
    /// The supervisor's process; nil when it has none.
    package var supervisor: Int?
    package var version: String
    /// ms since 1970.
    package var started: Int
    package var state: String
    package var queues: [String]
    package var handlers: [String]
    /// The newest version that each takes; those that take any are left out, and all of it by
    /// workers that do not say.
    package var versions: [String: Int]?
    /// Those that are open now.
    package var slots: Int
    /// The fewest and the most that may be open; nil when the number is fixed.
    package var minSlots: Int?
    package var maxSlots: Int?
    package var busy: Int
    /// Fetched and not started.
    package var buffered: Int
    /// Resident memory, bytes; 0 where it is not known.
    package var rss: Int
    /// How often handlers that block kept the pool from answering for 200 ms; nil of a worker that
    /// did not look.
    package var starved: Int?
    /// At most 64: those that run longest.
    package var running: [Running]
    /// How many locks its runs hold, and those held longest, at most 64; nil when there are none.
    package var lockCount: Int?
    package var locks: [Lock]?

    /// How long it is kept, ms: outlives a few lost ticks, and a dead worker until its jobs are
    /// given back.
    package static func kept(lease: Int) -> Int { max(15_000, 2 * lease) }

    package func json() -> [UInt8] {
        (try? JSONEncoder().encode(self)).map { [UInt8]($0) } ?? []
    }

    package init?(json: [UInt8]) {
        guard let info = try? JSONDecoder().decode(Self.self, from: Data(json)) else { return nil }
        self = info
    }

    init(
        id: String, host: String, pid: Int, supervisor: Int?, version: String, started: Int,
        state: String, queues: [String], handlers: [String], versions: [String: Int], slots: Int,
        scale: ClosedRange<Int>? = nil, busy: Int, buffered: Int, rss: Int, starved: Int? = nil,
        running: [Running]
    ) {
        self.id = id
        self.host = host
        self.pid = pid
        self.supervisor = supervisor
        self.version = version
        self.started = started
        self.state = state
        self.queues = queues
        self.handlers = handlers
        self.versions = versions.isEmpty ? nil : versions
        self.slots = slots
        minSlots = scale?.lowerBound
        maxSlots = scale?.upperBound
        self.busy = busy
        self.buffered = buffered
        self.rss = rss
        self.starved = starved
        self.running = running
    }
}
