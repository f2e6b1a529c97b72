internal import JobRunner
internal import Synchronization

/// What a worker tells its operator: events as log lines, floods summed up.
final class WorkLog: Sendable {
    private struct State {
        /// The second that is being counted, and the lines of jobs written in it.
        var second: Int64 = 0
        var written = 0
        var skipped = 0
        /// Redis is away, since when, and whether that was said and when last, monotonic ns.
        var isDown = false
        var isDownSaid = false
        var downSince: Int64 = 0
        var saidAt: Int64 = .min
        /// A trouble, by its code or text → when it was last said.
        var troubles: [String: Int64] = [:]
    }

    /// Lines about ordinary jobs in a second; the rest are counted.
    ///
    /// More nobody reads, and at 100,000 jobs/s writing them would cost more than running them.
    static let linesPerSecond = 100
    /// The same trouble is said again after this long.
    private static let patience: Int64 = 30_000_000_000

    private let writer: LogWriter
    private let state = Mutex(State())

    init(_ writer: LogWriter) {
        self.writer = writer
    }

    func write(
        _ level: LogLevel, _ event: String, _ message: String = "",
        _ fields: [(String, LogLine.Value)] = []
    ) {
        writer.write(LogLine(level: level, event: event, message: message, fields: fields))
    }

    /// How long Redis has been away; zero when it is not.
    var unreachableFor: Duration {
        state.withLock { state in
            state.isDown ? .nanoseconds(monotonicNanoseconds() - state.downSince) : .zero
        }
    }

    func note(_ event: WorkerEvent) {
        switch event {
        case .started: break
        case .ended(let end): note(end)
        case .log(let level, let message, let job, let id, let attempt):
            write(level, "log", message, subject(job, id, attempt))
        case .joined(let queue, let worker):
            write(.info, "joined", "", [("queue", .text(queue)), ("worker", .text(worker))])
        case .leaseLost(let queue, let worker, let running):
            write(
                .warning, "lease_lost",
                "the jobs of this queue run elsewhere now; theirs here are cancelled",
                [("queue", .text(queue)), ("worker", .text(worker)), ("running", .number(running))])
        case .reaped(let queue, let worker, let given, let buried):
            write(
                .warning, "reaped", "a worker is gone; its jobs were given back",
                [
                    ("queue", .text(queue)), ("worker", .text(worker)), ("given", .number(given)),
                    ("buried", .number(buried)),
                ])
        case .parkedTooLong(let queue, let kind, let jobs):
            write(
                .error, "buried", "parked too long: no worker came that knows them",
                [("queue", .text(queue)), ("kind", .text(kind)), ("jobs", .number(jobs))])
        case .reconciled(let queue, let jobs):
            write(.info, "reconciled", "", [("queue", .text(queue)), ("jobs", .number(jobs))])
        case .connection(let event): note(event)
        case .trouble(let queue, let error): trouble(queue, error)
        case .stuck(let run):
            write(
                .error, "stuck",
                "did not stop \(DurationText.format(run.cancelled)) after cancel; slot is held",
                fields(of: run))
        case .givingUp(let run):
            write(
                .error, "giving_up", "a slot is stuck for good: exiting to be started again",
                fields(of: run))
        case .poolStarved(let runs):
            for run in runs {
                write(
                    .warning, "starved",
                    "jobs wait for a thread: this one may block it; handleBlocking is for such",
                    [
                        ("job", .text(run.job)), ("id", .text(run.id)),
                        ("queue", .text(run.queue)), ("run_ms", .decimal(milliseconds(run.ran))),
                    ])
            }
        case .poolAnswered(let took):
            write(
                .info, "starved", "jobs run again", [("for_ms", .decimal(milliseconds(took)))])
        case .movedToThreads(let job):
            write(
                .warning, "moved", "runs on threads from now on: it blocks",
                [("job", .text(job))])
        case .scaled(let from, let to, let reason):
            write(
                .info, "scaled", reason.text,
                [("from", .number(from)), ("to", .number(to)), ("why", .text(reason.rawValue))])
        case .schedule(let event): note(event)
        case .declared(let schedule, let queue, let addition):
            note(schedule, queue, addition)
        case .quiet:
            write(.info, "quiet", "takes no more jobs; goes on with those it has")
        case .draining(let running, let deadline):
            write(
                .info, "draining", "waiting for running jobs; a second TERM stops at once",
                [
                    ("running", .number(running)),
                    ("deadline_ms", .number(Int(deadline / .milliseconds(1)))),
                ])
        case .stopped(let released):
            flushSkipped()
            write(.info, "stopped", "", [("released", .number(released))])
        }
    }

    // MARK: Jobs

    private func fields(of run: StuckRun) -> [(String, LogLine.Value)] {
        [
            ("job", .text(run.job)), ("id", .text(run.id)), ("queue", .text(run.queue)),
            ("slot", .number(run.slot)), ("run_ms", .decimal(milliseconds(run.ran))),
        ]
    }

    private func note(_ end: JobEnd) {
        let isOrdinary = end.verdict == .done
        if isOrdinary {
            let second = monotonicNanoseconds() / 1_000_000_000
            let (writes, skipped) = state.withLock { state in
                var skipped = 0
                if state.second != second {
                    skipped = state.skipped
                    state.second = second
                    state.written = 0
                    state.skipped = 0
                }
                state.written += 1
                if state.written > Self.linesPerSecond { state.skipped += 1 }
                return (state.written <= Self.linesPerSecond, skipped)
            }
            say(skipped: skipped)
            guard writes else { return }
        }
        var fields = subject(nil, end.id, end.attempt)
        fields.append(("queue", .text(end.queue)))
        fields.append(("run_ms", .decimal(milliseconds(end.ran))))
        if let wait = end.retryIn { fields.append(("retry_in_ms", .decimal(milliseconds(wait)))) }
        if !end.reason.isEmpty { fields.append(("reason", .text(end.reason))) }
        let level: LogLevel =
            switch end.verdict {
            case .buried: .error
            case .retried, .parked, .expired: .warning
            default: .info
            }
        writer.write(
            LogLine(
                level: level, event: end.verdict.rawValue, message: writer.isJSON ? "" : end.job,
                fields: writer.isJSON ? [("job", .text(end.job))] + fields : fields))
    }

    private func flushSkipped() {
        let skipped = state.withLock { state in
            defer { state.skipped = 0 }
            return state.skipped
        }
        say(skipped: skipped)
    }

    private func say(skipped: Int) {
        guard skipped > 0 else { return }
        write(.info, "done", "and more jobs in that second", [("jobs", .number(skipped))])
    }

    private func subject(_ job: String?, _ id: String, _ attempt: Int) -> [(String, LogLine.Value)]
    {
        let named: [(String, LogLine.Value)] = job.map { [("job", .text($0))] } ?? []
        return named + [("id", .text(id)), ("attempt", .number(attempt))]
    }

    /// With a tenth of a microsecond: enough to tell 40 µs from 4 ms.
    private func milliseconds(_ duration: Duration) -> Double {
        Double(Int(duration / .microseconds(1))) / 1000
    }

    // MARK: Redis

    private func note(_ event: ConnectionEvent) {
        let now = monotonicNanoseconds()
        switch event {
        case .connected(let endpoint):
            let wasSaid = state.withLock { state in
                defer {
                    state.isDown = false
                    state.isDownSaid = false
                }
                return state.isDownSaid
            }
            if wasSaid {
                write(.info, "connected", "Redis is back", [("redis", .text("\(endpoint)"))])
            }
        case .lost(_, let reason): down(reason, now)
        case .failed(_, let error, _): down(error.description, now)
        }
    }

    private func down(_ reason: String, _ now: Int64) {
        let says = state.withLock { state in
            if !state.isDown {
                state.isDown = true
                state.downSince = now
            }
            guard state.saidAt == .min || now - state.saidAt >= Self.patience else { return false }
            state.saidAt = now
            state.isDownSaid = true
            return true
        }
        if says {
            write(.warning, "disconnected", "\(reason); trying again", [])
        }
    }

    private func trouble(_ queue: String, _ error: RedisError) {
        // What the connection itself reports is said once, there.
        if case .unreachable = error { return }
        if case .closed = error { return }
        let now = monotonicNanoseconds()
        let text = "\(error)"
        var trouble = text
        // What waiting mends is refused alike whatever is asked; the texts name the scripts.
        if case .server(let error) = error, error.code.isTransient {
            trouble = error.code.rawValue
        }
        let says = state.withLock { state in
            if let said = state.troubles[trouble], now - said < Self.patience { return false }
            if state.troubles.count > 100 { state.troubles = [:] }
            state.troubles[trouble] = now
            return true
        }
        if says { write(.error, "redis", text, [("queue", .text(queue))]) }
    }
}
