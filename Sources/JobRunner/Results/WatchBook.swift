internal import RedisLink

/// Who waits for which key, and when each must be read: decides, and does nothing itself.
///
/// Times are monotonic ns. A key is read when somebody begins to wait for it, when the server says
/// that it has changed, when everything must be read again, and every few seconds in any case:
/// a wake-up that is lost costs time, never the result. All who wait for a key share its reads.
struct WatchBook {
    typealias ID = Int

    /// How a key is to be read.
    enum Read: Equatable {
        /// Just read.
        case plain
        /// Read, and let the server tell of the next change.
        case armed
    }

    /// Whom to tell what, and what to read.
    struct Steps {
        var reads: [(key: String, how: Read, number: Int)] = []
        var seen: [(watcher: any KeyWatcher, value: [UInt8])] = []
        var ended: [(watcher: any KeyWatcher, end: WatchEnd)] = []
        /// A value was read that a message should have brought before.
        var missesMessages = false
    }

    private var entries: [String: Entry] = [:]
    private var keys: [ID: String] = [:]
    private var lastID = 0
    private var lastRead = 0
    /// No watch ends before this; it may be earlier than the first that does.
    private var firstDeadline = Int64.max
    private var firstRead = Int64.max

    /// The server tells of changes; while it does not, keys are read at growing intervals.
    private(set) var isTracking = false

    /// Nobody waits.
    var isEmpty: Bool { keys.isEmpty }
    /// How many wait.
    var count: Int { keys.count }
    /// When `pass` has something to do; `max` for never.
    var nextTime: Int64 { min(firstDeadline, firstRead) }

    /// While the server tells of changes: long enough to cost nothing, short enough for a user
    /// who waits for a wake-up that was lost.
    static let rereadEvery: Int64 = 5_000_000_000
    /// One that a message is to bring is looked at no sooner: most calls need no look.
    static let firstLook: Int64 = 20_000_000
    /// Where it does not: from 10 ms, half as long again each time, to 1 s.
    static let firstPoll: Int64 = 10_000_000
    static let longestPoll: Int64 = 1_000_000_000

    /// Somebody waits for a key.
    ///
    /// - Parameters:
    ///   - isFresh: It is not expected to be there yet: the first read is armed at once.
    ///   - told: The time, where a message is to bring the value: the first read has a while.
    mutating func add(
        _ watcher: any KeyWatcher, key: String, deadline: Int64, isFresh: Bool,
        told now: Int64? = nil
    ) -> (id: ID, steps: Steps) {
        lastID += 1
        keys[lastID] = key
        entries[key, default: Entry()].watches[lastID] = Watch(
            watcher: watcher, deadline: deadline, isTold: now != nil)
        firstDeadline = min(firstDeadline, deadline)
        var steps = Steps()
        guard var entry = entries[key] else { return (lastID, steps) }
        // One who comes when others have waited for long is as eager as they were.
        entry.wait = 0
        if let now, isTracking, entry.watches.count == 1 {
            entry.readAt = now + Self.firstLook
            firstRead = min(firstRead, entry.readAt)
        } else if entry.reading == nil, !entry.isArmed || watcher.wantsChanges {
            let isArmed = isFresh || watcher.wantsChanges
            read(&entry, key, isArmed ? .armed : .plain, &steps)
        }
        entries[key] = entry
        return (lastID, steps)
    }

    /// Somebody waits no more.
    ///
    /// - Returns: False when it had ended.
    mutating func remove(_ id: ID) -> Bool {
        guard let key = keys.removeValue(forKey: id) else { return false }
        entries[key]?.watches[id] = nil
        if let entry = entries[key], entry.watches.isEmpty { entries[key] = nil }
        return true
    }

    /// A watch ends sooner than was said.
    mutating func limit(_ id: ID, to deadline: Int64) {
        guard let key = keys[id] else { return }
        entries[key]?.watches[id]?.deadline = deadline
        firstDeadline = min(firstDeadline, deadline)
    }

    /// A message brought a value; nil says that there is one.
    mutating func told(_ key: String, _ value: [UInt8]?) -> Steps {
        guard let value else {
            for id in entries[key]?.watches.keys.map(\.self) ?? [] {
                entries[key]?.watches[id]?.isTold = false
            }
            return changed(key)
        }
        var steps = Steps()
        guard var entry = entries[key] else { return steps }
        tell(&entry, .success(value), mayGiveUp: false, &steps)
        entries[key] = entry.watches.isEmpty ? nil : entry
        return steps
    }

    /// The server told of a change; nil is of all keys.
    mutating func changed(_ key: String?) -> Steps {
        guard let key else { return readAll() }
        var steps = Steps()
        guard var entry = entries[key] else { return steps }
        entry.isArmed = false
        entry.wait = 0
        // What changed is most likely what all wait for: then nobody need hear of the next.
        read(&entry, key, wants(entry) ? .armed : .plain, &steps)
        entries[key] = entry
        return steps
    }

    /// The server tells of changes from now on, or does not any more.
    ///
    /// Nothing that it said before holds: everything is read again.
    mutating func setTracking(_ isTracking: Bool) -> Steps {
        self.isTracking = isTracking
        return readAll()
    }

    private mutating func readAll() -> Steps {
        var steps = Steps()
        for key in Array(entries.keys) {
            guard var entry = entries[key] else { continue }
            entry.isArmed = false
            entry.isArming = false
            entry.wait = 0
            read(&entry, key, .armed, &steps)
            entries[key] = entry
        }
        return steps
    }

    /// A read was answered.
    mutating func answered(
        _ key: String, _ number: Int, _ result: Result<[UInt8]?, RedisError>, now: Int64,
        using random: inout some RandomNumberGenerator
    ) -> Steps {
        var steps = Steps()
        guard var entry = entries[key], entry.reading == number else { return steps }
        entry.reading = nil
        let isStale = entry.isStale
        entry.isStale = false
        entry.isArmed = entry.isArmed || (entry.isArming && isTracking && !isStale)
        entry.isArming = false
        if case .success(_?) = result {
            steps.missesMessages = entry.watches.values.contains(where: \.isTold)
        }
        // What has changed since is asked once more before anybody's time is up.
        tell(&entry, result, mayGiveUp: !isStale, &steps)
        guard !entry.watches.isEmpty else {
            entries[key] = nil
            return steps
        }
        let hasFailed = if case .failure = result { true } else { false }
        if isStale {
            // As after a change: what is there now need not be tracked.
            read(&entry, key, wants(entry) ? .armed : .plain, &steps)
        } else if isTracking, !entry.isArmed, !hasFailed {
            read(&entry, key, .armed, &steps)
        } else {
            putOff(&entry, isTracking: isTracking && !hasFailed, now, using: &random)
        }
        entries[key] = entry
        return steps
    }

    /// Time has come to `nextTime`: reads what is due, once more for those whose time is up.
    mutating func pass(now: Int64) -> Steps {
        var steps = Steps()
        firstDeadline = .max
        firstRead = .max
        for key in Array(entries.keys) {
            guard var entry = entries[key] else { continue }
            var isDue = entry.readAt <= now
            for (id, watch) in entry.watches where !watch.isOver {
                if watch.deadline <= now {
                    entry.watches[id]?.isOver = true
                    isDue = true
                } else {
                    firstDeadline = min(firstDeadline, watch.deadline)
                }
            }
            if isDue, entry.reading == nil {
                read(&entry, key, entry.isArmed ? .plain : .armed, &steps)
            }
            firstRead = min(firstRead, entry.readAt)
            entries[key] = entry
        }
        return steps
    }

    /// All end; nobody waits any more.
    mutating func removeAll() -> [any KeyWatcher] {
        defer {
            entries = [:]
            keys = [:]
            firstDeadline = .max
            firstRead = .max
        }
        return entries.values.flatMap { $0.watches.values.map(\.watcher) }
    }

    // MARK: Parts

    private mutating func tell(
        _ entry: inout Entry, _ result: Result<[UInt8]?, RedisError>, mayGiveUp: Bool,
        _ steps: inout Steps
    ) {
        for (id, watch) in entry.watches {
            guard let end = tell(watch, result, mayGiveUp: mayGiveUp, &steps) else { continue }
            steps.ended.append((watch.watcher, end))
            entry.watches[id] = nil
            keys[id] = nil
        }
    }

    /// - Returns: Why it ends; nil while it goes on.
    private func tell(
        _ watch: Watch, _ result: Result<[UInt8]?, RedisError>, mayGiveUp: Bool,
        _ steps: inout Steps
    ) -> WatchEnd? {
        let isOver = watch.isOver && mayGiveUp
        switch result {
        case .success(let value?):
            if !watch.watcher.wantsChanges { return .value(value) }
            steps.seen.append((watch.watcher, value))
            return isOver ? .timeIsUp(nil) : nil
        case .success(nil):
            return isOver ? .timeIsUp(nil) : nil
        case .failure(let error) where error.isTransient:
            // A restart or failover while waiting is not the end of the wait.
            return isOver ? .timeIsUp(error) : nil
        case .failure(let error):
            return .failed(error)
        }
    }

    private func wants(_ entry: Entry) -> Bool {
        entry.watches.values.contains { $0.watcher.wantsChanges }
    }

    private mutating func read(
        _ entry: inout Entry, _ key: String, _ how: Read, _ steps: inout Steps
    ) {
        if entry.reading != nil {
            entry.isStale = true
            return
        }
        let how = isTracking ? how : .plain
        lastRead += 1
        entry.reading = lastRead
        entry.isArming = how == .armed
        // Its answer comes in any case, and puts the next one off.
        entry.readAt = .max
        steps.reads.append((key, how, lastRead))
    }

    /// To a time on a grid of a sixteenth of the wait: so many keys are read in few turns.
    private mutating func putOff(
        _ entry: inout Entry, isTracking: Bool, _ now: Int64,
        using random: inout some RandomNumberGenerator
    ) {
        if isTracking {
            entry.wait = Self.rereadEvery
        } else {
            // It may have been that of a key the server told of.
            let last = entry.wait > Self.longestPoll ? 0 : entry.wait
            entry.wait = min(max(Self.firstPoll, last / 2 * 3), Self.longestPoll)
        }
        let jittered = entry.wait / 4 * 3 + Int64.random(in: 0...entry.wait / 2, using: &random)
        let grid = entry.wait / 16
        entry.readAt = (now + jittered + grid) / grid * grid
        firstRead = min(firstRead, entry.readAt)
    }
}
