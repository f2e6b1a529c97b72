internal import JobRunner

/// `jobrunner flows`: workflows, which are jobs that wait for each other.
enum FlowsCommand {
    static let flow = Argument(
        "flow", help: "Which workflow: queue/id, or an id alone for the queue default.",
        read: .handle)
    static let flows = Argument(
        "flow", help: "Which workflows: queue/id, or an id alone for the queue default.",
        repeats: true, read: .handle)

    static let spec = CommandSpec(
        name: "flows", aliases: ["f"],
        abstract: "Start workflows, look at them, cancel and retry them.",
        subcommands: [
            FlowsStart.spec, FlowsList.spec, FlowsShow.spec, FlowsChange.cancel, FlowsChange.retry,
        ])

    /// Opens a session for `body`; what fails becomes a line and an exit code.
    static func session(
        _ invocation: Invocation, _ body: (JobClient) async throws -> ExitCode
    ) async throws -> ExitCode {
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            return try await body(session.client)
        } catch {
            throw CommandFailure(error)
        }
    }

    /// A workflow that is not there is an answer, not a wrong command line.
    static func status(_ flow: JobHandleID, _ client: JobClient) async throws -> WorkflowStatus {
        let status = try await client.workflow(
            queue: flow.queue.description, id: flow.id.description)
        guard let status else { throw unknown(flow) }
        return status
    }

    static func unknown(_ flow: JobHandleID) -> CommandFailure {
        CommandFailure("workflow \(flow) is unknown or expired", exit: .no)
    }
}
