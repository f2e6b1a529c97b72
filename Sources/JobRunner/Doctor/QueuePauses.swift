internal import RedisLink

/// What of a queue is paused: all of it, or kinds of jobs.
struct QueuePauses: Sendable {
    /// Server ms; 1 is until somebody says so; nil is not paused.
    private var until: Int?
    private var since: Int?
    private var why = ""
    /// Kinds of jobs.
    private var muted: [KindPause] = []
    /// Since when jobs of such a kind wait aside, server ms.
    private var aside: [String: Int] = [:]

    init() {}

    /// - Parameters:
    ///   - meta: `paused`, `since`, `why`, `muted` and `whys`.
    ///   - aside: What jobs wait for aside, each with since when.
    init(_ meta: ArraySlice<RedisValue>, aside: [(String, Int)]) {
        let meta = Array(meta)
        guard meta.count == 5 else { return }
        if meta[0] != .null { until = meta[0].integer ?? 1 }
        since = meta[1].integer
        why = meta[2].text ?? ""
        muted = KindPause.all(muted: meta[3].text, whys: meta[4].text)
        for (what, since) in aside where what.hasPrefix("paused/") {
            self.aside[String(what.dropFirst("paused/".count))] = since
        }
    }

    /// A pause that keeps jobs back and ends by nobody's hand is a warning; others are only told.
    func findings(
        queue: String, ready: Int, now: Int, format: (Int) -> String
    ) -> [Finding] {
        var found: [Finding] = []
        if let until, until <= 1 || until > now {
            let start = since.map { " since \(format($0))" } ?? ""
            let end = until > 1 ? " until \(format(until))" : " without an end"
            let waits = ready > 0 ? " while \(Finding.jobs(ready)) wait" : ""
            let reason = why.isEmpty ? "" : ": \(printable(why, limit: 250))"
            found.append(
                Finding(
                    until <= 1 && ready > 0 ? .warn : .ok, "pause", queue: queue,
                    "paused\(start)\(end)\(waits)\(reason)",
                    remedy: "jobrunner queues resume \(queue)"))
        }
        for kind in muted.prefix(20) {
            let name = printable(kind.name)
            let start = kind.since.map { " since \(format($0))" } ?? ""
            let waits = aside[kind.name].map { ", and such jobs wait since \(format($0))" } ?? ""
            let reason = kind.why.isEmpty ? "" : ": \(printable(kind.why, limit: 250))"
            found.append(
                Finding(
                    waits.isEmpty ? .ok : .warn, "pause", queue: queue,
                    "jobs named \(name) are paused\(start)\(waits)\(reason)",
                    remedy: "jobrunner jobs resume \(name) -q \(queue)"))
        }
        return found
    }
}
