/// How a connection logs in, how long it waits, and what it loads.
public struct ConnectionOptions: Sendable {
    /// The ACL user; nil is `default`.
    public var user: String?
    /// The password; nil sends no AUTH.
    public var password: String?
    /// The database number; 0 sends no SELECT.
    public var database = 0
    /// Shown by CLIENT LIST; letters, digits and `-`.
    public var name = "jobrunner"
    /// Bound on connecting and logging in.
    public var connectTimeout: Duration = .seconds(2)
    /// Bound on a command from call to reply, waiting for a connection included.
    public var commandTimeout: Duration = .seconds(5)
    /// Loaded by SCRIPT LOAD once it is logged in.
    public var scripts: [Script] = []
    /// Most bytes of one reply.
    public var maxReplyBytes = 64 << 20
    /// Hears of connects and disconnects, on the connection's thread.
    public var onEvent: @Sendable (ConnectionEvent) -> Void = { _ in }

    /// The defaults.
    public init() {}
}

extension ConnectionOptions: CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// The database and the name, never the login.
    public var description: String { "database \(database), client '\(name)'" }

    /// The same: string interpolation in a log must not show a password either.
    public var debugDescription: String { description }

    /// A mirror without the password, so that `dump` of a connection does not print it.
    public var customMirror: Mirror {
        Mirror(self, children: ["options": description], displayStyle: .struct)
    }
}

/// What happens to a connection, for logs.
@nonexhaustive
public enum ConnectionEvent: Sendable {
    /// Connected and logged in.
    case connected(Endpoint)
    /// A connection that was up broke.
    case lost(Endpoint, reason: String)
    /// A try to connect failed; the next comes after `retryIn`.
    case failed(Endpoint, error: RedisError, retryIn: Duration)
}
