internal import JobRunner

/// `jobrunner flows start`: starts the workflow of a file.
enum FlowsStart {
    static let file = Argument(
        "file", help: "The workflow as JSON; - reads standard input.", read: .path)
    static let queue = Option<String>(
        "queue", short: "q", env: "JOBRUNNER_FLOWS_QUEUE", default: nil, placeholder: "NAME",
        help: "Its home, where it is found; the queue of its first job unless given.", read: .name)
    static let id = Option<String>(
        "id", env: "JOBRUNNER_FLOWS_ID", default: nil, placeholder: "ID",
        help: "Its id, at most 30 characters: under the same one it is started once.", read: .name)
    static let name = Option<String>(
        "name", env: "JOBRUNNER_FLOWS_NAME", default: nil, placeholder: "TEXT",
        help: "What people call it, instead of the file's name for it.", read: .text)
    static let keep = Option(
        "keep", env: "JOBRUNNER_FLOWS_KEEP", default: .seconds(86_400), placeholder: "DURATION",
        help: "How long its result is kept after its end; its steps for a minute at the least.",
        read: .duration(.seconds(1)...JobClient.longestFlow))
    static let wait = Option<Duration>(
        "wait", short: "w", env: "JOBRUNNER_FLOWS_WAIT", default: nil, placeholder: "DURATION",
        bareValue: "30s", help: "Wait until it ends, 30s unless given; print its result as JSON.",
        read: .duration(.zero...JobClient.longestFlow))

    static let spec = CommandSpec(
        name: "start", abstract: "Start the workflow of a file.",
        discussion: """
            {"chain": [{"job": "fetch"}, {"job": "publish", "input": true}]}

            Prints its handle, queue/id, which 'flows show' and 'jobs wait' take. Whatever is wrong \
            with the file is told before anything is enqueued; the exit code is 65 then.

            With --wait it prints the result instead. The exit code is 1 when the workflow failed, \
            75 when it has not ended in time.
            """,
        options: [
            queue, id, name, keep, wait, OutputFormat.option, WorkOptions.maxJobSize,
            WorkOptions.allowEviction,
        ],
        arguments: [file], run: run)

    @Sendable private static func run(_ invocation: Invocation) async throws -> ExitCode {
        let file = try await read(invocation)
        do {
            let session = try await Session.open(invocation) { options in
                options.maxJobBytes = invocation[WorkOptions.maxJobSize]
                options.enqueueTimeout = max(.seconds(2), invocation[GlobalOptions.patience])
            }
            defer { session.client.close() }
            if let risk = session.info.evictionRisk, !invocation[WorkOptions.allowEviction] {
                throw CommandFailure(risk, exit: .configuration)
            }
            let handle = try await session.client.start(
                file.node, name: invocation.optional(name) ?? file.name,
                id: invocation.optional(id), queue: invocation.optional(queue),
                keep: invocation[keep])
            return try await show(handle, invocation, session.client)
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func read(_ invocation: Invocation) async throws(CommandFailure) -> FlowFile {
        let (bytes, source) = try await InputFile.all(
            of: invocation[file], limit: FlowFile.mostBytes,
            standardInput: invocation.console.input)
        guard let bytes else {
            throw CommandFailure(
                "\(source) has more than \(grouped(FlowFile.mostBytes)) bytes", exit: .data)
        }
        return try FlowFile(bytes, name: source)
    }

    private static func show(
        _ handle: WorkflowHandle<JSONValue>, _ invocation: Invocation, _ client: JobClient
    ) async throws -> ExitCode {
        if handle.isDuplicate {
            invocation.console.note("\(handle) was started before: nothing was started now")
        }
        let format = invocation[OutputFormat.option]
        var object = JSONObject.versioned
        object.set("handle", handle.description)
        object.set("queue", handle.queue)
        object.set("id", handle.id)
        object.set("duplicate", handle.isDuplicate)
        guard let timeout = invocation.optional(wait) else {
            invocation.console.print(format.isJSON ? object.text : handle.description)
            return .success
        }
        let outcome: JobOutcome
        do {
            outcome = try await client.waitForOutcome(
                queue: handle.queue, id: handle.id, timeout: timeout)
        } catch JobRunnerError.timedOut {
            let known = try await client.summary(queue: handle.queue, id: handle.id)
            let look = "look with '\(invocation.executable) flows show \(handle)'."
            throw CommandFailure(
                "workflow \(handle) had no result after \(DurationText.format(timeout))",
                hint: known?.state == .running
                    ? "It goes on: \(look)" : "It has ended, and its result is not kept: \(look)",
                exit: .temporary)
        } catch {
            // The one place where it is named.
            invocation.console.note("workflow \(handle) was started")
            throw error
        }
        if format.isJSON {
            object.set(outcome)
            invocation.console.print(object.text)
        } else if outcome.state == .done {
            invocation.console.print(outcome.shownValue)
        }
        if outcome.isOmitted {
            throw CommandFailure(
                "workflow \(handle) is done, but its results are over 8 MiB together: none is kept",
                hint: "Let a last step make one small result of them.", exit: .no)
        }
        guard outcome.state != .done else { return .success }
        throw CommandFailure(
            outcome.reason(of: handle.description, noun: "workflow"),
            hint: "'\(invocation.executable) flows show \(handle)' has its steps.", exit: .no)
    }
}
