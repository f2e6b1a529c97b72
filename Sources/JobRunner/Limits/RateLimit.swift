internal import RedisLink

/// How many jobs may start in a time, across all workers.
///
/// Evenly spaced (GCRA): `1000/h` is one every 3.6 s, with a burst of 1; a larger burst lets as
/// many start at once after a lull. In any time of `period` no more start than `count` and the
/// burst less one. The spacing is half a percent longer than it need be, so that a start that is
/// some milliseconds late does not bring one too many into a window.
///
/// - Source: ITU-T I.371, the generic cell rate algorithm.
public struct RateLimit: Sendable, Hashable, CustomStringConvertible {
    /// Whose starts are counted together.
    public enum Scope: String, Sendable, Hashable, CaseIterable {
        /// All workers'.
        case fleet
        /// Those of a host: each has a limit of its own, named `<name>@<host>`.
        case host
    }

    /// Starts in a `period`, 1 to 1,000,000.
    public var count: Int
    /// 1 ms to 366 days.
    public var period: Duration
    /// Starts at once after a lull, 1 to 1,000,000.
    public var burst: Int
    /// What a job takes of it, 1 to `burst`.
    public var cost: Int
    /// Its name, shared by all kinds of jobs that give it; nil is the job's own.
    public var name: String?
    /// An argument by whose value it is counted: an API token, a tenant; nil counts all together.
    public var argument: String?
    /// Whose starts are counted together.
    public var scope: Scope

    /// Makes a limit; it is checked where it is used.
    public init(
        _ count: Int, per period: Duration, burst: Int = 1, cost: Int = 1, name: String? = nil,
        by argument: String? = nil, scope: Scope = .fleet
    ) {
        self.count = count
        self.period = period
        self.burst = burst
        self.cost = cost
        self.name = name
        self.argument = argument
        self.scope = scope
    }

    /// So many a second.
    public static func perSecond(_ count: Int, burst: Int = 1) -> RateLimit {
        RateLimit(count, per: .seconds(1), burst: burst)
    }

    /// So many a minute.
    public static func perMinute(_ count: Int, burst: Int = 1) -> RateLimit {
        RateLimit(count, per: .seconds(60), burst: burst)
    }

    /// So many an hour.
    public static func perHour(_ count: Int, burst: Int = 1) -> RateLimit {
        RateLimit(count, per: .seconds(3600), burst: burst)
    }

    /// µs a token.
    package var each: Int {
        let exact = Double(period.nanoseconds) / 1000 * 1.005 / Double(max(1, count))
        return max(1, Int(exact.rounded(.up)))
    }

    /// - Throws: `JobRunnerError.invalid`.
    package func check() throws(JobRunnerError) {
        guard (1...1_000_000).contains(count) else {
            throw .invalid("a rate limit must be 1 to 1000000 in its period, got \(count)")
        }
        guard period >= .milliseconds(1), period <= .seconds(366 * 86_400) else {
            throw .invalid("the period of a rate limit must be 1 ms to 366 days, got \(period)")
        }
        guard (1...1_000_000).contains(burst) else {
            throw .invalid("the burst of a rate limit must be 1 to 1000000, got \(burst)")
        }
        guard cost >= 1 else {
            throw .invalid("the cost of a job must be 1 or more, got \(cost)")
        }
        guard cost <= burst else {
            throw .invalid("cost \(cost) can never fit into burst \(burst)")
        }
        if let name {
            do { _ = try NameError.check(name, as: .limit) } catch {
                throw .invalid(error.description)
            }
        }
    }
}

extension RateLimit {
    /// Reads `<count>/<period>`, with or without ` burst <count>`: `1000/h`, `10/s burst 20`,
    /// `5/10m`.
    ///
    /// - Throws: `JobRunnerError.invalid`, which says what to write.
    public init(_ text: String) throws(JobRunnerError) {
        let words = text.split(separator: " ")
        let rate = (words.first ?? "").split(separator: "/", omittingEmptySubsequences: false)
        guard words.count == 1 || (words.count == 3 && words[1] == "burst"), rate.count == 2,
            let count = Int(rate[0]), let period = Self.period(rate[1]),
            let burst = words.count == 3 ? Int(words[2]) : 1
        else {
            throw .invalid(
                "rate '\(printable(text))' is not understood: write 1000/h, 10/s burst 20 or 5/10m")
        }
        self.init(count, per: period, burst: burst)
        try check()
    }

    /// `s`, `m`, `h`, `d`, with or without a number before it; `ms` with one.
    private static func period(_ text: Substring) -> Duration? {
        if text.hasSuffix("ms") {
            return Int(text.dropLast(2)).flatMap { $0 > 0 ? .milliseconds($0) : nil }
        }
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }) else { return nil }
        let number = text.dropLast()
        guard let many = number.isEmpty ? 1 : Int(number), (1...86_400).contains(many) else {
            return nil
        }
        return .seconds(many * unit)
    }

    /// As it is written: `1000/h`, `10/s burst 20`.
    public var description: String {
        let seconds = period.milliseconds / 1000
        var text = "\(count)/"
        if period != .seconds(seconds) || seconds == 0 {
            text += "\(period.milliseconds)ms"
        } else if let unit = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")].first(where: {
            seconds % $0.0 == 0
        }) {
            text += seconds == unit.0 ? unit.1 : "\(seconds / unit.0)\(unit.1)"
        }
        return burst == 1 ? text : text + " burst \(burst)"
    }
}

/// How many jobs may run at once, across all workers.
///
/// The places are held under leases: those of a worker that is gone are free within its visibility
/// timeout. Jobs that find none wait aside, off the queue, until one is free.
public struct ConcurrencyLimit: Sendable, Hashable {
    /// Jobs at once, 1 to 100,000.
    public var most: Int
    /// Its name, shared by all kinds of jobs that give it; nil is the job's own.
    public var name: String?
    /// An argument by whose value they are counted; nil counts all together.
    public var argument: String?

    /// Makes a limit; it is checked where it is used.
    public init(_ most: Int, name: String? = nil, by argument: String? = nil) {
        self.most = most
        self.name = name
        self.argument = argument
    }

    /// - Throws: `JobRunnerError.invalid`.
    package func check() throws(JobRunnerError) {
        guard (1...100_000).contains(most) else {
            throw .invalid("a concurrency limit must be 1 to 100000, got \(most)")
        }
        if let name {
            do { _ = try NameError.check(name, as: .limit) } catch {
                throw .invalid(error.description)
            }
        }
    }
}
