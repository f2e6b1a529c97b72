internal import RedisLink

/// How jobs of a kind are queued, retried and kept.
public struct JobOptions: Sendable, Hashable {
    /// The queue they go to unless `enqueue` names another: 1 to 64 of `A-Z a-z 0-9 . _ -`.
    public var queue: String
    /// Most runs that may fail before the job is buried; 1 to 1,000.
    public var maxAttempts: Int
    /// How long to wait before the next attempt.
    public var retryDelay: RetryDelay
    /// The handler is cancelled when it runs longer; nil is no limit.
    public var timeLimit: Duration?
    /// What is kept of how they end.
    public var results: ResultPolicy
    /// How long after it is due a job may still start; nil is for ever.
    public var expires: Duration?
    /// What becomes of it after that.
    public var whenExpired: Expiry
    /// 0 to 9: those of a higher one are fetched first; 0 costs nothing.
    public var priority: Int
    /// An argument by whose values the queue's jobs take turns: one tenant's many do not hold up
    /// another's few.
    public var fairBy: String?
    /// At most one with the same key.
    public var unique: Unique?
    /// How many may start in a time.
    public var rateLimit: RateLimit?
    /// How many may run at once.
    public var concurrencyLimit: ConcurrencyLimit?

    /// The defaults: queue `default`, 10 attempts, exponential backoff, no time limit, results
    /// kept for an hour, no expiry, no priority, no limits.
    public init(
        queue: String = "default", maxAttempts: Int = 10,
        retryDelay: RetryDelay = .exponential(), timeLimit: Duration? = nil,
        results: ResultPolicy = .standard, expires: Duration? = nil,
        whenExpired: Expiry = .bury, priority: Int = 0, fairBy: String? = nil,
        unique: Unique? = nil, rateLimit: RateLimit? = nil,
        concurrencyLimit: ConcurrencyLimit? = nil
    ) {
        self.queue = queue
        self.maxAttempts = maxAttempts
        self.retryDelay = retryDelay
        self.timeLimit = timeLimit
        self.results = results
        self.expires = expires
        self.whenExpired = whenExpired
        self.priority = priority
        self.fairBy = fairBy
        self.unique = unique
        self.rateLimit = rateLimit
        self.concurrencyLimit = concurrencyLimit
    }

    /// How long an outcome is kept; zero for not at all.
    package var keepResult: Duration { results.duration }
}

/// What becomes of a job that was not started in time.
public enum Expiry: String, Sendable, Hashable, CaseIterable {
    /// It goes to the dead, where an operator sees it.
    case bury
    /// It is forgotten; its outcome says `expired`.
    case drop
}

/// How long to wait before a failed job runs again.
public struct RetryDelay: Sendable, Hashable {
    private enum Kind: Hashable {
        case exponential(first: Duration, limit: Duration)
        case list([Duration])
    }

    private let kind: Kind

    /// Doubles from `first` to `limit`, with full jitter: anything from zero to that.
    ///
    /// - Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    public static func exponential(
        first: Duration = .seconds(2), limit: Duration = .seconds(3600)
    ) -> RetryDelay {
        RetryDelay(kind: .exponential(first: first, limit: limit))
    }

    /// Always the same.
    public static func fixed(_ delay: Duration) -> RetryDelay {
        RetryDelay(kind: .list([delay]))
    }

    /// One delay an attempt, the last one for all further attempts; none is no wait.
    public static func list(_ delays: [Duration]) -> RetryDelay {
        RetryDelay(kind: .list(delays))
    }

    /// The wait after the given attempt failed, in ms.
    ///
    /// - Parameter attempt: 1 for the first run.
    package func milliseconds(
        after attempt: Int, using generator: inout some RandomNumberGenerator
    ) -> Int {
        switch kind {
        case .list(let delays):
            guard let last = delays.last else { return 0 }
            return max(
                0, (attempt <= delays.count ? delays[max(0, attempt - 1)] : last).milliseconds)
        case .exponential(let first, let limit):
            let shift = min(max(attempt - 1, 0), 30)
            let ceiling = min(limit.milliseconds, max(0, first.milliseconds) << shift)
            return Int.random(in: 0...max(0, ceiling), using: &generator)
        }
    }
}
