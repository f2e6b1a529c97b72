/// Whether outcomes can be expected to come as messages.
///
/// A worker may not be allowed to publish, or be of a kind that does not: after a few that did not
/// come, calls are waited for like other jobs for a while.
struct AnswerTrust {
    /// Values in a row that a message should have brought, and did not.
    private static let mostMissed = 3
    /// ns.
    private static let mistrust: Int64 = 30_000_000_000

    /// The channel is subscribed to.
    private(set) var isListening = false
    private var missed = 0
    private var missedAt: Int64 = 0

    /// The connection was made or lost.
    mutating func reset() { self = AnswerTrust() }

    mutating func listens() { isListening = true }

    mutating func heard() { missed = 0 }

    mutating func miss(now: Int64) {
        missed += 1
        missedAt = now
    }

    func isGiven(now: Int64) -> Bool {
        isListening && (missed < Self.mostMissed || now - missedAt > Self.mistrust)
    }
}
