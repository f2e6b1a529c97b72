internal import JobRunner

/// What a bench found, for people.
struct BenchTable {
    let document: BenchDocument

    private typealias Row = (label: String, figure: BenchFigure, unit: String)
    private var settings: BenchSettings { document.settings }

    func render() -> String {
        let rows = groups.map { group in
            (group.title, group.rows.filter { document.figures[$0.figure] != nil })
        }
        var text = heading
        for (title, rows) in rows where !rows.isEmpty {
            text += "\n\(title)\n"
            for row in rows { text += line(row) }
        }
        return text
    }

    private var heading: String {
        let kept = DurationText.format(BenchSettings.kept)
        return "Redis \(escaped(document.redisVersion)), \(ProcessUsage.cores) cores, "
            + "load \(Self.text(document.load)); jobs of \(settings.payload) bytes, concurrency "
            + "\(settings.concurrency), results and ids kept \(kept)\n"
    }

    private func line(_ row: Row) -> String {
        guard let value = document.figures[row.figure] else { return "" }
        var line = "  " + row.label.padded(to: 34) + Self.text(value).padded(to: 12, atEnd: false)
        line += " " + row.unit.padded(to: 7)
        if let ratio = document.figures.ratio(row.figure) {
            line += "  x\(Self.text(ratio))"
        }
        if let spread = document.figures.spread(row.figure) {
            line += "  (\(Self.text(spread.lowerBound)) to \(Self.text(spread.upperBound)))"
        }
        while line.last == " " { line.removeLast() }
        return line + "\n"
    }

    private var groups: [(title: String, rows: [Row])] {
        [
            (
                "Yardstick: this Redis without JobRunner",
                [
                    ("PING, one by one", .pings, "/s"), ("LPUSH, pipelined", .pushes, "/s"),
                    ("LMOVE + LREM + SET, by 64", .plainJobs, "jobs/s"),
                    ("  Redis CPU", .plainRedis, "us/job"),
                ]
            ),
            (
                "Enqueue (x: of the yardstick)",
                [
                    ("one task, \(grouped(settings.jobsFromOne))", .enqueueOne, "jobs/s"),
                    ("64 tasks, \(grouped(settings.jobsFromMany))", .enqueueMany, "jobs/s"),
                    ("in bulk, \(grouped(settings.jobs))", .enqueueBulk, "jobs/s"),
                    ("  Redis CPU", .enqueueRedis, "us/job"),
                    ("  producer CPU", .enqueueProducer, "us/job"),
                ]
            ),
            (
                "Drain of \(grouped(settings.jobs)) no-op jobs, one worker process",
                [
                    ("results kept", .drain, "jobs/s"), ("  Redis CPU", .redis, "us/job"),
                    ("  of it scripts", .redisScripts, "us/job"),
                    ("  worker CPU", .worker, "us/job"),
                    ("  script calls", .cycles, "/1000"),
                    ("  worker memory after it", .residentAfter, "MiB"),
                    ("no results", .drainSilent, "jobs/s"),
                    ("  Redis CPU", .redisSilent, "us/job"),
                    ("  worker CPU", .workerSilent, "us/job"),
                ]
            ),
            (
                "Enqueue to handler at \(settings.rate) jobs/s, \(grouped(settings.latencyJobs))",
                [
                    ("p50", .latency50, "us"), ("p99", .latency99, "us"),
                    ("p999", .latency999, "us"), ("max", .latencyMax, "us"),
                ]
            ),
            (
                "Call and answer, one right after the other, \(grouped(settings.latencyJobs))",
                [("p50", .callNext50, "us"), ("p99", .callNext99, "us")]
            ),
            (
                "Call and answer at \(settings.rate)/s, \(grouped(settings.latencyJobs))",
                [
                    ("p50", .call50, "us"), ("p99", .call99, "us"), ("p999", .call999, "us"),
                    ("max", .callMax, "us"),
                ]
            ),
            (
                "Start after due, \(grouped(settings.latencyJobs)) in "
                    + "\(DurationText.format(LatenessBench.span)) beside \(settings.rate) jobs/s",
                [
                    ("p50", .lateness50, "ms"), ("p99", .lateness99, "ms"),
                    ("max", .latenessMax, "ms"),
                ]
            ),
            (
                "Idle worker, \(DurationText.format(settings.idle))",
                [
                    ("round trips", .idleTrips, "/s"), ("commands", .idleCommands, "/s"),
                    ("worker CPU", .idleCPU, "% core"), ("Redis CPU", .idleRedisCPU, "% core"),
                    ("worker memory", .residentIdle, "MiB"),
                ]
            ),
            (
                "Redis CPU from enqueue to end, \(grouped(WorkflowBench.jobs(settings))) jobs "
                    + "by \(WorkflowBench.size)",
                [
                    ("plain job", .workflowPlain, "us/job"),
                    ("member of a group", .workflowMember, "us/job"),
                    ("step of a chain", .workflowStep, "us/job"),
                ]
            ),
            (
                "Bursts of 1,000 jobs, median of \(ScalingBench.bursts)",
                [
                    ("alone", .burstFew, "jobs/s"),
                    ("\(grouped(settings.ready)) ready", .burstReady, "jobs/s"),
                    ("\(grouped(settings.ready)) scheduled", .burstScheduled, "jobs/s"),
                ]
            ),
        ]
    }

    /// Three digits that matter, thousands grouped.
    private static func text(_ value: Double) -> String {
        if value.magnitude >= 100 { return grouped(Int(value.rounded())) }
        let scale = value.magnitude >= 10 ? 10.0 : 100.0
        let rounded = (value * scale).rounded() / scale
        return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    }
}

extension String {
    fileprivate func padded(to width: Int, atEnd: Bool = true) -> String {
        let pad = String(repeating: " ", count: Swift.max(0, width - count))
        return atEnd ? self + pad : pad + self
    }
}
