/// An error reply: its first word, as a code to switch on, and its text.
public struct ServerError: Error, Sendable, Equatable {
    /// The first word of the reply, such as `OOM`.
    public let code: Code
    /// The whole text of the reply, as the server sent it, cut to 300 bytes.
    public let message: String

    /// Reads an error reply as the server sent it, without its leading `-`.
    public init(_ text: String) {
        // By bytes: one Character may be a megabyte of combining marks.
        message =
            text.utf8.count <= 300 ? text : String(decoding: text.utf8.prefix(300), as: UTF8.self)
        let word = message.prefix { $0 != " " }
        code = Code(rawValue: String(word)) ?? .other
    }

    /// The error words of Redis 7 that a client meets.
    @nonexhaustive
    public enum Code: String, Sendable, CaseIterable {
        /// The words, as the server spells them.
        case ERR, WRONGTYPE, NOAUTH, WRONGPASS, NOPERM, OOM, READONLY, LOADING, MISCONF
        /// The words of replication, clusters and scripts.
        case NOREPLICAS, MASTERDOWN, BUSY, NOSCRIPT, MOVED, ASK, CLUSTERDOWN, TRYAGAIN
        /// The words a blocked or misrouted command hears.
        case CROSSSLOT, UNBLOCKED, EXECABORT, NOPROTO
        /// Any other first word.
        case other

        /// True when the same command may succeed later without anybody's help.
        public var isTransient: Bool {
            switch self {
            case .READONLY, .LOADING, .MISCONF, .NOREPLICAS, .MASTERDOWN, .BUSY, .CLUSTERDOWN,
                .TRYAGAIN, .UNBLOCKED, .OOM:
                true
            default: false
            }
        }

        /// What to do next, in one sentence; empty when the message says all there is.
        public var advice: String {
            switch self {
            case .NOAUTH: "Redis wants a password: put it in the URL, redis://:password@host."
            case .WRONGPASS: "Redis refused the login: check user name and password."
            case .NOPERM:
                "The Redis user may not do this: see ACL LOG, and give it the command and key."
            case .OOM: "Redis is out of memory: raise maxmemory, or let the workers drain."
            case .READONLY: "This Redis is a read-only replica: connect to the primary."
            case .LOADING: "Redis is loading its data: wait."
            case .MISCONF: "Redis cannot write its disk: mend the disk; see its log."
            case .NOREPLICAS: "Redis has fewer replicas than min-replicas-to-write asks for."
            case .MASTERDOWN: "This replica has lost its primary: connect to the primary."
            case .BUSY: "A script runs too long: SCRIPT KILL ends one that has not written."
            case .MOVED, .ASK: "This server is a cluster node: use redis+cluster://."
            case .CLUSTERDOWN: "The cluster does not serve this key now: see CLUSTER INFO."
            case .CROSSSLOT:
                "Keys of one command are in two slots: this is a bug; please report it."
            case .WRONGTYPE: "A key holds another type: it was not made by jobrunner."
            case .ERR, .NOSCRIPT, .TRYAGAIN, .UNBLOCKED, .EXECABORT, .NOPROTO, .other: ""
            }
        }
    }
}

extension ServerError: CustomStringConvertible {
    /// The server's text, fit for a terminal, and what to do next.
    public var description: String {
        let text = printable(message, limit: 300)
        if code.advice.isEmpty { return text }
        return text + (text.hasSuffix(".") ? " " : ". ") + code.advice
    }
}
