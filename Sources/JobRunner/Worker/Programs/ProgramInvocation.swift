/// What a program is told about the job it runs.
package struct ProgramInvocation: Sendable {
    package let id: String
    package let job: String
    /// 1 for the first run.
    package let attempt: Int
    package let queue: String
    /// The worker's registration number in the queue; grows, so a store can
    /// refuse writes of an older holder.
    package let fence: Int64
    /// It was lost with a worker before: this run may repeat effects of that one.
    package let isRedelivery: Bool
    /// The version of the arguments' form.
    package let version: Int
    /// Time the run may still take, from the call of `run`; nil: as long as it likes.
    package let deadline: Duration?
    /// The arguments, one JSON value; empty means `null`.
    package let arguments: [UInt8]
    /// What it takes from the steps before it, one JSON value; nil when it takes nothing.
    package let input: [UInt8]?

    package init(
        id: String, job: String, attempt: Int, queue: String, fence: Int64,
        isRedelivery: Bool = false, version: Int = 1, deadline: Duration?, arguments: [UInt8],
        input: [UInt8]? = nil
    ) {
        self.id = id
        self.job = job
        self.attempt = attempt
        self.queue = queue
        self.fence = fence
        self.isRedelivery = isRedelivery
        self.version = version
        self.deadline = deadline
        self.arguments = arguments
        self.input = input
    }

    /// The same, told another time left: what waiting for a slot has used up is gone.
    func with(deadline: Duration?) -> ProgramInvocation {
        ProgramInvocation(
            id: id, job: job, attempt: attempt, queue: queue, fence: fence,
            isRedelivery: isRedelivery, version: version, deadline: deadline,
            arguments: arguments, input: input)
    }

    /// What a one-shot program reads: its arguments, with the input as one more member.
    ///
    /// Nil when it takes an input and the arguments are no object, or have a member of that name.
    var document: [UInt8]? {
        guard let input else { return arguments }
        guard let members = JSONText.members(arguments[...]), members["input"] == nil else {
            return nil
        }
        var document = Array(JSONText.trimmed(arguments[...]).dropLast())
        document += Array((members.isEmpty ? "\"input\":" : ",\"input\":").utf8)
        document += input + [UInt8(ascii: "}")]
        return document
    }

    /// What a one-shot program finds in its environment.
    ///
    /// `JOBRUNNER_DEADLINE_MS` is the time left, not a date: clocks differ and
    /// step. It is absent when there is no limit.
    var environment: [String: String] {
        var variables = [
            "JOBRUNNER_JOB_ID": id, "JOBRUNNER_JOB": job, "JOBRUNNER_ATTEMPT": String(attempt),
            "JOBRUNNER_QUEUE": queue, "JOBRUNNER_FENCE": String(fence),
            "JOBRUNNER_REDELIVERY": isRedelivery ? "1" : "0",
            "JOBRUNNER_ARGS_VERSION": String(version),
        ]
        if let deadline { variables["JOBRUNNER_DEADLINE_MS"] = String(deadline.millisecondsUp) }
        return variables
    }

    /// The line a persistent program reads, newline included; nil when the
    /// arguments are not JSON.
    ///
    /// The arguments must be checked: `1,"id":"other"` would add members to
    /// the object, and a newline would end the line.
    var line: [UInt8]? {
        let json = arguments.isEmpty ? Array("null".utf8) : arguments
        guard JSONText.isValid(json) else { return nil }
        var line = Array("{\"id\":".utf8)
        line += JSONText.quoted(id)
        line += Array(",\"job\":".utf8) + JSONText.quoted(job)
        line += Array(",\"attempt\":\(attempt),\"queue\":".utf8) + JSONText.quoted(queue)
        line += Array(",\"fence\":\(fence),\"redelivery\":\(isRedelivery),\"v\":\(version)".utf8)
        if let deadline { line += Array(",\"deadline_ms\":\(deadline.millisecondsUp)".utf8) }
        line += Array(",\"args\":".utf8)
        // In valid JSON a raw line break only ever stands between tokens.
        line += json.lazy.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
        if let input {
            guard JSONText.isValid(input) else { return nil }
            line += Array(",\"input\":".utf8)
            line += input.lazy.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }
        }
        line += Array("}\n".utf8)
        return line
    }
}

extension Duration {
    /// Whole milliseconds from 0 up, rounded up, so that a rest is never told as 0.
    var millisecondsUp: Int64 {
        let (seconds, attoseconds) = components
        guard self > .zero else { return 0 }
        guard seconds < Int64.max / 1000 - 1 else { return .max }
        return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
