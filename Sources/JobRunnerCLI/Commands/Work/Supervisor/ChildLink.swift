internal import JobRunner
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// This process as the child of a supervisor: what it tells, and how it hears that it is alone.
///
/// Two pipes that it inherits. On one it writes what happens to it. The other nobody writes to:
/// when the supervisor ends, however it ends, the kernel closes it, and that is the order to drain.
/// `PR_SET_PDEATHSIG` would add nothing and could do harm: it fires when the *thread* that started
/// the child ends, and as a second TERM it would not let jobs finish.
final class ChildLink: Sendable {
    private struct State {
        var joined = Set<String>()
        var hasJoined = false
        var ran = 0
        var isWorn = false
    }

    /// Where a child finds them.
    static let lifelineNumber: Int32 = 3
    static let reportsNumber: Int32 = 4
    /// Says which child this is: its number and the supervisor's process id.
    static let variable = "JOBRUNNER_CHILD"

    static func value(number: Int) -> String { "\(number) \(getpid())" }

    /// Its place, from 1.
    let number: Int
    /// The supervisor's process id.
    let supervisor: Int
    private let queues: Int
    private let maxJobs: Int?
    private let state = Mutex(State())

    /// Nil when this process is no child; then nothing was touched.
    ///
    /// Its own children are not the supervisor's: they inherit neither the variable nor the pipes.
    ///
    /// - Parameters:
    ///   - queues: In how many it has to join.
    ///   - maxJobs: After so many runs it is to be replaced; nil is never.
    init?(queues: Int, maxJobs: Int?) {
        guard let numbers = Self.numbers() else { return nil }
        for descriptor in [Self.lifelineNumber, Self.reportsNumber] {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        (number, supervisor) = numbers
        self.queues = queues
        self.maxJobs = maxJobs
        unsetenv(Self.variable)
    }

    /// Whether a supervisor started this process.
    static var isChild: Bool { numbers() != nil }

    private static func numbers() -> (number: Int, supervisor: Int)? {
        guard let text = getenv(variable).map({ String(cString: $0) }) else { return nil }
        let numbers = text.split(separator: " ").compactMap { Int($0) }
        guard numbers.count == 2, isPipe(lifelineNumber), isPipe(reportsNumber) else { return nil }
        return (numbers[0], numbers[1])
    }

    private static func isPipe(_ descriptor: Int32) -> Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// Calls `body` once, on a thread of its own, when the supervisor is gone.
    func watch(_ body: @escaping @Sendable () -> Void) {
        startCommandThread("lifeline") {
            var byte: UInt8 = 0
            while true {
                let count = read(Self.lifelineNumber, &byte, 1)
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return body() }
            }
        }
    }

    /// One `write`, so that lines of several threads stay whole; a supervisor that is gone is told
    /// in vain.
    func tell(_ report: ChildReport) {
        SystemFile.write(report.line + "\n", to: Self.reportsNumber)
    }

    /// Tells what of a worker's life concerns the supervisor.
    func note(_ event: WorkerEvent) {
        switch event {
        case .joined(let queue, _):
            let isAll = state.withLock { state in
                state.joined.insert(queue)
                guard !state.hasJoined, state.joined.count == queues else { return false }
                state.hasJoined = true
                return true
            }
            if isAll { tell(.joined) }
        case .ended(let end):
            guard let maxJobs, end.verdict != .released, end.verdict != .parked else { return }
            let isWorn = state.withLock { state in
                state.ran += 1
                defer { state.isWorn = state.ran >= maxJobs }
                return !state.isWorn && state.ran >= maxJobs
            }
            if isWorn { tell(.worn) }
        case .givingUp: tell(.leaving)
        default: break
        }
    }
}
