/// When a loop notes how far it is: every so many items, or after a second, whichever comes first.
struct CursorPace: Sendable {
    let most: Int
    /// Monotonic ns.
    private var notedAt: Int64
    /// Items since then.
    private(set) var items = 0

    static let longest: Int64 = 1_000_000_000

    init(most: Int, now: Int64) {
        self.most = most
        notedAt = now
    }

    /// An item is done.
    ///
    /// - Returns: Whether to note it now.
    mutating func passed(now: Int64) -> Bool {
        items += 1
        return items >= most || now - notedAt >= Self.longest
    }

    mutating func noted(now: Int64) {
        items = 0
        notedAt = now
    }
}
