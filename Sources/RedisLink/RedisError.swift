/// What went wrong between this process and Redis, and what is known after it.
@nonexhaustive
public enum RedisError: Error, Sendable, Equatable {
    /// No connection in time; the command was never sent.
    case unreachable(address: String, reason: String)
    /// No reply within the command's timeout; it may have been executed, or may be later.
    case timeout(address: String, command: String, after: Duration)
    /// The connection broke after the command was sent; it may have been executed.
    case closed(address: String, reason: String)
    /// The caller's task was cancelled; a command already on the wire may be executed.
    case cancelled
    /// The connection was closed by this process before the command was sent.
    case stopped
    /// The server said something that is not RESP, or more of it than the bounds allow.
    case protocolViolation(address: String, reason: String)
    /// The server refused the command; nothing of a single command was done.
    case server(ServerError)
    /// The reply has another shape than the command's; a bug, or another program's script.
    case unexpectedReply(command: String, got: String)

    /// True when the command may have been executed, or may be executed later.
    public var isOutcomeUnknown: Bool {
        switch self {
        case .timeout, .closed, .cancelled, .protocolViolation: true
        case .unreachable, .stopped, .server, .unexpectedReply: false
        }
    }

    /// True when waiting and trying again is what helps: an outage, a restart, a failover.
    public var isTransient: Bool {
        switch self {
        case .unreachable, .timeout, .closed: true
        case .server(let error): error.code.isTransient
        case .cancelled, .stopped, .protocolViolation, .unexpectedReply: false
        }
    }
}

extension RedisError: CustomStringConvertible {
    /// One sentence, safe to show: no payload, no password.
    public var description: String {
        switch self {
        case .unreachable(let address, let reason):
            "cannot reach Redis at \(address): \(reason)"
        case .timeout(let address, let command, let after):
            "Redis at \(address) did not answer \(command) within \(after)"
        case .closed(let address, let reason):
            "the connection to Redis at \(address) broke: \(reason)"
        case .cancelled:
            "the call was cancelled"
        case .stopped:
            "the connection was closed"
        case .protocolViolation(let address, let reason):
            "the server at \(address) does not speak the Redis protocol: \(reason)"
        case .server(let error):
            error.description
        case .unexpectedReply(let command, let got):
            "\(command) was answered with \(got)"
        }
    }
}
