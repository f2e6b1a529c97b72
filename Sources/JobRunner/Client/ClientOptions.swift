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
    /// Bound on one `enqueue`, resends included.
    public var enqueueTimeout: Duration = .seconds(10)
    /// Sockets shared by all calls; each pipelines what is queued.
    public var connections = 1
    /// Bound on connecting and logging in.
    public var connectTimeout: Duration = .seconds(2)
    /// Bound on a command from call to reply.
    public var commandTimeout: Duration = .seconds(5)
    /// Largest job, bytes.
    public var maxJobBytes = 65_536

    /// The defaults.
    public init() {}
}
