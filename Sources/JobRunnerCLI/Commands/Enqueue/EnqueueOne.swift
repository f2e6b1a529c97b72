internal import JobRunner

/// Enqueues the job of the command line, and waits for it when asked to.
struct EnqueueOne {
    let invocation: Invocation
    let due: Due

    init(_ invocation: Invocation, due: Due) {
        self.invocation = invocation
        self.due = due
    }

    func run() async throws -> ExitCode {
        let draft = try await draft()
        let session = try await EnqueueCommand.session(invocation)
        defer { session.client.close() }
        let handle = try await enqueue(draft, session.client)
        if handle.id != draft.job.id {
            invocation.console.note("\(handle) holds the same key: nothing was enqueued")
        } else if handle.isDuplicate {
            invocation.console.note("\(handle) was enqueued before: nothing was enqueued now")
        }
        let format = invocation[OutputFormat.option]
        var object = JSONObject.versioned
        object.set("handle", handle.description)
        object.set("queue", handle.queue)
        object.set("id", handle.id)
        object.set("duplicate", handle.isDuplicate)
        guard invocation[EnqueueCommand.wait] else {
            invocation.console.print(format.isJSON ? object.text : handle.description)
            return .success
        }
        let outcome = try await outcome(of: handle, session.client)
        if format.isJSON {
            object.set(outcome)
            invocation.console.print(object.text)
        } else if outcome.state == .done {
            invocation.console.print(outcome.shownValue)
        }
        guard outcome.state != .done else { return .success }
        throw CommandFailure(outcome.reason(of: handle.description), exit: .no)
    }

    private func enqueue(_ draft: Draft, _ client: JobClient) async throws -> JobHandle<JSONValue> {
        do {
            return try await client.enqueue(draft, due: due)
        } catch {
            if case JobRunnerError.redis(.server(let refusal)) = error, refusal.code == .WRONGTYPE,
                let key = await client.foreignKey(in: draft.queue)
            {
                throw CommandFailure(key.description, exit: .configuration)
            }
            throw error
        }
    }

    private func outcome(
        of handle: JobHandle<JSONValue>, _ client: JobClient
    ) async throws -> JobOutcome {
        let timeout = invocation[WaitOptions.timeout]
        let delay: Duration =
            switch due {
            case .now: .zero
            case .after(let milliseconds): .milliseconds(milliseconds)
            case .at(let time): .milliseconds(max(0, time - WallClock.milliseconds()))
            }
        do {
            return try await client.waitForOutcome(
                queue: handle.queue, id: handle.id, timeout: delay + timeout,
                isFresh: !handle.isDuplicate)
        } catch JobRunnerError.timedOut {
            throw WaitOptions.timedOut("job \(handle)", timeout, invocation)
        }
    }

    /// Everything that can be wrong with the job is found here, before Redis is asked.
    private func draft() async throws -> Draft {
        let name = invocation[EnqueueCommand.name]
        let limit = invocation[WorkOptions.maxJobSize]
        let id = try invocation.optional(EnqueueCommand.id).map { try JobID($0) }
        let arguments = try await arguments(of: name, limit: limit)
        do throws(EnvelopeError) {
            try EnvelopeWriter.checkArguments(arguments, limits: Envelope.Limits(maxBytes: limit))
        } catch {
            throw CommandFailure("the arguments of '\(name)': \(error)", exit: .data)
        }
        let writer = try EnqueueCommand.writer(
            invocation, name: name, arguments: arguments, id: id)
        do throws(EnvelopeError) {
            return try EnqueueTerms(invocation).draft(
                writer, hasOwnID: id != nil, maxBytes: limit)
        } catch {
            throw CommandFailure("\(error)", exit: .data)
        }
    }

    private func arguments(of name: String, limit: Int) async throws -> [UInt8] {
        let text = invocation.optional(EnqueueCommand.json) ?? "{}"
        guard text == "-" || text.hasPrefix("@") else { return Array(Array(text.utf8).trimmed) }
        let path = text == "-" ? "-" : String(text.dropFirst())
        let (bytes, source) = try await InputFile.all(
            of: path, limit: limit, standardInput: invocation.console.input)
        guard let bytes else {
            throw CommandFailure(
                "\(source) has more than the \(grouped(limit)) bytes that a job may have",
                exit: .data)
        }
        let arguments = Array(bytes.trimmed)
        guard !arguments.isEmpty else {
            throw CommandFailure("\(source) is empty: no arguments are {}", exit: .data)
        }
        return arguments
    }
}
