internal import FoundationEssentials
internal import JobRunner

/// `stats` for people: a header, then queues, workers, kinds of jobs, limits and locks.
struct StatsText: Sendable {
    typealias Cell = TextTable.Cell
    typealias Column = TextTable.Column

    let stats: Stats
    /// Columns of the terminal; nil shows all there is.
    var width: Int?
    /// Lines of the terminal; nil is no bound.
    var rows: Int?
    var isColoured = false

    var lines: [String] {
        let head = header + [""]
        let most = limits(after: head.count)
        var lines = head
        if stats.queues.isEmpty {
            lines += wrapped(["no queues yet"])
        } else {
            lines += table(queueColumns, shownQueues(most.queues).map(queueRow))
            lines += more(stats.queues.count, most.queues, "queues")
        }
        for note in notes { lines += [TextWidth.cut(note, to: width ?? .max)] }
        if !stats.workers.isEmpty {
            let workers = stats.workers.prefix(most.workers).map(workerRow)
            lines += [""] + table(Self.workerColumns, workers)
            lines += more(stats.workers.count, most.workers, "workers")
        }
        if !stats.jobs.isEmpty {
            lines += [""] + table(Self.jobColumns, stats.jobs.prefix(most.jobs).map(jobRow))
            lines += more(stats.jobs.count, most.jobs, "job types")
        }
        if !stats.limits.isEmpty {
            let limits = stats.limits.prefix(most.limits).map(LimitText.row)
            lines += [""] + table(LimitText.columns, limits)
            lines += more(stats.limits.count, most.limits, "limits")
        }
        let locks = shownLocks
        if !locks.isEmpty {
            lines += [""] + table(Self.lockColumns, locks.map(lockRow))
            lines += more(stats.lockCount, locks.count, "locks")
        }
        return lines
    }

    /// What a thousand queues leave room for on a screen: half of it is theirs.
    private func limits(
        after used: Int
    ) -> (queues: Int, workers: Int, jobs: Int, limits: Int) {
        guard let rows else { return (.max, .max, .max, .max) }
        // Three heads, three "… more", two blank lines; with limits one more of each.
        let locks = shownLocks.isEmpty ? 0 : shownLocks.count + 3
        let whole = rows - used - notes.count - (stats.limits.isEmpty ? 8 : 11) - locks
        let limits = min(stats.limits.count, max(1, whole / 5))
        let room = max(4, whole - limits)
        let others = stats.queues.count + stats.workers.count
        let jobs = min(stats.jobs.count, max(room / 4, room - others))
        let workers = min(stats.workers.count, max(room / 4, room - jobs - stats.queues.count))
        return (max(2, room - jobs - workers), max(1, workers), max(1, jobs), limits)
    }

    /// Those held longest: three on a screen, whatever else there is.
    private var shownLocks: ArraySlice<LockStats> {
        stats.locks.prefix(rows.map { min(3, max(1, $0 / 12)) } ?? .max)
    }

    /// By name; the idle ones go first when there is no room for all.
    private func shownQueues(_ most: Int) -> [QueueStats] {
        guard stats.queues.count > most else { return stats.queues }
        let weight = { (queue: QueueStats) -> Double in
            if !queue.faults.isEmpty { return .infinity }
            return Double(queue.ready + queue.active + queue.scheduled) + queue.outgoing.fifteen
        }
        let ranked = stats.queues.map { (queue: $0, weight: weight($0)) }
            .sorted { ($1.weight, $0.queue.name) < ($0.weight, $1.queue.name) }
        return ranked.prefix(most).map(\.queue).sorted { $0.name < $1.name }
    }

    private func more(_ count: Int, _ shown: Int, _ what: String) -> [String] {
        count > shown ? [TextWidth.cut("… \(count - shown) more \(what)", to: width ?? .max)] : []
    }

    private func table(_ columns: [Column], _ rows: [[Cell]]) -> [String] {
        TextTable(columns: columns, rows: rows).lines(width: width, isColoured: isColoured)
    }

    // MARK: Header

    private var header: [String] {
        let server = stats.server
        let limit = server.maxBytes > 0 ? " of \(HumanText.bytes(server.maxBytes))" : ""
        let isRisky = server.maxBytes > 0 && server.evictionPolicy != "noeviction"
        let time = stats.time.formatted(Date.ISO8601FormatStyle())
        let first = [
            escaped(stats.prefix), "redis \(escaped(server.version)) @\(escaped(server.address))",
            "used \(HumanText.bytes(server.usedBytes))\(limit)",
            escaped(server.evictionPolicy) + (isRisky ? " (jobs could vanish)" : ""),
            "rtt \(HumanText.span(server.roundTrip))", time,
        ]
        let totals = StatsTotals(stats)
        let odd = WorkerStats.State.allCases.filter { $0 != .working }.compactMap { state in
            let count = stats.workers.count { $0.state == state }
            return count > 0 ? "\(count) \(state.rawValue)" : nil
        }
        let states = odd.isEmpty ? "" : " (\(odd.joined(separator: ", ")))"
        let second =
            [
                "workers \(stats.workers.count)\(states)",
                "slots \(totals.busy)/\(totals.slots) busy",
                "in \(totals.incoming.map { HumanText.rate($0.one) } ?? "?")/s",
                "out \(HumanText.rate(totals.outgoing.one))/s",
                "failed \(HumanText.count(totals.failed)) in 15m",
                "dead \(HumanText.count(totals.dead))",
            ]
            + schedules(totals.schedules)
            + (stats.lockCount > 0 ? ["locks \(HumanText.count(stats.lockCount))"] : [])
        return wrapped(first) + wrapped(second)
    }

    /// `schedules 3 (1 paused, 2 late), next in 12s`; nothing where there are none.
    private func schedules(_ schedules: QueueStats.Schedules) -> [String] {
        guard schedules.count > 0 else { return [] }
        var odd: [String] = []
        if schedules.paused > 0 { odd.append("\(schedules.paused) paused") }
        if schedules.late > 0 { odd.append("\(schedules.late) late") }
        let states = odd.isEmpty ? "" : " (\(odd.joined(separator: ", ")))"
        let next = schedules.nextDue.map { due in
            let left = max(0, due.timeIntervalSince(stats.time))
            return ", next in \(HumanText.span(.milliseconds(Int(min(left, 1e9) * 1000))))"
        }
        return ["schedules \(HumanText.count(schedules.count))\(states)\(next ?? "")"]
    }

    /// Pieces side by side, as many as fit on a line.
    private func wrapped(_ pieces: [String]) -> [String] {
        var lines: [String] = []
        for piece in pieces {
            let piece = TextWidth.cut(piece, to: width ?? .max)
            if let last = lines.last,
                TextWidth.columns(of: last) + 2 + TextWidth.columns(of: piece) <= width ?? .max
            {
                lines[lines.count - 1] = last + "  " + piece
            } else {
                lines.append(piece)
            }
        }
        return lines
    }

    /// What a number cannot say.
    private var notes: [String] {
        let all = stats.queues.flatMap { queue in
            let name = escaped(queue.name)
            let unused = queue.isKnown || !queue.faults.isEmpty
            return (unused ? [] : ["queue '\(name)' has never been used"])
                + (queue.isPaused ? ["queue '\(name)' is \(QueueText.pause(of: queue))"] : [])
                + (queue.muted.isEmpty ? [] : ["queue '\(name)': \(QueueText.muted(of: queue))"])
                + (queue.rate.map { ["queue '\(name)': limited to \(escaped($0))"] } ?? [])
                + queue.faults.prefix(3).map { "queue '\(name)': \(escaped($0, limit: 300))" }
        }
        let most = rows.map { max(1, $0 / 4) } ?? .max
        return all.count <= most
            ? all : all.prefix(most - 1) + ["… \(all.count - most + 1) more notes"]
    }
}
