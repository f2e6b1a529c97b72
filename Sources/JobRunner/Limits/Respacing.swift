/// New times for jobs that a rate limit had put off, when the limit has changed.
///
/// A value: reckons as `take.lua` does, from now on, and never puts a job off further.
struct Respacing {
    /// Values that are told apart; jobs of further ones keep their times.
    static let mostValues = 100_000

    /// From when on jobs may start, server µs.
    private let start: Int
    /// After a time of being closed comes one job, not a burst.
    private let wasClosed: Bool
    /// By value: the arrival time of the next, µs.
    private var next: [String: Int] = [:]

    /// - Parameters:
    ///   - now: Server ms.
    ///   - closed: Until then nothing starts, server ms.
    init(now: Int, closed: Int?) {
        wasClosed = (closed ?? 0) > now
        start = max(now, closed ?? 0) * 1000
    }

    /// The time of the next job, server ms; nil when it has no later one now.
    ///
    /// - Parameters:
    ///   - rate: The one in force.
    ///   - due: When it would come, server ms.
    mutating func time(of value: String, _ rate: RateLimit, due: Int) -> Int? {
        if next[value] == nil, next.count >= Self.mostValues { return nil }
        let first = wasClosed ? start + (rate.burst - 1) * rate.each : start
        let arrival = next[value] ?? first
        let cost = min(rate.cost, rate.burst)
        let at = max(start, arrival + (cost - rate.burst) * rate.each)
        next[value] = max(arrival, at) + cost * rate.each
        let time = (at + 999) / 1000
        return time < due ? time : nil
    }
}
