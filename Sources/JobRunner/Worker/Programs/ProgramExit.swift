import CSpawn

/// How a process ended.
enum ProgramExit: Equatable {
    case status(Int32)
    case signal(Int32)
    /// Unknown: the host process ignores SIGCHLD, or another part reaped it.
    case lost

    /// Exit statuses with a meaning, from `sysexits.h`: EX_TEMPFAIL, EX_DATAERR.
    private static let retryStatus: Int32 = 75
    private static let buryStatus: Int32 = 65

    /// How the child ended, without reaping it; nil while it runs.
    static func peek(_ pid: pid_t) -> ProgramExit? {
        var number: Int32 = 0
        switch jr_peek_exit(pid, &number) {
        case 0: return nil
        case 1: return .status(number)
        case 2: return .signal(number)
        default: return .lost
        }
    }

    /// What a one-shot program's end and its output mean for the job.
    func outcome(output: [UInt8], lastLine: String?) -> ProgramOutcome {
        guard self == .status(0) else { return failure(lastLine: lastLine) }
        let text = JSONText.trimmed(output[...])
        if text.isEmpty { return .done(Array("null".utf8)) }
        guard JSONText.isValid(text) else {
            return .failed("printed something that is not JSON: \(JSONText.preview(text))")
        }
        return .done(Array(text))
    }

    /// What an end without an answer means for the job.
    func failure(lastLine: String?) -> ProgramOutcome {
        let detail = lastLine.map { ": \($0)" } ?? ""
        switch self {
        case .status(0): return .failed("exited without an answer" + detail)
        case .status(Self.retryStatus): return .retry("exited with 75" + detail)
        case .status(Self.buryStatus): return .bury("exited with 65" + detail)
        case .status(let status): return .failed("exited with \(status)" + detail)
        case .signal(let signal):
            return .failed("ended by signal \(SignalName.text(signal))" + detail)
        case .lost:
            return .failed("ended; how is unknown, since this process ignores SIGCHLD" + detail)
        }
    }
}
