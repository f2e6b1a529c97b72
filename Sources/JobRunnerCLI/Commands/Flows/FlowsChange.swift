internal import JobRunner

/// `jobrunner flows cancel` and `jobrunner flows retry`.
enum FlowsChange {
    static let reason = Option(
        "reason", env: "JOBRUNNER_FLOWS_REASON", default: "cancelled", placeholder: "TEXT",
        help: "Why, for those who wonder.", read: .text)

    static let cancel = CommandSpec(
        name: "cancel", abstract: "Cancel workflows: what waits does not start, what runs stops.",
        discussion: """
            It says how many, and asks. Its jobs are cancelled as by 'jobs cancel'; what starts at a \
            failure does not start. The exit code is 1 when one had ended otherwise before.
            """,
        options: [reason, Confirmation.yes, OutputFormat.option], arguments: [FlowsCommand.flows]
    ) { invocation in
        let flows = invocation.all(FlowsCommand.flows)
        let reason = invocation[reason]
        return try await FlowsCommand.session(invocation) { client in
            for flow in flows { _ = try await FlowsCommand.status(flow, client) }
            let what = "cancel \(EnqueueTally.count(flows.count, "workflow"))"
            guard try await Confirmation.isGiven(to: what, invocation) else { return .no }
            var exit = ExitCode.success
            for flow in flows {
                let isHalted = try await known(flow) {
                    try await client.cancelFlow(
                        queue: flow.queue.description, id: flow.id.description, reason: reason)
                }
                if isHalted {
                    show(flow, "cancelled", invocation)
                } else {
                    let state = try await FlowsCommand.status(flow, client).state
                    show(flow, "already \(state.rawValue)", invocation)
                    exit = .no
                }
            }
            return exit
        }
    }

    static let retry = CommandSpec(
        name: "retry", abstract: "Let workflows go on that failed, expired or were cancelled.",
        discussion: """
            Steps that failed, were cancelled or skipped run again under new ids, their attempts \
            unspent; what is done stays done, and its results are used. What starts at a failure \
            starts again when there is one. A batch cannot be retried as a whole.
            """,
        options: [OutputFormat.option], arguments: [FlowsCommand.flows]
    ) { invocation in
        let flows = invocation.all(FlowsCommand.flows)
        return try await FlowsCommand.session(invocation) { client in
            for flow in flows { _ = try await FlowsCommand.status(flow, client) }
            for flow in flows {
                let isNew = try await known(flow) {
                    try await client.retryFlow(
                        queue: flow.queue.description, id: flow.id.description)
                }
                show(flow, isNew ? "goes on" : "is going on already", invocation)
            }
            return .success
        }
    }

    /// What the library says of a workflow that is not there, or is done, is an answer.
    private static func known(
        _ flow: JobHandleID, _ body: () async throws -> Bool
    ) async throws -> Bool {
        do {
            return try await body()
        } catch JobRunnerError.unknownOrExpired {
            throw FlowsCommand.unknown(flow)
        } catch JobRunnerError.invalid(let reason) {
            throw CommandFailure(reason, exit: .no)
        }
    }

    private static func show(_ flow: JobHandleID, _ text: String, _ invocation: Invocation) {
        switch invocation[OutputFormat.option] {
        case .json, .jsonl:
            var object = JSONObject.versioned
            object.set("handle", flow.description)
            object.set("state", text)
            invocation.console.print(object.text)
        case .name: invocation.console.print(flow.description)
        case .table, .wide: invocation.console.print("\(flow) \(text)")
        }
    }
}
