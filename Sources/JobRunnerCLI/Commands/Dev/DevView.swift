internal import JobRunner

/// What `dev` shows while it runs: a screen on a terminal, else lines as they come.
struct DevView: Sendable {
    /// What stands above the stats, on every screen.
    let head: [String]
    let workerLog: String
    /// What is said where the worker's log would be, when there is no worker.
    let hint: String?
    let source: StatsWatch.Source
    let interval: Duration
    let environment: [String: String]

    static func isDrawing(_ environment: [String: String]) -> Bool {
        Screen.isTerminal && !["", "dumb"].contains(environment["TERM", default: ""])
    }

    /// Returns when the task is cancelled or nobody reads any more.
    func run() async {
        if Self.isDrawing(environment) { await draw() } else { await print() }
    }

    // MARK: On a terminal

    private func draw() async {
        guard Screen.write(Screen.enter) else { return }
        defer { _ = Screen.write(Screen.leave) }
        var log = DevLog(workerLog)
        var last: Stats?
        while !Task.isCancelled {
            var trouble: String?
            do {
                last = try await source()
            } catch {
                trouble = "\(error); trying again"
            }
            _ = log.read()
            let style = HelpStyle.detect(descriptor: 1, environment: environment)
            let rows = max(1, Screen.rows ?? 24)
            let lines = lines(last, trouble, log.last, style, rows: rows)
            guard !Task.isCancelled, Screen.write(Screen.frame(lines, rows: rows)) else { return }
            // From one picture to the next; the cancellation that ends it is seen above.
            try? await Task.sleep(for: interval)
        }
    }

    /// What stands on the screen: the head, the stats, and as much of the log as there is room.
    func lines(
        _ stats: Stats?, _ trouble: String?, _ log: [String], _ style: HelpStyle, rows: Int
    ) -> [String] {
        let top = head.map { TextWidth.cut($0, to: style.width) } + [""]
        // A third of what is left is the log's, at least; it takes what the stats leave, too.
        let room = max(0, rows - top.count)
        let most = max(1, room - max(4, room / 3))
        let seen = StatsWatch.lines(stats, trouble, .table, style, rows: most)
        let middle =
            seen.count <= most
            ? seen : seen.prefix(most - 1) + ["… \(seen.count - most + 1) more lines"]
        let title = hint == nil ? "worker log" : "no worker"
        let rule = TextTable.Tone.heading.paint(title, style.isColoured)
        let below = max(0, room - middle.count - 2)
        let shown =
            hint.map { [$0] }
            ?? log.suffix(below).map { Self.short($0) }
        return top + middle + ["", rule]
            + shown.prefix(below).map { TextWidth.cut($0, to: style.width) }
    }

    /// A line of the log without the day, which is today.
    private static func short(_ line: String) -> String {
        let text = escaped(line, limit: 500)
        let bytes = Array(text.utf8.prefix(24))
        guard bytes.count == 24, bytes[4] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            bytes[23] == UInt8(ascii: "Z")
        else { return text }
        return String(text.dropFirst(11))
    }

    // MARK: Into a pipe

    private func print() async {
        var log = DevLog(workerLog)
        // Once more after the cancellation: what the worker said last is there then.
        var isLast = false
        while true {
            isLast = Task.isCancelled
            for line in log.read() {
                guard Screen.write("worker | \(escaped(line, limit: 4000))\n") else { return }
            }
            if isLast { return }
            // The worker's log is a file that grows: read like `tail -f`.
            try? await Task.sleep(for: .milliseconds(100))
        }
    }
}
