@testable import JobRunnerCLI

/// A tree like the real one, small, for the tests of the parser.
enum Sample {
    static let redisURL = Option(
        "redis-url", short: "u", env: "JOBRUNNER_REDIS_URL", fallbackEnv: ["REDIS_URL"],
        default: "redis://localhost:6379", placeholder: "URL", help: "Where Redis is.", read: .url)
    static let output = Option(
        "output", short: "o", env: "JOBRUNNER_OUTPUT", default: "table", placeholder: "FORMAT",
        help: "How to print.", read: .choice(["table", "json"]))
    static let verbose = Flag("verbose", short: "v", env: nil, help: "Say more.", repeats: true)

    static let concurrency = Option(
        "concurrency", short: "c", env: "JOBRUNNER_CONCURRENCY", default: 10, placeholder: "N",
        unit: "jobs", help: "Jobs at the same time.", read: .int(1...1024))
    static let lease = Option(
        "visibility-timeout", env: "JOBRUNNER_VISIBILITY_TIMEOUT", default: .seconds(30),
        placeholder: "DURATION", help: "How long a dead worker's jobs wait.",
        read: .duration(.seconds(3) ... .seconds(3600)))
    static let memory = Option(
        "max-memory", env: "JOBRUNNER_MAX_MEMORY", default: nil, placeholder: "SIZE",
        help: "Stop above this.", read: .size(1 << 20...1 << 40))
    static let labels = Option(
        "label", short: "l", env: "JOBRUNNER_LABELS", default: nil, placeholder: "K=V",
        help: "Shown in stats.", repeats: true, read: .text)
    static let burst = Flag(
        "burst", short: "b", env: "JOBRUNNER_BURST", help: "Stop when empty.", inversion: true)
    static let quiet = Flag("quiet", short: "q", env: "JOBRUNNER_QUIET", help: "Say less.")

    static let kind = Argument("kind", help: "The job's name.", read: .text)
    static let payload = Argument("json", help: "Its arguments.", default: "{}", read: .text)
    static let priority = Option(
        "priority", short: "p", env: nil, default: 0, placeholder: "N", help: "Order.",
        read: .int(-9...9))
    static let token = Option(
        "token", env: "JOBRUNNER_TOKEN", default: nil, placeholder: "TOKEN", help: "Proof.",
        required: true, read: .secret)
    static let file = Option(
        "file", short: "f", env: nil, default: nil, placeholder: "PATH", help: "Read from it.",
        read: .path)
    static let ids = Argument("id", help: "Which jobs.", repeats: true, read: .text)
    static let delta = Argument("delta", help: "By how much.", read: .int(-100...100))

    static let root = CommandSpec(
        name: "jobrunner", abstract: "Runs background jobs on Redis.",
        options: [redisURL, output, verbose],
        subcommands: [
            CommandSpec(
                name: "work", abstract: "Take jobs and run them.",
                discussion: "Stops on TERM.\n\nRuns until then.",
                options: [concurrency, lease, memory, labels, burst, quiet],
                run: { _ in .success }),
            CommandSpec(
                name: "enqueue", abstract: "Put a job in.", options: [priority, file],
                arguments: [kind, payload], run: { _ in .success }),
            CommandSpec(
                name: "jobs", aliases: ["j"], abstract: "Look at jobs.",
                subcommands: [
                    CommandSpec(
                        name: "list", aliases: ["ls"], abstract: "List jobs.",
                        run: { _ in .success }),
                    CommandSpec(
                        name: "wait", abstract: "Wait for jobs.", arguments: [ids],
                        run: { _ in .no }),
                    CommandSpec(
                        name: "scale", abstract: "Change slots.", arguments: [delta],
                        run: { _ in .success }),
                    CommandSpec(
                        name: "sign", abstract: "Sign jobs.", options: [token],
                        run: { _ in .success }),
                ]),
        ])

    static let runner = CommandRunner(
        root: root, executable: "jobrunner", version: "1.2.3",
        readFile: { path throws(CommandFailure) in
            throw CommandFailure("cannot read '\(path)': not in a test", exit: .configuration)
        },
        write: { _, _ in })

    static func parse(
        _ line: String, environment: [String: String] = [:], in runner: CommandRunner = runner
    ) -> ParseResult {
        parse(line.split(separator: " ").map(String.init), environment: environment, in: runner)
    }

    static func parse(
        _ arguments: [String], environment: [String: String] = [:],
        in runner: CommandRunner = runner
    ) -> ParseResult {
        runner.parse(arguments: arguments, environment: environment)
    }
}

extension ParseResult {
    var invocation: Invocation? {
        if case .invocation(let invocation, _) = self { invocation } else { nil }
    }

    var failure: CommandFailure? {
        if case .failure(let failure) = self { failure } else { nil }
    }

    /// The command that help was asked for, with the executable.
    var helped: String? {
        guard case .help(let help) = self else { return nil }
        return help.path.map(\.name).joined(separator: " ")
    }
}
