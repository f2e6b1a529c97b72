internal import JobRunner

/// What a supervisor tells of its children, as lines of its log.
enum RosterNews: Sendable, Equatable {
    case notStarted(RosterChild, String)
    case joined(RosterChild)
    case ended(RosterChild, ChildProcess.End, after: Int64)
    case restarting(RosterChild, in: Int64)
    case replacing(RosterChild)
    case killing(RosterChild)
    case rolling
    case rollingGivenUp(RosterChild)
    case quiet
    case draining(Int)
    case givingUp(ExitCode)
    case report([RosterChild], isQuiet: Bool)

    /// - Parameter pid: Of a child, while it has one.
    func lines(pid: (_ serial: Int) -> Int?) -> [LogLine] {
        switch self {
        case .notStarted(let child, let reason):
            [line(.error, "child_not_started", reason, child, pid)]
        case .joined(let child):
            [line(.info, "child_joined", "", child, pid)]
        case .ended(let child, let end, let after):
            [ended(child, end, after, pid)]
        case .restarting(let child, let wait):
            [
                line(
                    .info, "child_restarting", "", child, pid,
                    [
                        ("in_ms", .number(Int(wait / 1_000_000)))
                    ])
            ]
        case .replacing(let child):
            [line(.info, "child_replacing", reason(child), child, pid)]
        case .killing(let child):
            [line(.warning, "child_killed", "it did not end in time", child, pid)]
        case .rolling:
            [LogLine(level: .info, event: "rolling", message: "replacing one child after another")]
        case .rollingGivenUp(let child):
            [
                line(
                    .error, "rolling_given_up",
                    "a new child did not come up: the old ones are kept",
                    child, pid)
            ]
        case .quiet:
            [LogLine(level: .info, event: "quiet", message: "no child takes or gets more jobs")]
        case .draining(let count):
            [
                LogLine(
                    level: .info, event: "draining",
                    message: "waiting for the children; a second TERM stops at once",
                    fields: [("children", .number(count))])
            ]
        case .givingUp(let code):
            [
                LogLine(
                    level: .error, event: "giving_up",
                    message: "no child can work; the cause is above",
                    fields: [("exit_code", .number(Int(code.rawValue)))])
            ]
        case .report(let children, let isQuiet):
            children.map { child in
                line(.info, "report", state(child, isQuiet: isQuiet), child, pid)
            }
        }
    }

    private func ended(
        _ child: RosterChild, _ end: ChildProcess.End, _ after: Int64,
        _ pid: (_ serial: Int) -> Int?
    ) -> LogLine {
        let isFine = child.isAsked && end == .exited(0)
        let how: (String, LogLine.Value) =
            switch end {
            case .exited(let code): ("exit_code", .number(Int(code)))
            case .signalled(let number): ("signal", .text(SignalName.text(number)))
            }
        return line(
            isFine ? .info : .warning, "child_ended", "", child, pid,
            [how, ("ran_ms", .number(Int(after / 1_000_000)))])
    }

    private func reason(_ child: RosterChild) -> String {
        switch child.wear {
        case .jobs: "it has run as many jobs as it may"
        case .memory(let bytes): "it holds \(ByteSize.format(bytes)) of memory"
        case nil: "rolling restart"
        }
    }

    private func state(_ child: RosterChild, isQuiet: Bool) -> String {
        if child.role == .leaving || child.isAsked { return "ends" }
        if !child.hasJoined { return "starts" }
        return isQuiet ? "quiet" : "works"
    }

    private func line(
        _ level: LogLevel, _ event: String, _ message: String, _ child: RosterChild,
        _ pid: (_ serial: Int) -> Int?, _ fields: [(String, LogLine.Value)] = []
    ) -> LogLine {
        var all: [(String, LogLine.Value)] = [("child", .number(child.number))]
        if let pid = pid(child.serial) { all.append(("child_pid", .number(pid))) }
        if let worker = child.worker { all.append(("worker", .text(worker))) }
        return LogLine(level: level, event: event, message: message, fields: all + fields)
    }
}
