/// Why a private `redis-server` did not start.
public enum RedisServerError: Error, Equatable, CustomStringConvertible {
    /// No `redis-server` on `PATH`.
    case notInstalled
    /// A system call failed: which one, and what the system said.
    case system(call: String, reason: String)
    /// The path of the socket would not fit into a socket address.
    case pathTooLong(String)
    /// The server ended before it answered, and what it said.
    case ended(String)
    /// The server runs but did not answer in time, and what it said.
    case silent(String)

    /// What to tell the person who runs the tests.
    public var description: String {
        switch self {
        case .notInstalled:
            """
            redis-server is not on PATH, and these tests start a private one. Install it with \
            `apt-get install redis-server` (Debian, Ubuntu) or `brew install redis` (macOS), \
            or see https://redis.io/docs/latest/operate/oss_and_stack/install/
            """
        case .system(let call, let reason): "cannot start redis-server: \(call): \(reason)"
        case .pathTooLong(let path):
            "cannot start redis-server in \(path): too long for a socket, use a shorter directory"
        case .ended(let said): "redis-server ended before it answered. It said:\n\(said)"
        case .silent(let said): "redis-server runs but does not answer. It said:\n\(said)"
        }
    }

    /// The same error with the end of the server's log in its text.
    func adding(log: String) -> RedisServerError {
        switch self {
        case .ended(let said): .ended(said + log)
        case .silent(let said): .silent(said + log)
        case .notInstalled, .system, .pathTooLong: self
        }
    }
}
