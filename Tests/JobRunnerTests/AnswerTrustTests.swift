import Testing

@testable import JobRunner

/// When answers are expected to come as messages.
@Suite struct AnswerTrustTests {
    private static let second: Int64 = 1_000_000_000

    @Test func `only while the channel is listened to`() {
        var trust = AnswerTrust()
        #expect(!trust.isGiven(now: 0))
        trust.listens()
        #expect(trust.isGiven(now: 0))
        trust.reset()
        #expect(!trust.isGiven(now: 0))
    }

    @Test func `not for a while after three in a row that did not come`() {
        var trust = AnswerTrust()
        trust.listens()
        for _ in 0..<2 { trust.miss(now: 0) }
        #expect(trust.isGiven(now: 0))
        // One that came starts the count again.
        trust.heard()
        for _ in 0..<2 { trust.miss(now: 0) }
        #expect(trust.isGiven(now: 0))
        trust.miss(now: 0)
        #expect(!trust.isGiven(now: 0))
        #expect(!trust.isGiven(now: 30 * Self.second))
        #expect(trust.isGiven(now: 30 * Self.second + 1))
        // It is tried once: when that fails too, as long again.
        trust.miss(now: 40 * Self.second)
        #expect(!trust.isGiven(now: 70 * Self.second))
        trust.heard()
        #expect(trust.isGiven(now: 70 * Self.second))
    }
}
