/// How long to wait before the next try: exponential, with full jitter.
///
/// - Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: full jitter
///   spreads the clients of a server that comes back best.
package struct Backoff: Sendable {
    private let base: Int64
    private let limit: Int64
    private var tries = 0

    /// - Parameters:
    ///   - base: Longest first wait.
    ///   - limit: Longest wait of all.
    package init(base: Duration = .milliseconds(50), limit: Duration = .seconds(5)) {
        self.base = base.nanoseconds
        self.limit = limit.nanoseconds
    }

    /// The wait before the next try, in nanoseconds, at least 1 ms.
    package mutating func next(using generator: inout some RandomNumberGenerator) -> Int64 {
        let doublings = min(tries, 20)
        let ceiling = base > limit >> doublings ? limit : base << doublings
        tries += 1
        return max(1_000_000, Int64.random(in: 0...ceiling, using: &generator))
    }

    /// A try succeeded.
    package mutating func reset() {
        tries = 0
    }
}
