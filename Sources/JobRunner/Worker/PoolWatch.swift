/// Whether Swift's cooperative pool, where handlers run, still answers.
///
/// A handler that blocks holds one of its threads, of which there are as many as cores: a few
/// such handlers stop all others. The clock's thread asks a question that any free thread answers
/// at once.
///
/// A value: decides when to ask and when no answer is news.
struct PoolWatch: Sendable {
    /// An answer that takes longer is told, ns.
    static let patience: Int64 = 200_000_000

    /// Monotonic ns of the question that is open.
    private(set) var askedAt: Int64?
    /// That it is open has been told.
    private(set) var isReported = false
    /// Monotonic ns of the last question that was answered in time: what ran then did not block.
    private(set) var answeredAt = Int64.min
    /// How often the pool did not answer in time.
    private(set) var starvations = 0

    /// True when a question is to be asked.
    mutating func ask(now: Int64) -> Bool {
        guard askedAt == nil else { return false }
        askedAt = now
        return true
    }

    /// The pool answered.
    ///
    /// - Returns: How long that took, ns, when it was told that it did not.
    mutating func answer(now: Int64) -> Int64? {
        defer {
            askedAt = nil
            isReported = false
        }
        guard let askedAt else { return nil }
        if !isReported { answeredAt = askedAt }
        return isReported ? now - askedAt : nil
    }

    /// Whether no answer is news now, and when to look again, monotonic ns.
    mutating func look(now: Int64) -> (isStarved: Bool, next: Int64) {
        guard let askedAt, !isReported else { return (false, .max) }
        guard now - askedAt >= Self.patience else { return (false, askedAt + Self.patience) }
        isReported = true
        starvations += 1
        return (true, .max)
    }
}
