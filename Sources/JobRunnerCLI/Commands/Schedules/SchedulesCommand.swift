internal import JobRunner

/// `jobrunner schedules`: what is enqueued again and again.
enum SchedulesCommand {
    static let spec = CommandSpec(
        name: "schedules", abstract: "Look at periodic jobs, add, pause and run them.",
        subcommands: [
            SchedulesList.spec, SchedulesShow.spec, SchedulesNext.spec, SchedulesHistory.spec,
            SchedulesAdd.spec, SchedulesChange.remove, SchedulesChange.pause,
            SchedulesChange.resume, SchedulesChange.run, SchedulesApply.plan, SchedulesApply.apply,
        ])

    /// Opens a session for `body`; what fails becomes a line and an exit code.
    ///
    /// - Parameter queues: Must have been used.
    static func session(
        _ invocation: Invocation, queues: [String] = [],
        _ body: (Schedules) async throws -> ExitCode
    ) async throws -> ExitCode {
        do {
            let session = try await Session.open(invocation)
            defer { session.client.close() }
            try await QueuesCommand.check(queues, session.client)
            return try await body(session.client.schedules)
        } catch let error as ScheduleError {
            throw CommandFailure(error.description)
        } catch {
            throw CommandFailure(error)
        }
    }

    static func status(_ name: String, _ schedules: Schedules) async throws -> ScheduleStatus {
        do {
            return try await schedules.status(of: name)
        } catch is ScheduleError {
            let known = try await schedules.list().map(\.name)
            throw UnknownName.failure("schedule", name, among: known, list: "schedules list")
        }
    }
}
