public import RedisLink

/// What a client tells of itself, for logs.
@nonexhaustive
public enum ClientEvent: Sendable {
    /// The server does not tell this client of changes, so results are read at intervals of 10 ms,
    /// growing to 1 s, instead; told once.
    ///
    /// The user needs the rights `+client|tracking`, `+client|caching`, `+getrange`, `+subscribe`
    /// and `&__redis__:invalidate`; some proxies and hosted servers do not have the command.
    case readsResultsAtIntervals(because: RedisError)
}

extension ClientEvent: CustomStringConvertible {
    /// One sentence.
    public var description: String {
        switch self {
        case .readsResultsAtIntervals(let error):
            "Redis does not tell of results, so they are looked for at intervals of up to 1 s: "
                + error.description
        }
    }
}
