internal import FoundationEssentials

/// What workers hold and run, judged by their own word.
enum WorkChecks {
    /// So many visibility timeouts is longer than a run should take.
    static let mostLeases = 10

    /// A limit that is closed for longer is no answer of a server that was asked too often, ms.
    static let longestClosing = 60_000

    /// Limits that let nothing start.
    static func closedLimits(_ stats: Stats, now: Int, format: (Int) -> String) -> [Finding] {
        stats.limits.compactMap { limit in
            guard let date = limit.closedUntil else { return nil }
            let until = Int(date.timeIntervalSince1970 * 1000)
            let jobs = limit.jobs.prefix(3).map { printable($0) }.joined(separator: ", ")
            let more = limit.jobs.count > 3 ? " and \(limit.jobs.count - 3) more" : ""
            return Finding(
                until - now > longestClosing ? .warn : .ok, "limits",
                "limit '\(printable(limit.name))' is closed until \(format(until)): jobs named "
                    + "\(jobs)\(more) are put off until then",
                remedy: "jobrunner limits open \(printable(limit.name))")
        }
    }

    static func findings(_ stats: Stats) -> [Finding] {
        var leases: [String: Duration] = [:]
        for queue in stats.queues { leases[queue.name] = queue.lease }
        var found: [Finding] = []
        for worker in stats.workers {
            if worker.state == .unknown, worker.held > 0 {
                found.append(
                    Finding(
                        .warn, "workers",
                        "\(printable(worker.id)) holds \(Finding.jobs(worker.held)), and says "
                            + "nothing readable of itself",
                        remedy: "see whether that process is of this version, and runs"))
            }
            for run in worker.running {
                guard let lease = leases[run.queue], run.age > lease * mostLeases else { continue }
                let name = printable(run.job)
                found.append(
                    Finding(
                        .warn, "running", queue: run.queue,
                        "job \(printable(run.id)) ('\(name)') runs for "
                            + "\(run.age.components.seconds) s in \(printable(worker.id)), over "
                            + "\(mostLeases) visibility timeouts",
                        remedy: "give '\(name)' a time limit, or run: jobrunner jobs cancel "
                            + "\(run.queue)/\(printable(run.id))"))
            }
        }
        return found
    }
}
