package import RedisLink

extension QueueStore {
    /// How long a minute's counters are kept: `stats` looks back 15 minutes, people an hour.
    static let countsKept = 7200

    /// The commands that add to a minute's counters; none when nothing was counted.
    ///
    /// - Parameters:
    ///   - waiting: Jobs that wait now, ready and scheduled; nil when that has not changed.
    ///   - minute: Minutes since 1970.
    package func count(_ fields: [(String, Int)], waiting: Int?, minute: Int) -> [Command] {
        guard !fields.isEmpty || waiting != nil else { return [] }
        let key = keys.count(minute)
        var commands = fields.map { Command("HINCRBY", key, $0.0, "\($0.1)") }
        if let waiting { commands.append(Command("HSET", key, "waiting", "\(waiting)")) }
        commands.append(Command("EXPIRE", key, "\(Self.countsKept)"))
        return commands
    }
}
