package import RedisLink

/// This process and its way to Redis.
package enum HostChecks {
    /// Milliseconds that two clocks may differ before anybody is told.
    static let clockTolerance = 5 * 60_000

    /// - Parameters:
    ///   - server: ms since 1970 by the server's clock.
    ///   - here: ms since 1970 by this machine's.
    ///   - format: Writes a time for the user.
    package static func clock(server: Int, here: Int, format: (Int) -> String) -> Finding {
        guard abs(server - here) > clockTolerance else {
            return Finding(.ok, "clock", "Redis and this machine agree")
        }
        let text =
            "Redis says it is \(format(server)), this machine \(format(here)): times given as "
            + "absolute are off by that; leases are not"
        return Finding(
            .warn, "clock", text, remedy: "let both machines keep time by NTP")
    }

    package static func login(_ url: RedisURL) -> Finding {
        guard url.password == nil else { return Finding(.ok, "login", "with a password") }
        let hosts: [String] =
            switch url.topology {
            case .single(let endpoint): [host(of: endpoint)].compactMap { $0 }
            case .sentinel(let endpoints, _), .cluster(let endpoints):
                endpoints.compactMap { host(of: $0) }
            }
        guard let far = hosts.first(where: { !isLoopback($0) }) else {
            return Finding(.ok, "login", "without a password, on this machine only")
        }
        return Finding(
            .warn, "login",
            "no password for \(printable(far)): who reaches it may enqueue jobs and read them",
            remedy: "give the Redis user a password, and put it in the URL")
    }

    package static func user(isRoot: Bool) -> Finding {
        guard isRoot else { return Finding(.ok, "user", "not root") }
        return Finding(
            .warn, "user", "this runs as root: so would the handlers of a worker",
            remedy: "run workers as a user of their own")
    }

    private static func host(of endpoint: Endpoint) -> String? {
        if case .tcp(let host, _) = endpoint { host } else { nil }
    }

    private static func isLoopback(_ host: String) -> Bool {
        let isIPv4 = host.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
        return host == "localhost" || host == "::1" || (isIPv4 && host.hasPrefix("127."))
    }
}
