internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// `jobrunner work`: takes jobs and runs them, in the foreground, until it is told to stop.
enum WorkCommand {
    static func spec(register: @escaping Registration) -> CommandSpec {
        CommandSpec(
            name: "work", abstract: "Take jobs and run them, until told to stop.",
            discussion: """
                Handlers are the app's own, or the executables of --handlers, or those of another \
                app with --app.

                Signals: TERM and INT finish what runs and give back the rest; a second one, or \
                QUIT, stops at once and gives everything back. TSTP takes no more jobs. USR1 \
                writes who runs what since when. HUP is as TERM.

                With --concurrency MIN..MAX slots open while jobs wait and more of them a second end, \
                and close when they are idle; what runs is never interrupted.

                With --processes it runs no jobs but starts processes that do, and starts another \
                when one ends. Signals go to all of them, except HUP, which replaces them one \
                after another by what is at the executable's path now. A process that fails as \
                it starts, with 64, 77 or 78, ends it with that code.

                Exit codes: 0 all that ran was finished, 128+n jobs were given back unfinished \
                after signal n, 75 a handler did not stop when it was cancelled (see \
                --exit-when-stuck), 69 Redis was away for --exit-when-unreachable, 77 Redis refused, \
                78 configuration.
                """,
            options: WorkOptions.all
        ) { invocation in
            if ChildLink.isChild { return try await work(invocation, register) }
            if let app = invocation.optional(WorkOptions.app), !isReplacement(invocation) {
                try replace(with: app)
            }
            if let count = try WorkOptions.supervised(invocation) {
                var supervisor = try Supervisor(invocation, processes: count)
                return await supervisor.run()
            }
            return try await work(invocation, register)
        }
    }

    private static func work(_ invocation: Invocation, _ register: Registration) async throws
        -> ExitCode
    {
        var options = try WorkOptions.worker(invocation, isChild: ChildLink.isChild)
        let link = ChildLink(
            queues: options.queues.count, maxJobs: invocation.optional(WorkOptions.maxJobsPerChild))
        options.supervisor = link?.supervisor
        var writer = LogWriter(
            invocation[WorkOptions.logFormat], level: invocation[WorkOptions.logLevel])
        if let link { writer.fields = [("child", .number(link.number))] }
        let log = WorkLog(writer)
        var builder = WorkerBuilder()
        do {
            try await register(&builder)
        } catch {
            throw CommandFailure(
                "the app could not register its handlers: \(error)", exit: .configuration)
        }
        let programs = try programs(invocation, log)
        programs?.register(
            on: &builder, timeLimit: invocation.optional(WorkOptions.programTimeLimit))
        guard !builder.handlers.isEmpty else {
            throw CommandFailure(
                "no job types are registered; nothing to work on",
                hint: "Use --handlers DIR for programs, or --app PATH for a Swift app's handlers.",
                exit: .configuration)
        }
        try declareSchedules(on: &builder, invocation)
        let control = WorkControl()
        control.listen()
        link?.watch {
            log.write(.warning, "orphaned", "the supervisor is gone: stopping as on TERM")
            control.orphaned()
        }
        let url: RedisURL
        let server: ServerInfo
        do {
            url = try RedisURL(invocation[GlobalOptions.redisURL])
            server = try await look(url, invocation, log)
        } catch {
            throw CommandFailure(error)
        }
        try warn(of: server, url, invocation, log)
        options.reportsJobs = true
        let patience = invocation.optional(WorkOptions.exitWhenUnreachable)
        let endsAfter = endsAfter(options)
        options.onEvent = { event in
            log.note(event)
            link?.note(event)
            if case .givingUp = event { control.giveUpStuck(after: endsAfter) }
            if let patience, log.unreachableFor > patience { control.giveUp() }
        }
        let worker: Worker
        do {
            worker = try Worker(
                builder, url: url, prefix: invocation[GlobalOptions.prefix], options: options)
        } catch {
            throw CommandFailure(error)
        }
        link?.tell(.worker(worker.id))
        control.start(worker, programs, log, patience: endsAfter)
        banner(worker, options, builder, url, server, invocation, log)
        do {
            try await worker.run()
        } catch {
            var failure = CommandFailure(error)
            // What a worker finds invalid is how it was set up, not a job's data.
            if failure.exit == .data { failure.exit = .configuration }
            throw failure
        }
        await programs?.shutdown()
        return control.exitCode(interrupted: worker.interrupted)
    }

    /// From TERM to the end of the process, whatever its handlers do.
    static func endsAfter(_ options: WorkerOptions) -> Duration {
        options.drainTimeout + options.cancelGrace + .seconds(5)
    }

    private static func programs(_ invocation: Invocation, _ log: WorkLog) throws
        -> ProgramHandlers?
    {
        guard let directory = invocation.optional(WorkOptions.handlers) else { return nil }
        do {
            let programs = try ProgramHandlers(
                directory: directory,
                concurrency: invocation[WorkOptions.concurrency].upperBound,
                environment: invocation.environment,
                passing: invocation.all(WorkOptions.passedVariables)
            ) { line in
                log.write(
                    .info, "stderr", line.text,
                    [("job", .text(line.program)), ("id", .text(line.jobID ?? ""))])
            }
            for warning in programs.warnings { log.write(.warning, "handlers", warning) }
            return programs
        } catch {
            throw CommandFailure("\(error)", exit: .configuration)
        }
    }

    /// Those of a file beside the app's own; whatever is wrong with one is configuration.
    private static func declareSchedules(
        on builder: inout WorkerBuilder, _ invocation: Invocation
    ) throws {
        if let path = invocation.optional(WorkOptions.schedule) {
            for entry in try ScheduleFile(path: path).entries {
                builder.declare(entry.schedule, source: .file, isEnabled: entry.isEnabled)
            }
        }
        do {
            try builder.checkSchedules()
        } catch {
            throw CommandFailure("\(error)", exit: .configuration)
        }
    }

    /// The server's own word on itself; an outage at the start is waited out.
    static func look(_ url: RedisURL, _ invocation: Invocation, _ log: WorkLog)
        async throws -> ServerInfo
    {
        var options = ClientOptions()
        options.prefix = invocation[GlobalOptions.prefix]
        let client = try JobClient(url, options: options, onEvent: { log.note(.connection($0)) })
        defer { client.close() }
        let patience = invocation.optional(WorkOptions.exitWhenUnreachable)
        let info = try await Session.reach(client, patience: patience, console: nil)
        return try info.requireSupported()
    }

    private static func warn(
        of server: ServerInfo, _ url: RedisURL, _ invocation: Invocation, _ log: WorkLog
    ) throws {
        if let risk = server.evictionRisk {
            guard invocation[WorkOptions.allowEviction] else {
                throw CommandFailure(risk, exit: .configuration)
            }
            log.write(.warning, "eviction", risk)
        }
        let checks = ServerChecks(server)
        if checks.role.verdict != .ok {
            throw CommandFailure(
                "\(url.displayAddress): \(checks.role.text)", hint: "Connect to the primary.",
                exit: .temporary)
        }
        for finding in [checks.persistence, checks.disk, checks.replicas] {
            guard finding.verdict != .ok else { continue }
            let remedy = finding.remedy.map { "; \($0)" } ?? ""
            log.write(.warning, finding.check, finding.text + remedy)
        }
    }

    private static func banner(
        _ worker: Worker, _ options: WorkerOptions, _ builder: WorkerBuilder, _ url: RedisURL,
        _ server: ServerInfo, _ invocation: Invocation, _ log: WorkLog
    ) {
        let queues = options.queues.map { queue in
            queue.weight.map { "\(queue.name)=\($0)" } ?? queue.name
        }
        log.write(
            .info, "working", "",
            [
                ("version", .text(JobRunner.version)), ("worker", .text(worker.id)),
                ("queues", .text(queues.joined(separator: ","))),
                ("slots", WorkOptions.shown(options.slots)),
                ("handlers", .text(builder.handlers.keys.sorted().joined(separator: ","))),
                ("redis", .text("\(url.displayAddress) \(server.version)")),
                ("prefix", .text(invocation[GlobalOptions.prefix])),
                ("visibility_timeout", .text(DurationText.format(options.visibilityTimeout))),
            ])
    }

    /// Which process executed an app in its place; its children inherit it but are not that one.
    private static let replacedID = "JOBRUNNER_APP_PID"

    private static func isReplacement(_ invocation: Invocation) -> Bool {
        invocation.environment[replacedID] == "\(getpid())"
    }

    /// Executes the app in this process's place: same command line, same environment.
    private static func replace(with app: String) throws -> Never {
        // With a slash, as it is executed: its name is not one to look up in PATH.
        var words = [app.contains("/") ? app : "./" + app]
        var skips = false
        for word in CommandLine.arguments.dropFirst() {
            if skips {
                skips = false
            } else if word == "--app" {
                skips = true
            } else if !word.hasPrefix("--app=") {
                words.append(word)
            }
        }
        // Not again in the app, which has the option as well, and reads the same --env-file.
        unsetenv("JOBRUNNER_APP")
        setenv(replacedID, "\(getpid())", 1)
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        execv(app, &pointers)
        let reason = String(cString: strerror(errno))
        throw CommandFailure(
            "cannot execute --app '\(escaped(app))': \(reason)", exit: .configuration)
    }
}
