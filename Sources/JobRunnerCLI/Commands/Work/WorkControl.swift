internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Signals to a worker, and what they make of its exit code.
final class WorkControl: Sendable {
    private struct State {
        /// The signal that asked to stop, first or second.
        var stoppedBy: Int32?
        var gaveUp = false
        var isStuck = false
        var worker: Worker?
        /// What a signal does; nil before there is a worker.
        var act: (@Sendable (Int32) -> Void)?
    }

    private let state = Mutex(State())

    /// Hears signals from now on: while nothing was taken, those that stop end the process.
    func listen() {
        SignalThread.start([SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGUSR1]) { number in
            if let act = self.state.withLock({ $0.act }) { return act(number) }
            if number != SIGTSTP, number != SIGUSR1 { _exit(0) }
        }
    }

    /// The supervisor is gone: as TERM, unless it stops already.
    func orphaned() {
        let (act, isStopping) = state.withLock { ($0.act, $0.stoppedBy != nil) }
        guard let act else { _exit(0) }
        if !isStopping { act(SIGTERM) }
    }

    /// - Parameter patience: After a first stop signal; then the process ends whatever it does.
    func start(
        _ worker: Worker, _ programs: ProgramHandlers?, _ log: WorkLog, patience: Duration
    ) {
        let act: @Sendable (Int32) -> Void = { number in
            switch number {
            case SIGTSTP:
                worker.quiet()
                if isatty(0) == 1 {
                    log.write(
                        .info, "quiet", "that was Ctrl-Z: Ctrl-C stops it, it cannot be resumed")
                }
            case SIGUSR1:
                for line in worker.report() { log.write(.info, "report", line) }
            default:
                self.stop(number, worker, programs, patience)
            }
        }
        let gaveUp = state.withLock { state in
            state.worker = worker
            state.act = act
            return state.gaveUp
        }
        if gaveUp { worker.stopNow() }
    }

    private func stop(
        _ number: Int32, _ worker: Worker, _ programs: ProgramHandlers?, _ patience: Duration
    ) {
        let isFirst = state.withLock { state in
            defer { state.stoppedBy = number }
            return state.stoppedBy == nil && number != SIGQUIT
        }
        Self.end(after: isFirst ? patience : .seconds(5), ExitCode(rawValue: 128 + number))
        if isFirst {
            worker.stop()
        } else {
            worker.stopNow()
            if let programs { Task { await programs.shutdown(now: true) } }
        }
    }

    /// Ends the process on a thread of its own: handlers that block the cooperative pool
    /// hold up all else.
    private static func end(after patience: Duration, _ code: ExitCode) {
        do {
            try startThread("end") {
                let deadline = monotonicDeadline(after: patience)
                while true {
                    let left = deadline - monotonicNanoseconds()
                    if left <= 0 { _exit(code.rawValue) }
                    _ = poll(nil, 0, Int32(clamping: left / 1_000_000 + 1))
                }
            }
        } catch {
            // No thread is to be had: the kernel's clock ends the process, by SIGALRM.
            _ = alarm(UInt32(clamping: patience.components.seconds + 1))
        }
    }

    /// Redis has been away for too long: whatever is held here is reaped by others.
    func giveUp() {
        let worker = state.withLock { state in
            defer { state.gaveUp = true }
            return state.gaveUp ? nil : state.worker
        }
        worker?.stopNow()
    }

    /// A handler ignores its cancellation: the worker stops by itself, and the process ends.
    func giveUpStuck(after patience: Duration) {
        let isFirst = state.withLock { state in
            defer { state.isStuck = true }
            return !state.isStuck && state.stoppedBy == nil
        }
        if isFirst { Self.end(after: patience, .temporary) }
    }

    /// - Parameter interrupted: Runs that were begun and given back.
    func exitCode(interrupted: Int) -> ExitCode {
        let (stoppedBy, gaveUp, isStuck) = state.withLock {
            ($0.stoppedBy, $0.gaveUp, $0.isStuck)
        }
        if gaveUp { return .unavailable }
        if isStuck { return .temporary }
        if interrupted > 0, let stoppedBy { return ExitCode(rawValue: 128 + stoppedBy) }
        return .success
    }
}
