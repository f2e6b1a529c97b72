/// One address that a socket can connect to.
public enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// A host name or an address (IPv6 without brackets) and a port from 1 to 65535.
    case tcp(host: String, port: Int)
    /// The absolute path of a Unix socket.
    case unix(path: String)

    /// `host:port`, `[::1]:port` or `unix:/path`.
    public var description: String {
        switch self {
        case .tcp(let host, let port):
            host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(printable(path, limit: 120))"
        }
    }
}
