internal import RedisLink

/// The programs of a directory as handlers: `jobrunner work --handlers DIR`.
package struct ProgramHandlers: Sendable {
    package let programs: [Program]
    /// Files of the directory that are no handlers, and why.
    package let warnings: [String]
    private let runner: ProgramRunner

    /// Reads the directory; starts nothing.
    ///
    /// - Parameters:
    ///   - passing: Names of variables that programs get besides the usual ones.
    ///   - grace: Between TERM and KILL at the time limit.
    ///   - log: Hears each line of standard error, on the runner's thread.
    /// - Throws: `ProgramError` when the directory cannot be read.
    package init(
        directory: String, concurrency: Int, environment: [String: String], passing: [String],
        grace: Duration = .seconds(2), log: @escaping @Sendable (ProgramLogLine) -> Void
    ) throws {
        (programs, warnings) = try ProgramDirectory.scan(directory)
        runner = ProgramRunner(
            concurrency: concurrency, environment: environment, passing: passing, grace: grace,
            log: log)
    }

    /// Registers a handler a program.
    ///
    /// - Parameter timeLimit: Of jobs that bring none; the program's group is killed then.
    package func register(on worker: inout WorkerBuilder, timeLimit: Duration?) {
        for program in programs {
            let options = JobOptions(timeLimit: timeLimit)
            worker.add(
                Handler(name: program.name, options: options) { [runner] envelope, context in
                    try await Self.run(program, envelope, context, runner)
                })
        }
    }

    /// How long a job waits that this process had no means to start: for those that run to end.
    private static let untilNextStart: Duration = .seconds(2)

    private static func run(
        _ program: Program, _ envelope: Envelope, _ context: JobContext, _ runner: ProgramRunner
    ) async throws -> [UInt8]? {
        let arguments = envelope.withArguments { Array($0) }
        let invocation = ProgramInvocation(
            id: context.id, job: context.job, attempt: context.attempt, queue: context.queue,
            fence: Int64(context.fence), isRedelivery: context.isRedelivery,
            version: envelope.version, deadline: context.timeLimit, arguments: arguments,
            input: envelope.input)
        guard program.isPersistent || invocation.document != nil else {
            // No further attempt would find other arguments.
            throw JobError.bury(
                "'\(program.name)' takes an input as the member 'input' of its arguments: "
                    + "they must be an object without such a member")
        }
        switch await runner.run(program, invocation: invocation) {
        case .done(let value): return value
        case .retry(let reason): throw ProgramFault.retry(reason)
        case .notStarted(let reason):
            context.logger.error(reason)
            throw JobError.snooze(for: untilNextStart)
        case .bury(let reason): throw JobError.bury(reason)
        case .failed(let reason), .timedOut(let reason): throw ProgramFault.failed(reason)
        case .cancelled: throw CancellationError()
        }
    }

    /// Ends persistent programs; returns when none is left.
    package func shutdown(now: Bool = false) async {
        await runner.shutdown(now: now)
    }
}

/// Why a program's job failed; its text is kept with the job.
package enum ProgramFault: Error, CustomStringConvertible {
    case failed(String)
    case retry(String)

    package var description: String {
        switch self {
        case .failed(let reason): reason
        case .retry(let reason): "asked to run again: \(reason)"
        }
    }
}
