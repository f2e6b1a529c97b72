internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// `jobrunner dev`: Redis, a worker and live stats for one machine, in one terminal.
enum DevCommand {
    /// - Parameter hasHandlers: Whether this executable is an app's.
    static func spec(hasHandlers: Bool) -> CommandSpec {
        CommandSpec(
            name: "dev", abstract: "Run a private Redis, a worker and live stats, for development.",
            discussion: """
                Starts redis-server with its data in .jobrunner, an append-only file, and a worker \
                beside it; shows queues and the worker's log until Ctrl-C, TERM or HUP, which stop \
                all of it in good order. A second Ctrl-C does not wait for running jobs. What was \
                enqueued is there again the next time.

                Put the URL it shows into JOBRUNNER_REDIS_URL of the app that enqueues.

                Handlers are the app's own when an app runs its 'dev', or those of --handlers or \
                --app; with none of them there is no worker.

                Exit codes: 0 stopped; 69 redis-server is not installed; 70 Redis or the worker \
                ended by itself; 75 another dev runs in that directory; 78 configuration.
                """,
            options: DevOptions.all
        ) { invocation in
            try check(invocation)
            let redis = try redisServer(invocation)
            let works =
                hasHandlers || invocation.optional(WorkOptions.handlers) != nil
                || invocation.optional(WorkOptions.app) != nil
            let directory = try await DevDirectory.open(invocation[DevOptions.directory])
            do {
                let dev = Dev(invocation: invocation, directory: directory, works: works)
                return try await dev.run(redis)
            } catch {
                throw CommandFailure(error)
            }
        }
    }

    /// What would only show when the worker starts, or never.
    private static func check(_ invocation: Invocation) throws {
        if invocation.origin(of: GlobalOptions.redisURL) == .flag {
            throw CommandFailure(
                "--redis-url is of no use here: dev starts a Redis of its own",
                hint: "For a worker on a Redis that runs: '\(invocation.executable) work'.")
        }
        // The rest was checked as it was read; dev has not all options of work.
        _ = try WorkOptions.withQueues(WorkerOptions(), invocation)
        for (option, path) in [
            (WorkOptions.handlers, invocation.optional(WorkOptions.handlers)),
            (WorkOptions.app, invocation.optional(WorkOptions.app)),
        ] {
            if let path, access(path, X_OK) != 0 {
                throw CommandFailure(
                    "cannot use \(option.info.name) '\(escaped(path))': \(errorText(errno))",
                    exit: .configuration)
            }
        }
    }

    private static func redisServer(_ invocation: Invocation) throws -> String {
        let found = invocation.environment["PATH", default: "/usr/bin:/bin"]
            .split(separator: ":").map { String($0) + "/redis-server" }
            .first { access($0, X_OK) == 0 }
        guard let found else {
            throw CommandFailure(
                "redis-server is not on PATH",
                hint: "Install it: 'apt install redis-server' or 'brew install redis'.",
                exit: .unavailable)
        }
        return found
    }
}
