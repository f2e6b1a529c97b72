import Testing

@testable import JobRunner

/// How many slots open for which work, without a clock.
@Suite struct SlotScaleTests {
    /// Work that waits without end, of which so many jobs end a second with so many slots.
    private struct Workload {
        var random: SeededRandom
        /// 1 is the noise of counting.
        var spread = 1.0
        let rate: (Int) -> Double

        init(_ seed: Int, spread: Double = 1, rate: @escaping (Int) -> Double) {
            random = SeededRandom(seed: UInt64(seed))
            self.spread = spread
            self.rate = rate
        }

        /// Jobs that end in a second.
        mutating func second(_ slots: Int) -> Int {
            let mean = rate(slots)
            let normal = (0..<12).reduce(-6.0) { sum, _ in
                sum + Double.random(in: 0..<1, using: &random)
            }
            return max(0, Int((mean + normal * spread * mean.squareRoot()).rounded()))
        }
    }

    /// A worker that ticks once a second.
    private struct Ticks {
        var scale: SlotScale
        var now: Int64 = 0
        var ended = 0
        var changes: [SlotScale.Change] = []
        /// Open slots after each tick.
        var open: [Int] = []

        init(_ limits: ClosedRange<Int>) { scale = SlotScale(limits) }

        mutating func look(
            busy: Int, hasBacklog: Bool, isStarved: Bool = false, isShortOfMemory: Bool = false
        ) {
            now += 1_000_000_000
            let change = scale.look(
                SlotScale.Look(
                    now: now, ended: ended, busy: busy, hasBacklog: hasBacklog,
                    isStarved: isStarved, isShortOfMemory: isShortOfMemory))
            if let change { changes.append(change) }
            open.append(scale.open)
        }

        mutating func run(_ work: inout Workload, _ seconds: Int) {
            for _ in 0..<seconds {
                ended += work.second(scale.open)
                look(busy: scale.open, hasBacklog: true)
            }
        }

        mutating func rest(_ seconds: Int, busy: Int = 0) {
            for _ in 0..<seconds { look(busy: busy, hasBacklog: false) }
        }

        func mean(of last: Int) -> Double {
            Double(open.suffix(last).reduce(0, +)) / Double(last)
        }
    }

    // MARK: Where it settles

    @Test(arguments: 1...20)
    func `work that needs a processor settles near their number`(_ seed: Int) {
        var work = Workload(seed) { Double(min($0, 8)) / 0.1 }
        var ticks = Ticks(2...64)
        ticks.run(&work, 600)
        let mean = ticks.mean(of: 400)
        #expect((6.0...12.0).contains(mean), "seed \(seed): \(mean)")
        // And mostly stays there.
        let near = ticks.open.suffix(400).count { (5...13).contains($0) }
        #expect(near > 360, "seed \(seed): \(near)")
    }

    @Test(arguments: 1...20)
    func `work that waits for others climbs to the most`(_ seed: Int) throws {
        var work = Workload(seed) { Double($0) / 0.1 }
        var ticks = Ticks(2...64)
        ticks.run(&work, 400)
        let top = try #require(ticks.open.firstIndex(of: 64))
        #expect(top < 120, "seed \(seed)")
        let mean = ticks.mean(of: 200)
        #expect(mean > 58, "seed \(seed): \(mean)")
    }

    @Test(arguments: 1...20)
    func `noise does not carry it away`(_ seed: Int) {
        var work = Workload(seed, spread: 3) { Double(min($0, 8)) / 0.05 }
        var ticks = Ticks(1...256)
        ticks.run(&work, 1200)
        let mean = ticks.mean(of: 800)
        #expect((4.0...16.0).contains(mean), "seed \(seed): \(mean)")
    }

    @Test(arguments: 1...20)
    func `other work finds another number`(_ seed: Int) {
        var ticks = Ticks(2...64)
        var waits = Workload(seed) { Double($0) / 0.1 }
        ticks.run(&waits, 200)
        #expect(ticks.mean(of: 20) > 40)
        var counts = Workload(seed) { Double(min($0, 4)) / 0.02 }
        ticks.run(&counts, 1200)
        let mean = ticks.mean(of: 400)
        #expect(mean < 10, "seed \(seed): \(mean)")
    }

    @Test func `it stays within its limits`() {
        for limits in [1...1, 1...2, 3...4, 5...1024] {
            var ticks = Ticks(limits)
            var work = Workload(1) { Double($0) * 50 }
            ticks.run(&work, 200)
            #expect(ticks.open.last == limits.upperBound, "\(limits)")
            ticks.rest(400)
            #expect(ticks.open.last == limits.lowerBound, "\(limits)")
            #expect(ticks.open.allSatisfy { limits.contains($0) }, "\(limits)")
        }
    }

    // MARK: Growth

    @Test func `jobs that do not end let it grow every other tick`() {
        var ticks = Ticks(2...8)
        var work = Workload(1) { _ in 0 }
        ticks.run(&work, 12)
        #expect(ticks.open == [2, 2, 3, 3, 4, 4, 6, 6, 8, 8, 8, 8])
        #expect(ticks.changes.allSatisfy { $0.reason == .backlog })
    }

    @Test func `without a backlog, or with an idle slot, it does not grow`() {
        var ticks = Ticks(2...8)
        for _ in 0..<20 { ticks.look(busy: 2, hasBacklog: false) }
        for _ in 0..<20 { ticks.look(busy: 1, hasBacklog: true) }
        // One tick that is full is not enough.
        for tick in 0..<20 { ticks.look(busy: tick % 2 + 1, hasBacklog: true) }
        #expect(ticks.changes == [])
    }

    @Test func `a growth that brings nothing is taken back, and tried ever more seldom`() {
        var ticks = Ticks(4...8)
        var work = Workload(1, spread: 0) { _ in 1000 }
        ticks.run(&work, 600)
        #expect(
            ticks.changes.prefix(2)
                == [
                    .init(from: 4, to: 6, reason: .backlog), .init(from: 6, to: 4, reason: .noGain),
                ])
        var began = 0
        var gaps: [Int] = []
        for tick in 1..<ticks.open.count where ticks.open[tick - 1] == 4 && ticks.open[tick] == 6 {
            gaps.append(tick - began)
            began = tick
        }
        gaps.removeFirst()
        #expect(gaps.count >= 4)
        #expect(zip(gaps, gaps.dropFirst()).allSatisfy { $0 < $1 }, "\(gaps)")
        // And the most of the time with the number that does as well.
        #expect(ticks.open.count { $0 == 4 } > 560)
    }

    @Test func `half of what is hoped for is enough, less is not`() {
        for (gain, stays) in [(0.30, true), (0.20, false)] {
            var ticks = Ticks(4...6)
            var work = Workload(1, spread: 0) { $0 == 4 ? 1000 : 1000 * (1 + gain) }
            ticks.run(&work, 6)
            #expect(ticks.open.last == (stays ? 6 : 4), "\(gain)")
        }
    }

    @Test func `fewer that do as well stay, fewer that do not are taken back`() {
        var ticks = Ticks(2...6)
        var work = Workload(1, spread: 0) { Double(min($0, 4)) * 100 }
        // From a number that luck had left it at.
        var lucky = Workload(1, spread: 0) { Double($0) * 100 }
        ticks.run(&lucky, 12)
        #expect(ticks.open.last == 6)
        ticks.changes = []
        ticks.run(&work, 40)
        #expect(ticks.changes.first == .init(from: 6, to: 4, reason: .trial))
        #expect(ticks.changes.contains(.init(from: 3, to: 4, reason: .needed)))
        #expect(ticks.open.last == 4)
    }

    @Test func `what ends in slots that are to close is not counted`() {
        var ticks = Ticks(2...6)
        var work = Workload(1, spread: 0) { Double($0) * 100 }
        ticks.run(&work, 12)
        while ticks.scale.open == 6 { ticks.run(&work, 1) }
        let fewer = ticks.scale.open
        ticks.changes = []
        // They all still run: as many jobs end as before, and that says nothing.
        for _ in 0..<SlotScale.longestTrial {
            ticks.ended += 600
            ticks.look(busy: 6, hasBacklog: true)
        }
        #expect(ticks.changes == [.init(from: fewer, to: 6, reason: .needed)])
    }

    // MARK: What forbids it

    @Test(arguments: [ScaleReason.starved, .memory])
    func `it does not grow when that would do harm`(_ reason: ScaleReason) {
        var ticks = Ticks(2...8)
        for _ in 0..<20 {
            ticks.look(
                busy: 2, hasBacklog: true, isStarved: reason == .starved,
                isShortOfMemory: reason == .memory)
        }
        #expect(ticks.changes == [])
        // And a growth that led there is taken back, and not tried again at once.
        ticks.look(busy: 2, hasBacklog: true)
        #expect(ticks.scale.open == 3)
        ticks.look(
            busy: 3, hasBacklog: true, isStarved: reason == .starved,
            isShortOfMemory: reason == .memory)
        #expect(ticks.changes.last == .init(from: 3, to: 2, reason: reason))
        for _ in 0..<SlotScale.rests.lowerBound { ticks.look(busy: 2, hasBacklog: true) }
        #expect(ticks.scale.open == 2)
    }

    // MARK: Idle

    @Test func `idle slots close, half of them at a time`() {
        var ticks = Ticks(2...64)
        var work = Workload(1) { _ in 0 }
        ticks.run(&work, 30)
        #expect(ticks.scale.open == 64)
        ticks.changes = []
        ticks.rest(100)
        #expect(ticks.changes.map(\.to) == [33, 17, 9, 5, 3, 2])
        #expect(ticks.changes.allSatisfy { $0.reason == .idle })
    }

    @Test func `slots that are used now and then stay`() {
        var ticks = Ticks(2...64)
        var work = Workload(1) { _ in 0 }
        ticks.run(&work, 30)
        for tick in 0..<200 { ticks.look(busy: tick % 5 == 0 ? 20 : 1, hasBacklog: false) }
        #expect(ticks.scale.open == 20)
        // All busy and nothing waits: neither more nor fewer.
        for _ in 0..<50 { ticks.look(busy: 20, hasBacklog: false) }
        #expect(ticks.scale.open == 20)
    }

    @Test(arguments: 1...20)
    func `bursts find the slots of the last one`(_ seed: Int) {
        var ticks = Ticks(2...32)
        var work = Workload(seed) { Double($0) / 0.2 }
        for _ in 0..<30 {
            ticks.run(&work, 20)
            ticks.rest(SlotScale.idleTicks - 1)
        }
        #expect(ticks.mean(of: 300) > 24, "seed \(seed): \(ticks.mean(of: 300))")
        ticks.rest(100)
        #expect(ticks.scale.open == 2)
    }
}
