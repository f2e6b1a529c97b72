import Synchronization

/// What holds for every program of a runner.
struct ProgramSettings: Sendable {
    let concurrency: Int
    let environment: ProgramEnvironment
    let outputLimit: Int
    let grace: Duration
    let log: @Sendable (ProgramLogLine) -> Void
}

/// Runs jobs in programs: starts them, feeds them, reads them, kills them, reaps them.
///
/// One thread of its own does that for all of them, with `poll`; it starts with
/// the first run and ends with `shutdown`. A caller only waits for its continuation.
package final class ProgramRunner: Sendable {
    private enum State {
        case new
        case running(ProgramMailbox)
        case stopped
    }

    private let settings: ProgramSettings
    private let state = Mutex(State.new)
    private let lastID = Atomic<ProgramRun.ID>(0)

    /// - Parameters:
    ///   - concurrency: Most runs at a time; more wait, oldest first. Also the
    ///     most processes of one persistent program.
    ///   - environment: The worker's; only an allow-list of it reaches a program.
    ///   - names: Variables to pass on besides `PATH`, `HOME`, `LANG`, `LC_ALL`,
    ///     `TZ` and `TMPDIR`.
    ///   - outputLimit: Most bytes of a result or of an answer; by default 1 MiB.
    ///   - grace: From TERM to KILL; zero kills at once.
    ///   - log: Called on the runner's thread, in order, for every line on standard
    ///     error. Nothing else is read meanwhile, so it must not wait.
    package init(
        concurrency: Int, environment: [String: String], passing names: [String] = [],
        outputLimit: Int = 1 << 20, grace: Duration = .seconds(2),
        log: @escaping @Sendable (ProgramLogLine) -> Void
    ) {
        precondition(concurrency > 0, "concurrency \(concurrency) is not positive")
        precondition(outputLimit > 0, "outputLimit \(outputLimit) is not positive")
        settings = ProgramSettings(
            concurrency: concurrency, environment: ProgramEnvironment(environment, passing: names),
            outputLimit: outputLimit, grace: grace, log: log)
    }

    deinit {
        state.withLock { state in
            if case .running(let mailbox) = state { _ = mailbox.send(.shutdown(now: false, nil)) }
        }
    }

    /// Runs the program for one job, and returns once its process group is gone
    /// (one-shot) or its answer has come (persistent).
    ///
    /// When the task is cancelled, or the deadline passes, the group gets TERM and
    /// after the grace KILL.
    package func run(_ program: Program, invocation: ProgramInvocation) async -> ProgramOutcome {
        let mailbox: ProgramMailbox
        do throws(ProgramError) {
            guard let open = try self.mailbox(for: program.path) else { return .cancelled }
            mailbox = open
        } catch {
            return error.isRetryable ? .notStarted("\(error)") : .failed("\(error)")
        }
        let id = lastID.add(1, ordering: .relaxed).newValue
        let deadline = invocation.deadline.map { ContinuousClock.now + $0 }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let run = ProgramRun(
                    id: id, program: program, invocation: invocation, deadline: deadline,
                    continuation: continuation)
                if !mailbox.send(.start(run)) { return run.end(.cancelled) }
                // A cancellation before the start found no run to cancel.
                if Task.isCancelled { _ = mailbox.send(.cancel(id)) }
            }
        } onCancel: {
            _ = mailbox.send(.cancel(id))
        }
    }

    /// Stops everything and returns when every process is gone and reaped.
    ///
    /// What runs is stopped as if cancelled. Persistent programs see the end of
    /// their input; one that is still there after the grace gets TERM, and after
    /// another KILL. Runs that come later are `cancelled`.
    ///
    /// - Parameter now: KILL at once. A second call with it cuts a first one short.
    package func shutdown(now: Bool = false) async {
        let mailbox: ProgramMailbox? = state.withLock { state in
            defer { if case .new = state { state = .stopped } }
            if case .running(let mailbox) = state { return mailbox }
            return nil
        }
        guard let mailbox else { return }
        await withCheckedContinuation { continuation in
            if !mailbox.send(.shutdown(now: now, continuation)) { continuation.resume() }
        }
    }

    /// The mailbox of the thread, which is started if need be; nil after `shutdown`.
    private func mailbox(for path: String) throws(ProgramError) -> ProgramMailbox? {
        try state.withLock { state throws(ProgramError) in
            switch state {
            case .running(let mailbox): return mailbox
            case .stopped: return nil
            case .new:
                let mailbox = try ProgramMailbox(for: path)
                try ProgramThread.start(settings, mailbox, for: path)
                state = .running(mailbox)
                return mailbox
            }
        }
    }
}
