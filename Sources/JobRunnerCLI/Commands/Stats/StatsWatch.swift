internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// `stats --watch`: draws over itself on a terminal, prints block after block into a pipe.
struct StatsWatch: Sendable {
    typealias Source = @Sendable () async throws -> Stats

    let source: Source
    let output: StatsCommand.Output
    let interval: Duration
    let environment: [String: String]

    func run() async throws -> ExitCode {
        do {
            if isDrawing { try await draw() } else { try await print() }
            return .success
        } catch {
            throw CommandFailure(error)
        }
    }

    /// JSON is for programs, even on a terminal.
    private var isDrawing: Bool {
        Screen.isTerminal && [.table, .wide].contains(output)
            && !["", "dumb"].contains(environment["TERM", default: ""])
    }

    // MARK: On a terminal

    private func draw() async throws {
        let task = Task { try await redraw() }
        SignalThread.start([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP]) { number in
            guard number == SIGTSTP else { return task.cancel() }
            _ = Screen.write(Screen.leave)
            raise(SIGSTOP)
            _ = Screen.write(Screen.enter)
        }
        guard Screen.write(Screen.enter) else { return task.cancel() }
        defer { _ = Screen.write(Screen.leave) }
        do {
            try await task.value
        } catch {
            // Cancelled is how a watch ends.
            if !task.isCancelled { throw error }
        }
    }

    private func redraw() async throws {
        var last: Stats?
        while !Task.isCancelled {
            var trouble: String?
            do {
                last = try await source()
            } catch {
                trouble = try Self.passing(error)
            }
            var style = HelpStyle.detect(descriptor: 1, environment: environment)
            // Wide lines are cut at the right edge, which colours would be in the way of.
            if output == .wide { style.isColoured = false }
            let rows = max(1, Screen.rows ?? 24)
            let lines = Self.lines(last, trouble, output, style, rows: rows)
            guard !Task.isCancelled, Screen.write(Screen.frame(lines, rows: rows)) else { return }
            try await Task.sleep(for: interval)
        }
    }

    /// What stands on the screen: the last look, and above it why it is not newer.
    static func lines(
        _ stats: Stats?, _ trouble: String?, _ output: StatsCommand.Output, _ style: HelpStyle,
        rows: Int
    ) -> [String] {
        var lines: [String] = []
        if let trouble {
            let text = TextWidth.cut(escaped(trouble, limit: 300), to: style.width)
            lines.append(TextTable.Tone.bad.paint(text, style.isColoured))
        }
        if let stats {
            lines += StatsCommand.lines(stats, output, style, rows: rows - lines.count)
        }
        return output == .wide ? lines.map { TextWidth.cut($0, to: style.width) } : lines
    }

    /// What an outage says, as it passes; anything else is thrown.
    private static func passing(_ error: any Error) throws -> String {
        guard case JobRunnerError.redis(let cause) = error, cause.isTransient else { throw error }
        return "\(cause); trying again"
    }

    // MARK: Into a pipe

    private func print() async throws {
        var isFirst = true
        while true {
            do {
                let stats = try await source()
                let style = HelpStyle.detect(descriptor: 1, environment: environment)
                let blank = isFirst || output == .json ? "" : "\n"
                guard Screen.write(blank + StatsCommand.text(stats, output, style)) else { return }
                isFirst = false
            } catch {
                SystemFile.write("\(escaped(try Self.passing(error), limit: 300))\n", to: 2)
            }
            try await Task.sleep(for: interval)
        }
    }
}
