// What comes from a process.
extension ProgramPool {
    /// A channel of a process can be read or written.
    func ready(
        _ process: ProgramProcess, _ channel: ProgramProcess.Channel,
        buffer: UnsafeMutableRawBufferPointer, now: ContinuousClock.Instant
    ) {
        switch channel {
        case .input:
            process.flush()
            stopIfDeaf(process, now: now)
        case .output, .errors: _ = read(process, channel, buffer: buffer, now: now)
        case .exit:
            process.checkExit(now: now)
            retire(process)
        }
    }

    /// Reads once, and takes what came.
    ///
    /// - Returns: Whether there may be more.
    func read(
        _ process: ProgramProcess, _ channel: ProgramProcess.Channel,
        buffer: UnsafeMutableRawBufferPointer, now: ContinuousClock.Instant
    ) -> Bool {
        let reading = process.read(channel, into: buffer, now: now)
        // At the end of its output it is ending, or can never answer again.
        if channel == .output, reading == .end { retire(process) }
        guard case .bytes(let count) = reading else { return false }
        let bytes = UnsafeRawBufferPointer(buffer).prefix(count)
        if channel == .errors {
            process.lines.append(bytes) { log($0, isCut: $1, of: process) }
        } else if process.verdict == nil {
            printed(bytes, by: process, now: now)
        }
        return true
    }

    private func printed(
        _ bytes: Slice<UnsafeRawBufferPointer>, by process: ProgramProcess,
        now: ContinuousClock.Instant
    ) {
        var rest = bytes
        while !rest.isEmpty, process.verdict == nil {
            let newline =
                process.program.isPersistent ? rest.firstIndex(of: UInt8(ascii: "\n")) : nil
            process.received += rest[..<(newline ?? rest.endIndex)]
            if process.received.count > settings.outputLimit {
                let text = "printed more than \(Self.grouped(settings.outputLimit)) bytes"
                return stop(process, .failed(text), grace: .zero, now: now)
            }
            guard let newline else { return }
            answered(process, now: now)
            rest = rest[(newline + 1)...]
        }
    }

    /// A persistent program completed a line.
    private func answered(_ process: ProgramProcess, now: ContinuousClock.Instant) {
        let line = JSONText.trimmed(process.received[...])
        process.received = []
        if line.isEmpty { return }
        guard let run = process.run else {
            let text = "printed without being asked: \(JSONText.preview(line))"
            return stop(process, .failed(text), now: now)
        }
        switch ProgramAnswer.read(line, id: run.invocation.id) {
        case .violation(let text): stop(process, .failed(text), now: now)
        case .outcome(let outcome):
            free(process, with: outcome)
            if process.ended == nil, case .none = process.stop {
                idle[process.program.path, default: []].append(process)
            }
        }
    }

    /// Gives it no further job.
    func retire(_ process: ProgramProcess) {
        idle[process.program.path]?.removeAll { $0 === process }
    }

    /// Passes a line on, with the job that was running.
    func log(_ text: String, isCut: Bool, of process: ProgramProcess) {
        let invocation = process.run?.invocation
        settings.log(
            ProgramLogLine(
                program: process.program.name, jobID: invocation?.id, attempt: invocation?.attempt,
                text: text, isCut: isCut))
    }

    /// 1048576 as 1,048,576.
    private static func grouped(_ number: Int) -> String {
        let digits = String(number)
        return digits.enumerated().reduce(into: "") { text, digit in
            if digit.offset > 0, (digits.count - digit.offset) % 3 == 0 { text += "," }
            text.append(digit.element)
        }
    }
}
