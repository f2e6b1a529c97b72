/// How fast jobs end here, measured over at least a millisecond.
struct Pace: Sendable {
    private(set) var perNanosecond = 0.0
    private var counted = 0
    private var before = 0
    private var since: Int64 = 0

    /// All that ended.
    var total: Int { before + counted }

    mutating func count(_ jobs: Int) {
        counted += jobs
    }

    mutating func measure(now: Int64) {
        let elapsed = now - since
        guard elapsed >= 1_000_000 else { return }
        let latest = Double(counted) / Double(elapsed)
        // A long gap says more than the past does.
        let weight = min(1, 0.3 + Double(elapsed) / 50_000_000)
        perNanosecond += (latest - perNanosecond) * weight
        before += counted
        counted = 0
        since = now
    }
}
