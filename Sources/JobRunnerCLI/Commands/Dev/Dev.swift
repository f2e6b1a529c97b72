internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// One run of `dev`, from the start of Redis to its end.
struct Dev: Sendable {
    private enum Event: Sendable {
        case signal(Int32)
        case redisReady
        case redisFailed(String)
        case redisEnded(ChildProcess.End)
        case workerEnded(ChildProcess.End)
        case viewEnded
    }

    private typealias Events = AsyncStream<Event>

    let invocation: Invocation
    let directory: DevDirectory
    /// Whether there are handlers, and so a worker.
    let works: Bool

    /// - Parameter executable: Of `redis-server`.
    func run(_ executable: String) async throws -> ExitCode {
        let (stream, continuation) = Events.makeStream()
        var events = stream.makeAsyncIterator()
        SignalThread.start([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) { continuation.yield(.signal($0)) }
        // Stopped, it would hold the terminal while its children go on behind it.
        signal(SIGTSTP, SIG_IGN)
        let client = try connect()
        defer { client.close() }
        try await refuseForeign(client)
        let lifeline = try DevLifeline(
            holding: directory.lock, removing: directory.temporary,
            environment: invocation.environment)
        var redis: ChildProcess?
        var worker: ChildProcess?
        var view: Task<Void, Never>?
        var failure: CommandFailure?
        do {
            let server = try start(redis: executable) { continuation.yield(.redisEnded($0)) }
            redis = server
            lifeline.watch(worker: nil, redis: server)
            let ready = Task { await wait(for: client, continuation) }
            defer { ready.cancel() }
            serving: while let event = await events.next(isolation: #isolation) {
                switch event {
                case .redisReady:
                    if works {
                        worker = try startWorker { continuation.yield(.workerEnded($0)) }
                        lifeline.watch(worker: worker, redis: server)
                    }
                    let shown = show(client, redis: server, worker: worker)
                    view = Task {
                        await shown.run()
                        continuation.yield(.viewEnded)
                    }
                case .redisFailed(let reason):
                    throw CommandFailure("Redis does not answer: \(reason)", exit: .internal)
                case .redisEnded(let end):
                    throw ended("redis-server", end, directory.redisLog)
                case .workerEnded(let end):
                    throw ended("the worker", end, directory.workerLog)
                case .signal, .viewEnded: break serving
                }
            }
        } catch {
            failure = CommandFailure(error)
        }
        if Self.draws(invocation) { await end(view) }
        // The children may be gone already: then nothing is waited for.
        if let worker, !worker.isGone {
            say("stopping the worker; Ctrl-C again does not wait for running jobs")
            // Without Redis there is nothing to drain for.
            worker.signal(redis?.isGone == true ? SIGQUIT : SIGTERM)
            while !worker.isGone, let event = await events.next(isolation: #isolation) {
                if case .signal = event { worker.signal(SIGQUIT) }
            }
        }
        await end(view)
        if let redis, !redis.isGone {
            say("stopping redis-server")
            redis.signal(SIGTERM)
            while !redis.isGone, let event = await events.next(isolation: #isolation) {
                _ = event
            }
        }
        lifeline.watch(worker: nil, redis: nil)
        await lifeline.end()
        if let failure {
            say(failure)
            throw failure
        }
        say("stopped; the data is in \(escaped(directory.name, limit: 200))")
        return .success
    }

    // MARK: Children

    private func start(
        redis executable: String, onEnd: @escaping @Sendable (ChildProcess.End) -> Void
    ) throws -> ChildProcess {
        let log = try directory.create(directory.redisLog)
        defer { close(log) }
        let port = invocation.optional(DevOptions.port) ?? 0
        return try ChildProcess(
            executable,
            [
                "redis-server", "--port", "\(port)", "--bind", "127.0.0.1",
                "--unixsocket", directory.socket, "--unixsocketperm", "600",
                "--dir", directory.path, "--daemonize", "no", "--supervised", "no",
                "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
            ],
            environment: invocation.environment, descriptors: [-1, log, log], onEnd: onEnd)
    }

    private func startWorker(
        onEnd: @escaping @Sendable (ChildProcess.End) -> Void
    ) throws -> ChildProcess {
        let log = try directory.create(directory.workerLog)
        defer { close(log) }
        var environment = invocation.environment
        environment["JOBRUNNER_REDIS_URL"] = directory.url
        return try ChildProcess(
            ChildProcess.ownExecutable, [invocation.executable] + DevOptions.work(invocation),
            environment: environment, descriptors: [-1, log, log], onEnd: onEnd)
    }

    private func ended(_ who: String, _ end: ChildProcess.End, _ log: String) -> CommandFailure {
        let last = DevLog.tail(of: log, lines: 5)
        for line in last { invocation.console.note("| " + line) }
        return CommandFailure(
            "\(who) ended by itself: \(end.text)",
            hint: "Its log is \(escaped(log, limit: 300)).", exit: .internal)
    }

    // MARK: Redis

    private func connect() throws -> JobClient {
        var options = ClientOptions()
        options.prefix = invocation[GlobalOptions.prefix]
        return try JobClient(try RedisURL(directory.url), options: options)
    }

    /// The lock is free, but its owner's shell may have been killed and left Redis behind.
    private func refuseForeign(_ client: JobClient) async throws {
        guard access(directory.socket, F_OK) == 0 else { return }
        let info: ServerInfo
        do { info = try await client.serverInfo(timeout: .seconds(2)) } catch { return }
        let pid = info.fields["process_id"] ?? "unknown"
        throw CommandFailure(
            "another 'jobrunner dev' runs here, or left its Redis behind (pid \(escaped(pid)))",
            hint: "Stop it with 'kill \(escaped(pid))', or use another --directory.",
            exit: .temporary)
    }

    private func wait(for client: JobClient, _ events: Events.Continuation) async {
        do {
            // A large append-only file takes its time to load.
            _ = try await Session.reach(client, patience: .seconds(600), console: nil)
                .requireSupported()
            events.yield(.redisReady)
        } catch {
            events.yield(.redisFailed("\(error)"))
        }
    }

    // MARK: What is shown

    private static func draws(_ invocation: Invocation) -> Bool {
        DevView.isDrawing(invocation.environment)
    }

    private func show(_ client: JobClient, redis: ChildProcess, worker: ChildProcess?) -> DevView {
        let name = invocation.executable
        let variable = "JOBRUNNER_REDIS_URL=\(directory.url)"
        let port = invocation.optional(DevOptions.port).map { "redis://127.0.0.1:\($0)" }
        let hint =
            "no handlers: give a directory of programs with --handlers, or an app with --app"
        let pids =
            "redis pid \(redis.pid), " + (worker.map { "worker pid \($0.pid)" } ?? "no worker")
        say("\(pids), data in \(escaped(directory.path, limit: 300))")
        invocation.console.print(variable)
        if let port { say("also at \(port)") }
        if worker == nil { say(hint) }
        return DevView(
            head: [
                "\(name) dev: \(pids), data in \(escaped(directory.name)); Ctrl-C stops all",
                variable + (port.map { "  or  \($0)" } ?? ""),
            ],
            workerLog: directory.workerLog, hint: worker == nil ? hint : nil,
            source: { try await client.stats(queues: nil) },
            interval: invocation[DevOptions.interval], environment: invocation.environment)
    }

    private func end(_ view: Task<Void, Never>?) async {
        view?.cancel()
        await view?.value
    }

    private func say(_ text: String) {
        invocation.console.print("\(invocation.executable) dev: \(text)")
    }

    private func say(_ failure: CommandFailure) {
        if failure.exit == .internal { say("stopped: \(failure.message)") }
    }
}
