package import RedisLink

extension QueueStore {
    /// How long a minute's counters are kept, seconds: `stats` looks back 15 minutes.
    static let countsKept = 7200

    /// `count.lua`: adds to a minute's counters; nil when nothing was counted.
    ///
    /// - Parameters:
    ///   - waiting: Jobs that wait now, ready and scheduled; nil when that has not changed.
    ///   - minute: Minutes since 1970.
    package func count(_ fields: [(String, Int)], waiting: Int?, minute: Int) -> Command? {
        guard !fields.isEmpty || waiting != nil else { return nil }
        var words = Arguments(calling: Scripts.count, keys: [keys.count(minute)])
        words.append(Self.countsKept)
        words.append(waiting.map { "\($0)" } ?? "")
        for (field, amount) in fields {
            words.append(field)
            words.append(amount)
        }
        return Command(script: Scripts.count, words)
    }
}
