import CSpawn

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A running program: its pipes, its end, and the way there.
///
/// Not Sendable: made, used and let go of on the runner's thread.
final class ProgramProcess {
    /// The descriptors that `poll` watches.
    ///
    /// In the order in which they are looked at: what a persistent program
    /// says on standard error before its answer belongs to the job.
    enum Channel: CaseIterable { case input, errors, output, exit }

    /// How far stopping it has come, with the time of the next step.
    enum Stop {
        case none
        /// Its input is closed; TERM follows.
        case closed(until: ContinuousClock.Instant)
        /// TERM was sent; KILL follows.
        case terminated(until: ContinuousClock.Instant)
        /// Nothing left to send.
        case killed
    }

    /// How long the pipes may outlive the process, for a last stage that still
    /// writes (`cmd > >(tee log)`); then the rest of the group is killed.
    static let linger = Duration.milliseconds(100)

    let program: Program
    let pid: pid_t
    /// The run it works on; nil for a persistent program between two jobs.
    var run: ProgramRun?
    /// What becomes of the run once the process is gone, if not what its end says.
    var verdict: ProgramOutcome?
    /// What it has printed of its result or answer.
    var received: [UInt8] = []
    /// What it prints on standard error.
    var lines = ProgramLines()
    /// How it ended; nil while it runs.
    private(set) var ended: ProgramExit?
    private(set) var stop = Stop.none
    private(set) var isReaped = false

    private var input: ProgramDescriptor?
    private var output: ProgramDescriptor?
    private var errors: ProgramDescriptor?
    private var exit: ProgramDescriptor?
    private var pending: ArraySlice<UInt8> = []
    private var closesWhenSent = false
    private var lingersUntil: ContinuousClock.Instant?
    private var muteSince: ContinuousClock.Instant?

    /// Starts the program; the thread waits about a millisecond for it.
    ///
    /// - Parameter environment: `NAME=value`, all that the program gets.
    init(_ program: Program, environment: [String]) throws(ProgramError) {
        self.program = program
        let path = program.path
        let input = try ProgramPipe(keeping: .write, for: path)
        let output = try ProgramPipe(keeping: .read, for: path)
        let errors = try ProgramPipe(keeping: .read, for: path)
        // Held until it is needed: a program that ran could not be watched, and would be killed.
        let spare = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard spare >= 0 else { throw .starting(path, errno: errno) }
        var pid: pid_t = 0
        var entries = environment.map { strdup($0) } + [nil]
        defer { entries.forEach { free($0) } }
        let failure = jr_spawn(
            path, &entries, input.read.number, output.write.number, errors.write.number, &pid)
        close(spare)
        guard failure == 0 else { throw .starting(path, errno: failure) }
        let watched = jr_exit_descriptor(pid)
        guard watched >= 0 else {
            let failure = errno
            // ESRCH: gone and reaped, since this process ignores SIGCHLD.
            if failure != ESRCH {
                kill(-pid, SIGKILL)
                jr_reap(pid)
            }
            throw .starting(path, errno: failure)
        }
        self.pid = pid
        self.exit = .some(ProgramDescriptor(watched))
        self.input = .some(input.write)
        self.output = .some(output.read)
        self.errors = .some(errors.read)
    }

    /// The descriptor to poll for a channel; nil when there is nothing to wait for.
    func descriptor(_ channel: Channel) -> Int32? {
        switch channel {
        // A reader that went away reports an error at once and for ever: watch
        // the input only while there is something to send.
        case .input: pending.isEmpty ? nil : input?.number
        case .output: output?.number
        case .errors: errors?.number
        case .exit: ended == nil ? exit?.number : nil
        }
    }
}

// Input and output.
extension ProgramProcess {
    /// Nobody reads what we send any more.
    var isDeaf: Bool { input == nil }

    /// Sends bytes now or as it reads them; with `close`, the end after them.
    func send(_ bytes: [UInt8], close: Bool) {
        pending += bytes
        closesWhenSent = close
        flush()
    }

    /// Writes what it takes now; that it stopped reading is no error here.
    func flush() {
        while !pending.isEmpty {
            guard let count = input?.write(pending) else {
                input = nil
                pending = []
                return
            }
            if count == 0 { return }
            pending = pending.dropFirst(count)
        }
        if closesWhenSent { input = nil }
    }

    /// Reads once; closes the channel at its end.
    func read(
        _ channel: Channel, into buffer: UnsafeMutableRawBufferPointer,
        now: ContinuousClock.Instant
    ) -> ProgramDescriptor.Reading {
        let reading =
            switch channel {
            case .output: output?.read(into: buffer) ?? .end
            case .errors: errors?.read(into: buffer) ?? .end
            case .input, .exit: ProgramDescriptor.Reading.end
            }
        if reading == .end {
            if channel == .output {
                output = nil
                muteSince = now
            }
            if channel == .errors { errors = nil }
        }
        return reading
    }
}

// The end.
extension ProgramProcess {
    /// Looks whether it ended; from then on its pipes have `linger` left.
    func checkExit(now: ContinuousClock.Instant) {
        guard ended == nil, let exit = ProgramExit.peek(pid) else { return }
        ended = exit
        lingersUntil = now + Self.linger
    }

    /// It closed its output and lives on; a moment is given, since the output of
    /// one that ends is closed first.
    func isMute(now: ContinuousClock.Instant) -> Bool {
        guard ended == nil, let muteSince else { return false }
        return now >= muteSince + Self.linger
    }

    /// It ended, and there is nothing left to read or to wait for.
    func isOver(now: ContinuousClock.Instant) -> Bool {
        guard let lingersUntil else { return false }
        return (output == nil && errors == nil) || now >= lingersUntil
    }

    /// Closes its input; `grace` later sends TERM, and after that again KILL.
    func hangUp(grace: Duration, now: ContinuousClock.Instant) {
        guard case .none = stop else { return }
        pending = []
        input = nil
        stop = .closed(until: now + grace)
    }

    /// Sends TERM to its group and KILL after `grace`; KILL at once with no grace.
    func terminate(grace: Duration, now: ContinuousClock.Instant) {
        if grace <= .zero { return killNow() }
        switch stop {
        case .none, .closed:
            signal(SIGTERM)
            stop = .terminated(until: now + grace)
        case .terminated, .killed: return
        }
    }

    private func killNow() {
        signal(SIGKILL)
        stop = .killed
    }

    /// Signals the whole group; its id is ours until `reap`, even when it has ended.
    private func signal(_ signal: Int32) {
        if ended != .lost { _ = kill(-pid, signal) }
    }

    /// The next moment at which `advance` has something to do.
    var nextStep: ContinuousClock.Instant? {
        if let lingersUntil { return lingersUntil }
        switch stop {
        case .none where program.isPersistent: return muteSince.map { $0 + Self.linger }
        case .closed(let until), .terminated(let until): return until
        case .none, .killed: return nil
        }
    }

    /// Takes the next step of stopping when it is time.
    func advance(grace: Duration, now: ContinuousClock.Instant) {
        guard ended == nil else { return }
        switch stop {
        case .closed(let until) where now >= until: terminate(grace: grace, now: now)
        case .terminated(let until) where now >= until: killNow()
        default: break
        }
    }

    /// Kills what is left of the group, so that nothing it started outlives it.
    func killGroup() { signal(SIGKILL) }

    /// Lets the system forget it and closes everything; call it once, after it ended.
    func reap() {
        input = nil
        output = nil
        errors = nil
        exit = nil
        if ended != .lost { jr_reap(pid) }
        isReaped = true
    }
}
