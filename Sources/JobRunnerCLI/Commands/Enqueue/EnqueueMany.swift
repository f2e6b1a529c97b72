internal import JobRunner

/// Enqueues the lines of a file, batch after batch.
///
/// The next batch is read while one is sent, and is sent when that one is answered: so every line
/// up to the one that is reported is done, and a run that was stopped can be resumed there.
struct EnqueueMany {
    let invocation: Invocation
    let due: Due
    private var tally = EnqueueTally()
    /// Bad lines that were told one by one; more would only flood the terminal.
    private static let mostTold = 10

    init(_ invocation: Invocation, due: Due) {
        self.invocation = invocation
        self.due = due
    }

    mutating func runListening(_ interrupts: Interrupts) async throws -> ExitCode {
        let file = try InputFile(
            invocation.optional(EnqueueCommand.ndjson) ?? "-",
            standardInput: invocation.console.input)
        let make = try Self.making(invocation)
        let session = try await EnqueueCommand.session(invocation)
        defer { session.client.close() }
        let invocation = invocation
        let members: LineBatcher.Members =
            if invocation.optional(EnqueueCommand.name) != nil {
                .any
            } else {
                invocation[EnqueueCommand.strict] ? .refused : .told
            }
        let reader = BatchReader(interrupts: interrupts) {
            LineBatcher(
                file, interrupts: interrupts, maxJobBytes: invocation[WorkOptions.maxJobSize],
                skip: invocation.optional(EnqueueCommand.skip) ?? 0,
                skipsBad: invocation[EnqueueCommand.skipBad], members: members, make: make)
        }
        defer { reader.stop() }
        var progress = EnqueueProgress(invocation, size: file.size)
        var end = LineBatch.End.open
        var failure: CommandFailure?
        while end == .open, failure == nil {
            let batch = await reader.next()
            tell(batch.skipped, of: file, &progress)
            tell(batch.strange, of: file, &progress)
            let answers = await session.client.enqueueEach(batch.drafts, due: due)
            failure = note(answers, of: batch, session.client)
            end = batch.end
            progress.draw(tally)
        }
        progress.clear()
        invocation.console.note(tally.summary(after: progress.elapsed))
        if invocation[OutputFormat.option].isJSON, !invocation[EnqueueCommand.printIDs] {
            invocation.console.print(object(after: progress.elapsed))
        }
        if var failure {
            failure.hint = resumption
            throw failure
        }
        return try exit(at: end, of: file)
    }

    func run() async throws -> ExitCode {
        var copy = self
        if let interrupts = invocation.console.interrupts {
            return try await copy.runListening(interrupts)
        }
        let interrupts = try Interrupts()
        return try await interrupts.listening { try await copy.runListening(interrupts) }
    }

    /// How a line becomes a job.
    private static func making(_ invocation: Invocation) throws -> LineBatcher.Making {
        let limit = invocation[WorkOptions.maxJobSize]
        let limits = Envelope.Limits(maxBytes: limit)
        let queue = try QueueName(
            invocation.optional(EnqueueCommand.queue) ?? QueueName.default.description)
        guard let name = invocation.optional(EnqueueCommand.name) else {
            return { line throws(EnvelopeError) in
                try Draft(envelope: line, queue: queue, maxBytes: limit)
            }
        }
        let pattern = try EnqueueCommand.writer(invocation, name: name, arguments: [])
        let terms = EnqueueTerms(invocation)
        return { line throws(EnvelopeError) in
            try EnvelopeWriter.checkArguments(line, limits: limits)
            var writer = pattern
            let now = Int64(WallClock.milliseconds())
            writer.id = JobID.generate(now: now)
            writer.enqueued = now
            writer.arguments = line
            return try terms.draft(writer, hasOwnID: false, maxBytes: limit)
        }
    }

    /// Counts what became of a batch and prints the handles.
    ///
    /// - Returns: The first failure.
    private mutating func note(
        _ answers: [JobClient.Answer], of batch: LineBatch, _ client: JobClient
    ) -> CommandFailure? {
        var failure: CommandFailure?
        var handles: [String] = []
        for (index, answer) in answers.enumerated() {
            switch answer {
            case .success(.accepted), .success(.replaced):
                tally.accepted += 1
                handles.append(shown(batch.drafts[index]))
            case .success(.duplicate):
                tally.duplicates += 1
                handles.append(shown(batch.drafts[index], isDuplicate: true))
            case .success(.held(let holder)):
                tally.held += 1
                handles.append(shown(batch.drafts[index], isDuplicate: true, id: holder))
            case .success(.full):
                let error = client.full(batch.drafts[index].queue)
                if failure == nil { fail(error, at: batch.numbers[index]) }
            case .failure(let error):
                if failure == nil { fail(error, at: batch.numbers[index]) }
            }
        }
        func fail(_ error: JobRunnerError, at line: Int) {
            failure = CommandFailure(error)
            tally.lines = line - 1
        }
        if failure == nil {
            tally.lines = batch.lastLine
            tally.bytes = batch.consumed
        }
        if invocation[EnqueueCommand.printIDs], !handles.isEmpty {
            invocation.console.print(handles.joined(separator: "\n"))
        }
        return failure
    }

    /// - Parameter id: Of another job that holds its key.
    private func shown(_ draft: Draft, isDuplicate: Bool = false, id: String? = nil) -> String {
        guard invocation[EnqueueCommand.printIDs] else { return "" }
        let id = id ?? draft.job.id
        let handle = "\(draft.queue)/\(id)"
        guard invocation[OutputFormat.option].isJSON else { return handle }
        var object = JSONObject.versioned
        object.set("handle", handle)
        object.set("queue", draft.queue)
        object.set("id", id)
        object.set("duplicate", isDuplicate)
        return object.text
    }

    private mutating func tell(
        _ bad: [LineBatch.BadLine], of file: InputFile, _ progress: inout EnqueueProgress
    ) {
        for line in bad {
            tally.bad += 1
            guard tally.bad <= Self.mostTold else { continue }
            progress.clear()
            invocation.console.note("\(file.name):\(line.number): \(line.reason)")
            if tally.bad == Self.mostTold {
                invocation.console.note("further bad lines are only counted")
            }
        }
    }

    private func tell(
        _ strange: [StrangeMember], of file: InputFile, _ progress: inout EnqueueProgress
    ) {
        for member in strange {
            progress.clear()
            invocation.console.note("\(file.name):\(member.line): \(member.text)")
        }
    }

    private func object(after elapsed: Duration) -> String {
        var object = JSONObject.versioned
        object.set("accepted", tally.accepted)
        object.set("duplicates", tally.duplicates)
        object.set("held", tally.held)
        object.set("bad_lines", tally.bad)
        object.set("lines", tally.lines)
        object.set("elapsed_ms", elapsed.milliseconds)
        return object.text
    }

    private var resumption: String {
        "\(EnqueueTally.count(tally.accepted, "job")) accepted, "
            + "\(EnqueueTally.count(tally.lines, "line")) done; go on with --skip \(tally.lines)."
    }

    private func exit(at end: LineBatch.End, of file: InputFile) throws -> ExitCode {
        switch end {
        case .badLine(let line):
            throw CommandFailure(
                "\(file.name):\(line.number): \(line.reason)",
                hint: resumption + " Or leave bad lines out with --skip-bad.", exit: .data)
        case .interrupted:
            throw CommandFailure("interrupted", hint: resumption, exit: .temporary)
        case .unreadable(var failure):
            failure.hint = resumption
            throw failure
        case .open, .endOfFile:
            return tally.bad > 0 ? .data : .success
        }
    }
}
