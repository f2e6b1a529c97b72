internal import JobRunner

/// What the server counts of itself, as one INFO says it.
struct ServerCounters: Sendable {
    /// Monotonic ns of this process, when the reply came.
    let at: Int64
    /// User and system CPU of the whole server so far, µs.
    let cpu: Double
    /// Reads from clients' sockets: a pipeline that travels together is one.
    let reads: Int
    /// Commands, those inside scripts included, INFO left out.
    let commands: Int
    /// Script calls and their time in µs, what they call included.
    let scripts: Int
    let scriptTime: Int
    let info: ServerInfo

    /// Asks the server; its own read and command are in the next counts only.
    static func read(_ connection: Connection) async throws -> ServerCounters {
        let text = try await connection.send(Command("INFO", "all")).text ?? ""
        return ServerCounters(text, at: monotonicNanoseconds())
    }

    init(_ text: String, at: Int64) {
        self.at = at
        info = ServerInfo(text)
        cpu = info.cpuMicroseconds
        reads = Int(info.fields["total_reads_processed"] ?? "") ?? 0
        var commands = 0
        var scripts = 0
        var scriptTime = 0
        for (name, value) in info.fields
        where name.hasPrefix("cmdstat_") && name != "cmdstat_info" {
            let counts = Self.counts(value)
            commands += counts["calls"] ?? 0
            guard name == "cmdstat_evalsha" || name == "cmdstat_eval" else { continue }
            scripts += counts["calls"] ?? 0
            scriptTime += counts["usec"] ?? 0
        }
        self.commands = commands
        self.scripts = scripts
        self.scriptTime = scriptTime
    }

    /// `calls=1,usec=2,usec_per_call=2.00` as whole numbers; fractions are left out.
    private static func counts(_ text: String) -> [String: Int] {
        var counts: [String: Int] = [:]
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: "=")
            guard parts.count == 2, let number = Int(parts[1]) else { continue }
            counts[String(parts[0])] = number
        }
        return counts
    }
}
