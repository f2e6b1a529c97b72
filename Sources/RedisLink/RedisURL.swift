/// Where Redis is, and how to log in: a parsed and checked `redis://` URL.
///
///     redis://[user:password@]host[:port][/database]      also rediss:// for TLS
///     redis://:password@host
///     unix:///path/to/socket[?db=n]                       also unix://:password@/path
///     redis+sentinel://host[:26379],host/master[/database]
///     redis+cluster://host[:port],host
///
/// The user, the password, the socket's path and the master's name may hold percent codes. The
/// database may be given as `?db=n` instead. No text made from a URL holds its password.
public struct RedisURL: Sendable, Hashable {
    /// What kind of deployment stands behind the address.
    public enum Topology: Sendable, Hashable {
        /// One server.
        case single(Endpoint)
        /// The master of that name, as these Sentinels know it; one Sentinel or more.
        case sentinel([Endpoint], master: String)
        /// A cluster, of which these nodes are asked first; one node or more.
        case cluster([Endpoint])
    }

    /// The kind of deployment and its addresses.
    public let topology: Topology
    /// Whether connections are encrypted (`rediss`).
    public let isTLS: Bool
    /// The ACL user to log in as; nil for the default user.
    public let user: String?
    /// The password to log in with; nil when there is no login, empty only beside a user.
    public let password: String?
    /// The database to select, 0 to 2³¹ − 1; which of them exist, the server knows.
    public let database: Int

    /// Parses a URL.
    ///
    /// - Throws: `RedisURLError`: what is wrong with it, without its password.
    public init(_ text: String) throws(RedisURLError) {
        do {
            var parser = RedisURLParser(text)
            self = try parser.parse()
        } catch {
            throw RedisURLError(url: redact(text), reason: error.reason)
        }
    }

    /// Makes a URL from parts that were checked before.
    package init(
        _ topology: Topology, isTLS: Bool = false, user: String? = nil, password: String? = nil,
        database: Int = 0
    ) {
        self.topology = topology
        self.isTLS = isTLS
        self.user = user
        self.password = password
        self.database = database
    }
}

/// Why a text is no Redis URL; neither part holds the password.
public struct RedisURLError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The text as given, cut to 80 characters, secrets replaced by `***`.
    public let url: String
    /// What is wrong, such as `port must be 1 to 65535`.
    public let reason: String

    /// One line: `redis URL 'redis://h:99999': port must be 1 to 65535`.
    public var description: String { "redis URL '\(url)': \(reason)" }
}

extension RedisURL: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The address alone, for messages: `host:port`, `unix:/path`, `h1:26379,h2:26379/master`.
    public var displayAddress: String {
        switch topology {
        case .single(let endpoint): endpoint.description
        case .sentinel(let endpoints, let master): "\(list(endpoints))/\(printable(master))"
        case .cluster(let endpoints): list(endpoints)
        }
    }

    /// The URL with `***` for the password.
    public var description: String {
        let tls = isTLS ? "rediss" : "redis"
        let login = password == nil ? "" : "\(printable(user ?? "")):***@"
        let suffix = database == 0 ? "" : "/\(database)"
        switch topology {
        case .single(.unix(let path)):
            let option = database == 0 ? "" : "?db=\(database)"
            return "unix://\(login)\(printable(path, limit: 120))\(option)"
        case .single: return "\(tls)://\(login)\(displayAddress)\(suffix)"
        case .sentinel: return "\(tls)+sentinel://\(login)\(displayAddress)\(suffix)"
        case .cluster: return "\(tls)+cluster://\(login)\(displayAddress)"
        }
    }

    /// The same as `description`: debuggers and logs get no password either.
    public var debugDescription: String { description }

    /// A mirror without the password, so that `dump` does not print it.
    public var customMirror: Mirror {
        Mirror(self, children: ["url": description], displayStyle: .struct)
    }

    private func list(_ endpoints: [Endpoint]) -> String {
        endpoints.map(\.description).joined(separator: ",")
    }
}
