/// What INFO says of a server that is to keep jobs, for `doctor` and for `work`.
package struct ServerChecks: Sendable {
    let info: ServerInfo

    package init(_ info: ServerInfo) {
        self.info = info
    }

    package var all: [Finding] {
        guard !info.fields.isEmpty else {
            return [Finding(.skipped, "server", "this user may not run INFO")]
        }
        return [version, role, eviction, persistence, disk, replicas]
    }

    package var version: Finding {
        do throws(ServerFault) {
            let version = try info.requireSupported().version
            return Finding(.ok, "version", "Redis \(printable(version))")
        } catch {
            return Finding(
                .problem, "version", error.description, remedy: "use Redis 7.0 or later, alone")
        }
    }

    package var role: Finding {
        guard info.role != "master" else { return Finding(.ok, "role", "it is the primary") }
        return Finding(
            .problem, "role", "this Redis is a read-only replica", remedy: "connect to the primary")
    }

    package var eviction: Finding {
        let policy = printable(info.evictionPolicy)
        let remedy = "redis-cli CONFIG SET maxmemory-policy noeviction"
        if info.evictionRisk != nil {
            let text = "maxmemory-policy is '\(policy)' and maxmemory is set: jobs could vanish"
            return Finding(.problem, "eviction", text, remedy: remedy)
        }
        guard policy == "noeviction" else {
            let text =
                "maxmemory-policy is '\(policy)': jobs could vanish once maxmemory is set"
            return Finding(.warn, "eviction", text, remedy: remedy)
        }
        return Finding(.ok, "eviction", "nothing is evicted")
    }

    package var persistence: Finding {
        guard !info.isPersistent else { return Finding(.ok, "persistence", "appendonly is on") }
        return Finding(
            .warn, "persistence", "appendonly is off: a Redis restart loses jobs",
            remedy: "redis-cli CONFIG SET appendonly yes")
    }

    /// Whether the last writes to disk succeeded.
    package var disk: Finding {
        let failed = [
            ("aof_last_write_status", "write to the append-only file"),
            ("rdb_last_bgsave_status", "snapshot"),
            ("aof_last_bgrewrite_status", "rewrite of the append-only file"),
        ].filter { info.fields[$0.0, default: "ok"] != "ok" }.map { "the last \($0.1) failed" }
        guard !failed.isEmpty else { return Finding(.ok, "disk", "the last writes succeeded") }
        return Finding(
            .problem, "disk",
            failed.joined(separator: ", ") + ": Redis may refuse jobs, or lose them",
            remedy: "see the log of Redis, and df on its machine")
    }

    package var replicas: Finding {
        let count = Int(info.fields["connected_slaves"] ?? "") ?? 0
        guard count > 0 else { return Finding(.ok, "replicas", "it has none") }
        // INFO has this line only while a least number of replicas is asked for.
        guard info.fields["min_slaves_good_slaves"] == nil else {
            return Finding(.ok, "replicas", "\(count), and writes ask for them")
        }
        let text =
            "min-replicas-to-write is not set: a primary that is cut off goes on taking jobs, "
            + "which a failover then loses"
        return Finding(
            .warn, "replicas", text, remedy: "redis-cli CONFIG SET min-replicas-to-write 1")
    }
}
