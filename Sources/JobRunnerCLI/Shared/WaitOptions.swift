internal import JobRunner

/// What commands that wait for jobs have in common.
enum WaitOptions {
    static let timeout = Option(
        "timeout", short: "t", env: "JOBRUNNER_WAIT_TIMEOUT", default: .seconds(30),
        placeholder: "DURATION",
        help: "How long to wait for jobs that have not ended.",
        read: .duration(.zero ... .seconds(30 * 86_400)))

    /// - Parameter subject: `job default/…`, or how many.
    static func timedOut(
        _ subject: String, _ timeout: Duration, _ invocation: Invocation
    ) -> CommandFailure {
        CommandFailure(
            "\(subject) had no result after \(DurationText.format(timeout))",
            hint: "It may still run: wait longer with --timeout, "
                + "or look with '\(invocation.executable) jobs get'.",
            exit: .temporary)
    }
}

extension JobOutcome {
    /// The value as JSON that may go to a terminal.
    var shownValue: String { valueJSON.map { TerminalJSON.line($0) } ?? "null" }

    /// Why there is no value: `job default/… failed with MailError: no such host`.
    func reason(of handle: String, noun: String = "job") -> String {
        guard let failure else { return "\(noun) \(handle) was \(state.rawValue)" }
        // The worker escaped the text when it kept it: its backslashes are meant.
        let message = escaped(failure.message, limit: 500)
        return state == .cancelled
            ? "\(noun) \(handle) was cancelled: \(message)"
            : "\(noun) \(handle) failed with \(escaped(failure.type)): \(message)"
    }
}

extension JSONObject {
    /// The members that tell how a job ended.
    mutating func set(_ outcome: JobOutcome) {
        set("state", outcome.state.rawValue)
        set("attempt", outcome.attempt)
        set("started", time: outcome.startedAt)
        set("finished", time: outcome.finishedAt)
        set("duration_ms", outcome.finishedAt - outcome.startedAt)
        if outcome.state == .done { set("value", raw: outcome.shownValue) }
        if let failure = outcome.failure {
            var error = JSONObject()
            error.set("type", failure.type)
            error.set("message", failure.message)
            set("error", raw: error.text)
        }
    }
}
