internal import FoundationEssentials
internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Registers an app's handlers.
typealias Registration = @Sendable (inout WorkerBuilder) async throws -> Void

/// All commands, as one tree.
enum CommandTree {
    /// - Parameters:
    ///   - isApp: Whether the executable is an app's, with handlers of its own.
    ///   - register: The app's handlers; none for `jobrunner` itself.
    static func root(isApp: Bool = false, register: @escaping Registration) -> CommandSpec {
        CommandSpec(
            name: "jobrunner",
            abstract: "Runs background jobs on Redis, and shows how they are doing.",
            options: [GlobalOptions.redisURL, GlobalOptions.prefix, GlobalOptions.patience],
            subcommands: [
                WorkCommand.spec(register: register),
                CheckCommand.spec(register: register),
                SchedulerCommand.spec,
                DevCommand.spec(hasHandlers: isApp),
                BenchCommand.spec,
                StatsCommand.spec,
                EnqueueCommand.spec,
                JobsCommand.spec,
                FlowsCommand.spec,
                QueuesCommand.spec,
                LimitsCommand.spec,
                DeadCommand.spec,
                ParkedCommand.spec,
                SchedulesCommand.spec,
                DoctorCommand.spec,
                CompletionsCommand.spec { root(isApp: isApp, register: register) },
                VersionCommand.spec,
            ])
    }

    static func main(isApp: Bool, register: @escaping Registration) async {
        // Redis or a pager going away must be an error we can name, not a silent death.
        signal(SIGPIPE, SIG_IGN)
        SystemFile.fillStandardStreams()
        let arguments = Swift.CommandLine.arguments
        if arguments.dropFirst().first == BenchWorker.word {
            exit(await BenchWorker.main().rawValue)
        }
        let name = arguments.first.flatMap { $0.split(separator: "/").last }.map(String.init)
        let runner = CommandRunner(
            root: root(isApp: isApp, register: register), executable: name ?? "jobrunner",
            version: JobRunner.version)
        let code = await runner.run(
            arguments: Array(arguments.dropFirst()),
            environment: ProcessInfo.processInfo.environment)
        exit(code.rawValue)
    }
}
