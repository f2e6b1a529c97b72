/// The one place that maps a key to a connection.
///
/// A single server has a few shared connections, chosen by the key, so that commands of
/// one queue stay in order. Sentinel and Cluster will choose the server here as well.
public final class RedisRouter: Sendable {
    /// Where it leads, for messages: no password.
    public let address: String

    private let endpoint: Endpoint
    private let options: ConnectionOptions
    private let connections: [Connection]
    private let siblings = Siblings()

    /// Makes the shared connections; each connects with its first command.
    ///
    /// - Parameters:
    ///   - options: For all connections; login and database are the URL's.
    ///   - connections: How many are shared, 1 or more. Each has a thread and pipelines; a
    ///     second one only helps when large replies delay others.
    /// - Throws: `RedisRouterError.notInThisBuild`, or `RedisError.unreachable` when the
    ///   process is out of descriptors.
    public init(_ url: RedisURL, options: ConnectionOptions, connections: Int = 1) throws {
        guard !url.isTLS else {
            throw RedisRouterError.notInThisBuild(
                "TLS", "this build has no TLS; use stunnel or a TLS build")
        }
        switch url.topology {
        case .single(let endpoint): self.endpoint = endpoint
        case .sentinel:
            throw RedisRouterError.notInThisBuild(
                "Sentinel", "this build does not ask Sentinels; use redis://host of the primary")
        case .cluster:
            throw RedisRouterError.notInThisBuild(
                "Cluster", "this build does not speak Redis Cluster; use redis://host")
        }
        var options = options
        options.user = url.user
        options.password = url.password
        options.database = url.database
        self.options = options
        address = url.displayAddress
        var made: [Connection] = []
        for _ in 0..<max(1, connections) {
            made.append(try Connection(to: endpoint, options: options, among: siblings))
        }
        self.connections = made
    }

    /// The shared connection for a key.
    public func connection(for key: String) -> Connection {
        connections.count == 1
            ? connections[0] : connections[abs(key.hashValue % connections.count)]
    }

    /// A new connection for a key, for one user: blocking commands, heartbeats.
    ///
    /// - Parameter isMinor: It needs none of the scripts, and what becomes of it is told nobody.
    /// - Throws: `RedisError.unreachable` when the process is out of descriptors.
    public func dedicated(for key: String, isMinor: Bool = false) throws(RedisError) -> Connection {
        var options = options
        if isMinor {
            options.scripts = []
            options.onEvent = { _ in }
        }
        return try Connection(to: endpoint, options: options, among: siblings)
    }

    /// The same for one that listens as well, and needs none of the scripts.
    ///
    /// - Parameter onEvent: Hears of the connection instead of whom the options name.
    public func listening(
        for key: String, _ subscription: Subscription,
        onEvent: @escaping @Sendable (ConnectionEvent) -> Void
    ) throws(RedisError) -> Connection {
        var options = options
        options.scripts = []
        options.onEvent = onEvent
        return try Connection(
            to: endpoint, options: options, subscription: subscription, among: siblings)
    }

    /// Closes the shared connections; what waits fails.
    public func close() {
        for connection in connections { connection.close() }
    }
}

/// What a URL asks for and this build has not.
@nonexhaustive
public enum RedisRouterError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The feature, and what to do instead.
    case notInThisBuild(String, String)

    /// What to do instead.
    public var description: String {
        switch self {
        case .notInThisBuild(_, let text): text
        }
    }
}
