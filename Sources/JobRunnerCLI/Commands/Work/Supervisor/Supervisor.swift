internal import FoundationEssentials
internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// `work --processes N`: runs no jobs; starts the processes that do, and keeps them running.
///
/// It does what its `Roster` orders, and tells the roster what happens.
struct Supervisor {
    private enum Incoming: Sendable {
        case event(Roster.Event)
        /// The look at the children's memory.
        case look
        /// A reap ended.
        case reaped
        /// Nobody is left, and Redis has not answered for long.
        case overdue
    }

    private let invocation: Invocation
    private let options: WorkerOptions
    private let log: WorkLog
    private let client: JobClient
    /// Where the executable is: what a rolling restart starts, unlike `/proc/self/exe`, which is
    /// the file this process began with, even when another was put in its place.
    private let path = ExecutablePath.ofThisProcess()
    private let incoming: AsyncStream<Incoming>
    private let events: AsyncStream<Incoming>.Continuation
    private let lifeline: (reading: Int32, writing: Int32)
    private var roster: Roster
    private var processes: [Int: SupervisedProcess] = [:]
    /// When the next tick comes, monotonic ns.
    private var tickAt = Int64.max
    /// Reaps that have not ended.
    private var reaps = 0

    /// - Throws: `CommandFailure`.
    init(_ invocation: Invocation, processes: Int) throws {
        self.invocation = invocation
        options = try WorkOptions.worker(invocation, isChild: true)
        log = WorkLog(
            LogWriter(
                invocation[WorkOptions.logFormat], level: invocation[WorkOptions.logLevel]))
        var settings = Roster.Settings(
            processes: processes, maxMemory: invocation.optional(WorkOptions.maxMemoryPerChild))
        // A child ends by itself earlier: see `WorkCommand.endsAfter`.
        settings.patience = (WorkCommand.endsAfter(options) + .seconds(1)).nanoseconds
        roster = Roster(settings)
        (incoming, events) = AsyncStream.makeStream(of: Incoming.self)
        lifeline = try SupervisedProcess.pipe()
        do {
            var options = ClientOptions()
            options.prefix = invocation[GlobalOptions.prefix]
            client = try JobClient(
                RedisURL(invocation[GlobalOptions.redisURL]), options: options)
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Returns when no child is left and what they held is given back.
    mutating func run() async -> ExitCode {
        let events = events
        let hadTerminal = isatty(STDIN_FILENO) == 1
        SignalThread.start([SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGUSR1]) { number in
            // Of a terminal that was closed, HUP is the end, as of any command.
            let isHangup = number == SIGHUP && hadTerminal && isatty(STDIN_FILENO) == 0
            events.yield(.event(.signal(isHangup ? SIGTERM : number)))
        }
        defer { client.close() }
        banner()
        if roster.settings.maxMemory != nil { watchMemory() }
        handle(.begin)
        for await incoming in incoming {
            switch incoming {
            case .event(let event):
                if event == .tick { tickAt = .max }
                handle(event)
            case .look:
                for (serial, process) in processes {
                    let bytes = ProcessMemory.resident(of: process.process.pid)
                    handle(.memory(serial, bytes: bytes))
                }
            case .reaped: reaps -= 1
            case .overdue: reaps = 0
            }
            if roster.hasEnded, reaps == 0 { break }
        }
        log.write(.info, "stopped", "")
        return roster.exitCode
    }

    private mutating func handle(_ event: Roster.Event) {
        var random = SystemRandomNumberGenerator()
        for order in roster.handle(event, now: monotonicNanoseconds(), using: &random) {
            perform(order)
        }
        if case .ended(let serial, _) = event { processes[serial] = nil }
        wake(at: roster.nextWake)
    }

    private mutating func perform(_ order: Roster.Order) {
        switch order {
        case .start(let serial, let number, let usesPath): start(serial, number, usesPath)
        case .signal(let serial, let number): processes[serial]?.process.signal(number)
        case .reap(let worker, let number, let isCounted): reap(worker, number, isCounted)
        case .say(let news):
            let processes = processes
            for line in news.lines(pid: { processes[$0].map { Int($0.process.pid) } }) {
                log.write(line.level, line.event, line.message, line.fields)
            }
        case .end:
            let events = events
            Task {
                // Bounds the end: what is still to be reaped then, others do.
                try await Task.sleep(for: .seconds(5))
                events.yield(.overdue)
            }
        }
    }

    private mutating func start(_ serial: Int, _ number: Int, _ usesPath: Bool) {
        let events = events
        do {
            let process = try SupervisedProcess(
                usesPath ? path : ChildProcess.ownExecutable, number: number,
                environment: ProcessInfo.processInfo.environment, lifeline: lifeline.reading,
                onReport: { events.yield(.event($0.event(of: serial))) },
                onEnd: { events.yield(.event(.ended(serial, $0))) })
            processes[serial] = process
            log.write(
                .info, "child_started", "",
                [("child", .number(number)), ("child_pid", .number(Int(process.process.pid)))])
        } catch {
            let reason = (error as? CommandFailure)?.message ?? "\(error)"
            events.yield(.event(.notStarted(serial, reason: reason)))
        }
    }

    // MARK: Time

    private mutating func wake(at time: Int64?) {
        guard let time, time < tickAt else { return }
        tickAt = time
        let events = events
        let wait = max(0, time - monotonicNanoseconds())
        Task {
            // The roster's own clock: what it waits for is a time, not an event.
            try? await Task.sleep(for: .nanoseconds(wait))
            events.yield(.event(.tick))
        }
    }

    private func watchMemory() {
        let events = events
        Task {
            while !Task.isCancelled {
                // A process's memory has no event: it is looked at.
                try await Task.sleep(for: .seconds(1))
                events.yield(.look)
            }
        }
    }

    // MARK: Dead children

    /// Tries again while Redis is away, for as long as the visibility timeout: then others have
    /// done it.
    private mutating func reap(_ worker: String, _ number: Int, _ isCounted: Bool) {
        reaps += 1
        let (client, log, options, events) = (client, log, options, events)
        Task {
            defer { events.yield(.reaped) }
            let deadline = ContinuousClock.now + options.visibilityTimeout
            var backoff = Backoff()
            var random = SystemRandomNumberGenerator()
            while ContinuousClock.now < deadline {
                do {
                    for queue in options.queues {
                        let counts = try await client.reap(
                            worker: worker, queue: queue.name, isCounted: isCounted,
                            poisonLimit: options.poisonLimit)
                        guard counts.given + counts.buried > 0 else { continue }
                        log.note(
                            .reaped(
                                queue: queue.name, worker: worker, given: counts.given,
                                buried: counts.buried))
                    }
                    return try await client.forget(worker: worker)
                } catch {
                    let wait = backoff.next(using: &random)
                    // Redis is away: between two tries.
                    try? await Task.sleep(for: .nanoseconds(wait))
                }
            }
            log.write(
                .warning, "not_reaped",
                "Redis does not answer: the visibility timeout gives back what the worker held",
                [("child", .number(number)), ("worker", .text(worker))])
        }
    }

    private func banner() {
        let count = roster.settings.processes
        log.write(
            .info, "supervising", "",
            [
                ("version", .text(JobRunner.version)), ("pid", .number(Int(getpid()))),
                ("processes", .number(count)),
                (
                    "slots",
                    WorkOptions.shown(
                        count * options.slots.lowerBound...count * options.slots.upperBound)
                ),
            ])
    }
}
