internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What ends `jobrunner scheduler`, and its exit code.
final class SchedulerEnd: Sendable {
    private struct State {
        var service: SchedulerService?
        var gaveUp = false
    }

    private let state = Mutex(State())

    /// Hears signals from now on: before there is a service they end the process.
    func listen() {
        SignalThread.start([SIGTERM, SIGINT, SIGQUIT, SIGHUP]) { _ in
            guard let service = self.state.withLock({ $0.service }) else { _exit(0) }
            service.stop()
        }
    }

    func start(_ service: SchedulerService) {
        state.withLock { $0.service = service }
    }

    /// Redis has been away for too long.
    func giveUp() {
        let service = state.withLock { state in
            state.gaveUp = true
            return state.service
        }
        service?.stop()
    }

    var exitCode: ExitCode { state.withLock { $0.gaveUp } ? .unavailable : .success }
}
