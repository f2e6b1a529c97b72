package import RedisLink

/// What INFO says of the server.
package struct ServerInfo: Sendable {
    package let fields: [String: String]

    package init(_ text: String) {
        var fields: [String: String] = [:]
        for line in text.split(whereSeparator: { $0 == "\r\n" || $0 == "\n" || $0 == "\r" }) {
            guard line.first != "#", let colon = line.firstIndex(of: ":") else { continue }
            fields[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        self.fields = fields
    }

    package var version: String { fields["redis_version"] ?? "unknown" }
    package var usedMemory: Int { Int(fields["used_memory"] ?? "") ?? 0 }
    package var maxMemory: Int { Int(fields["maxmemory"] ?? "") ?? 0 }
    package var evictionPolicy: String { fields["maxmemory_policy"] ?? "noeviction" }
    package var isPersistent: Bool { fields["aof_enabled"] == "1" }
    package var role: String { fields["role"] ?? "master" }
    package var isClusterNode: Bool { fields["cluster_enabled"] == "1" }

    /// Server CPU so far, user and system, in µs.
    package var cpuMicroseconds: Double {
        let seconds =
            (Double(fields["used_cpu_user"] ?? "") ?? 0)
            + (Double(fields["used_cpu_sys"] ?? "") ?? 0)
        return seconds * 1e6
    }

    /// - Throws: `unsupported` when jobs cannot be kept there.
    package func requireSupported() throws(ServerFault) -> ServerInfo {
        let major = Int(version.prefix { $0 != "." }) ?? 0
        guard major >= 7 else {
            throw ServerFault("Redis \(printable(version)) is too old: 7.0 or later is needed")
        }
        if isClusterNode {
            throw ServerFault("this server is a cluster node; use redis+cluster://")
        }
        return self
    }

    /// Why jobs could vanish, by eviction; nil when they cannot.
    package var evictionRisk: String? {
        guard maxMemory > 0, evictionPolicy != "noeviction" else { return nil }
        return "maxmemory-policy is '\(evictionPolicy)': jobs could vanish; "
            + "set 'noeviction' (or --allow-eviction)"
    }
}

/// A server that this build cannot work with.
package struct ServerFault: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}

extension JobClient {
    /// Asks the server about itself.
    package func serverInfo(timeout: Duration? = nil) async throws(RedisError) -> ServerInfo {
        let connection = router.connection(for: keys.queues)
        let reply = try await connection.send(Command("INFO"), timeout: timeout)
        return ServerInfo(reply.text ?? "")
    }
}
