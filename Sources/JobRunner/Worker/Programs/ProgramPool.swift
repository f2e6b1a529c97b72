/// Decides which run gets which process, and what a process's words and end
/// mean for its run.
///
/// Not Sendable: everything happens on the runner's thread.
final class ProgramPool {
    let settings: ProgramSettings

    /// All processes not yet reaped.
    private(set) var processes: [ProgramProcess] = []
    /// Persistent processes without a job, by path; the last used is taken first.
    var idle: [String: [ProgramProcess]] = [:]
    /// Runs for which there was no slot, oldest first.
    private(set) var waiting: [ProgramRun] = []
    /// Slots taken: processes that have a run.
    private var running = 0
    /// Kills them when this process is killed.
    private let lifeline = ProgramLifeline()
    /// Those who wait for `shutdown`; nil before it.
    private var stopping: [CheckedContinuation<Void, Never>]?

    init(_ settings: ProgramSettings) {
        self.settings = settings
    }

    /// Shut down, and nothing is left.
    var isFinished: Bool { stopping != nil && processes.isEmpty && waiting.isEmpty }

    /// Tells those who waited for the end.
    func announceEnd() {
        stopping?.forEach { $0.resume() }
        stopping = []
    }

    func handle(_ command: ProgramCommand, now: ContinuousClock.Instant) {
        switch command {
        case .start(let run):
            if stopping != nil { run.end(.cancelled) } else { waiting.append(run) }
        case .cancel(let id):
            if let index = waiting.firstIndex(where: { $0.id == id }) {
                waiting.remove(at: index).end(.cancelled)
            } else if let process = processes.first(where: { $0.run?.id == id }),
                process.ended == nil
            {
                stop(process, .cancelled, now: now)
            }
        case .shutdown(let immediately, let continuation):
            stopping = (stopping ?? []) + (continuation.map { [$0] } ?? [])
            waiting.forEach { $0.end(.cancelled) }
            waiting = []
            let grace = immediately ? Duration.zero : settings.grace
            // What has ended already says itself what becomes of its run.
            for process in processes where process.ended == nil {
                if process.run != nil {
                    stop(process, .cancelled, grace: grace, now: now)
                } else if immediately {
                    process.terminate(grace: .zero, now: now)
                } else {
                    process.hangUp(grace: grace, now: now)
                }
            }
            idle = [:]
        }
    }

    // MARK: Starting

    /// Gives the waiting runs the free slots, oldest first.
    func fill() {
        var taken = 0
        // A run that cannot start takes no slot, so look again after each.
        while running < settings.concurrency, taken < waiting.count {
            start(waiting[taken])
            taken += 1
        }
        waiting.removeFirst(taken)
    }

    private func start(_ run: ProgramRun) {
        let now = ContinuousClock.now
        let left = run.deadline.map { $0 - now }
        if let left, left <= .zero { return run.end(run.overdue) }
        let invocation = run.invocation.with(deadline: left)
        do throws(ProgramError) {
            let process: ProgramProcess
            if run.program.isPersistent {
                guard let line = invocation.line else {
                    return run.end(.failed("the arguments are not JSON"))
                }
                process = try persistent(run.program, now: now)
                process.run = run
                process.send(line, close: false)
            } else {
                process = try launch(run.program, adding: invocation.environment)
                process.run = run
                process.send(invocation.document ?? invocation.arguments, close: true)
            }
            running += 1
            stopIfDeaf(process, now: now)
        } catch {
            run.end(error.isRetryable ? .notStarted("\(error)") : .failed("\(error)"))
        }
    }

    /// An idle process of the program that is still alive, or a new one.
    private func persistent(
        _ program: Program, now: ContinuousClock.Instant
    ) throws(ProgramError) -> ProgramProcess {
        while let process = idle[program.path]?.popLast() {
            process.checkExit(now: now)
            if process.ended == nil { return process }
        }
        return try launch(program, adding: ["JOBRUNNER_JOB": program.name])
    }

    private func launch(
        _ program: Program, adding variables: [String: String]
    ) throws(ProgramError) -> ProgramProcess {
        let environment = settings.environment.entries(adding: variables)
        let process = try ProgramProcess(program, environment: environment)
        processes.append(process)
        lifeline.add(process.pid)
        return process
    }

    // MARK: Stopping

    /// Steps whose time has come: time limits, the next signal, the end of reading.
    func advance(buffer: UnsafeMutableRawBufferPointer, now: ContinuousClock.Instant) {
        while let index = waiting.firstIndex(where: { $0.isOverdue(now) }) {
            let run = waiting.remove(at: index)
            run.end(run.overdue)
        }
        for process in processes {
            if let run = process.run, run.isOverdue(now), process.ended == nil {
                stop(process, run.overdue, now: now)
            }
            if process.program.isPersistent, case .none = process.stop, process.isMute(now: now) {
                stop(process, .failed("closed its output without an answer"), now: now)
            }
            process.advance(grace: settings.grace, now: now)
            if process.isOver(now: now) { bury(process, buffer: buffer, now: now) }
        }
        processes.removeAll { $0.isReaped }
    }

    /// When `advance` has to be called next.
    var nextStep: ContinuousClock.Instant? {
        let steps = processes.lazy.compactMap(\.nextStep)
        let limits = processes.lazy.compactMap { process in
            process.verdict == nil && process.ended == nil ? process.run?.deadline : nil
        }
        return [steps.min(), limits.min(), waiting.lazy.compactMap(\.deadline).min()]
            .compactMap(\.self).min()
    }

    /// Stops the group; the first verdict is the one its run gets.
    func stop(
        _ process: ProgramProcess, _ verdict: ProgramOutcome, grace: Duration? = nil,
        now: ContinuousClock.Instant
    ) {
        if process.verdict == nil { process.verdict = verdict }
        if process.run == nil, case .failed(let text) = verdict {
            log("stopped by jobrunner: \(text)", isCut: false, of: process)
        }
        retire(process)
        process.received = []
        process.terminate(grace: grace ?? settings.grace, now: now)
    }

    /// A persistent program that closed its input can never be told of a job.
    func stopIfDeaf(_ process: ProgramProcess, now: ContinuousClock.Instant) {
        guard process.program.isPersistent, process.isDeaf, process.run != nil else { return }
        stop(process, .failed("stopped reading its input"), now: now)
    }

    /// The process has ended: kill what it left behind, read what it said, reap it.
    private func bury(
        _ process: ProgramProcess, buffer: UnsafeMutableRawBufferPointer,
        now: ContinuousClock.Instant
    ) {
        process.killGroup()
        for channel in [ProgramProcess.Channel.errors, .output] {
            // A pipe holds 1 MiB at most (pipe(7)); one that is filled again by
            // a process outside the group is left.
            var reads = 1 + (1 << 20) / buffer.count
            while reads > 0, read(process, channel, buffer: buffer, now: now) { reads -= 1 }
        }
        process.lines.close { log($0, isCut: $1, of: process) }
        lifeline.drop(process.pid)
        process.reap()
        guard process.run != nil, let ended = process.ended else { return }
        let lastLine = process.lines.last
        let outcome =
            process.program.isPersistent
            ? ended.failure(lastLine: lastLine)
            : ended.outcome(output: process.received, lastLine: lastLine)
        free(process, with: process.verdict ?? outcome)
    }

    /// The run is over; its slot is free.
    func free(_ process: ProgramProcess, with outcome: ProgramOutcome) {
        process.run?.end(outcome)
        process.run = nil
        running -= 1
    }
}
