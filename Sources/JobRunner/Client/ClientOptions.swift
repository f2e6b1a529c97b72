/// How a client reaches Redis and what it promises.
public struct ClientOptions: Sendable {
    /// What all keys begin with.
    public var prefix = "jobrunner"
    /// How long an id is remembered after it was accepted; a resend within it is harmless.
    ///
    /// 60 s is several times `enqueueTimeout`. Zero turns it off: then an `enqueue` whose
    /// reply is lost throws `outcomeUnknown` instead of being sent again.
    public var deduplication: Duration = .seconds(60)
    /// The same for ids that the caller chose.
    public var deduplicationOfOwnIDs: Duration = .seconds(86_400)
    /// Most jobs that may be ready in a queue; 0 is no limit.
    ///
    /// Checked on the server for what this client adds: every producer has its own. Delayed jobs
    /// pass, and what workers give back.
    public var maxLength = 0
    /// The same for single queues, by name.
    public var maxLengths: [String: Int] = [:]
    /// How long `enqueue` waits for room in a full queue before it throws `queueFull`; zero is
    /// at once.
    public var waitWhenFull: Duration = .zero
    /// Bound on one `enqueue` before its last try, which `commandTimeout` bounds.
    public var enqueueTimeout: Duration = .seconds(10)
    /// Sockets shared by all calls; each pipelines what is queued.
    public var connections = 1
    /// Bound on connecting and logging in.
    public var connectTimeout: Duration = .seconds(2)
    /// Bound on a command from call to reply.
    public var commandTimeout: Duration = .seconds(5)
    /// Largest job, bytes.
    public var maxJobBytes = 65_536
    /// Largest outcome that is read, bytes, 1 to 60 MiB; workers bound what they store themselves.
    public var maxResultBytes = 16 << 20
    /// Hears of what is worth a line in a log; on any thread, must be short.
    public var onEvent: @Sendable (ClientEvent) -> Void = { _ in }

    /// The defaults.
    public init() {}

    /// Within what one reply may have.
    var resultBytes: Int { min(max(1, maxResultBytes), 60 << 20) }

    func maxLength(of queue: String) -> Int { maxLengths[queue] ?? maxLength }
}
