import FoundationEssentials
import JobRunner
import JobRunnerCLI

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// `FaultWorker chords FILE` starts workflows; else it is the worker.
@main
enum FaultProgram {
    @concurrent static func main() async {
        let words = CommandLine.arguments
        if words.count == 3, words[1] == "chords" { exit(await ChordStarter.run(file: words[2])) }
        await FaultWorker.main()
    }
}

/// The worker that the fault tests kill, freeze and cut off: its jobs write what they do into a
/// ledger, a file outside Redis, and misbehave as they are told.
struct FaultWorker: JobRunnerApp {
    func register(on worker: inout WorkerBuilder) async throws {
        let ledger = try Ledger(path: ProcessInfo.processInfo.environment["FAULT_LEDGER"])
        worker.handle(LedgerJob.self) { job, context in try await job.run(context, ledger) }
        worker.handle(BlockPool.self) { job, context in
            ledger.write("start", context)
            // What no handler should do: it holds a thread of the cooperative pool.
            usleep(UInt32(job.milliseconds) * 1000)
            ledger.write("end", context)
        }
        worker.handleBlocking(BlockThread.self) { job, context in
            ledger.write("start", context)
            // What handlers that block may do: the thread is theirs.
            usleep(UInt32(job.milliseconds) * 1000)
            ledger.write("end", context)
        }
        worker.handle(IgnoreCancel.self) { job, context in
            ledger.write("start", context)
            let end = ContinuousClock.now + .milliseconds(job.milliseconds)
            // A cancelled sleep returns at once: it goes on all the same, which is its purpose.
            while ContinuousClock.now < end { try? await Task.sleep(until: end) }
            ledger.write("end", context)
        }
        worker.handle(Limited.self) { _, context in
            ledger.write("start", context)
            ledger.write("end", context)
        }
        worker.handle(Narrow.self) { job, context in
            ledger.write("start", context)
            // A job that takes time, to be killed in the middle.
            try await Task.sleep(for: .milliseconds(job.milliseconds))
            ledger.write("end", context)
        }
        worker.handle(Locked.self) { job, context in
            try await context.withLock("door", ttl: .seconds(3), waiting: .seconds(60)) { _ in
                ledger.write("start", context)
                // The same, under the lock.
                try await Task.sleep(for: .milliseconds(job.milliseconds))
                ledger.write("end", context)
            }
        }
        worker.handle(Member.self) { job, context in try await job.run(context, ledger) }
        worker.handle(Callback.self) { _, values, context in
            ledger.write("start", context)
            ledger.write("end", context)
            return values
        }
        worker.handle(Crash.self) { job, context in
            ledger.write("start", context)
            switch job.how {
            // Each is a way to take the process down, which is what this job is for.
            case "trap": fatalError("as it was told")
            case "exit": _exit(3)
            case "kill": _ = kill(getpid(), SIGKILL)
            case "overflow":
                var bytes = [UInt8](repeating: 1, count: 1 << 20)
                while true { bytes += bytes }
            default: abort()
            }
        }
    }
}

/// Sleeps, and tells the ledger; fails or returns a large value when told so.
struct LedgerJob: Job {
    static let name = "ledger"
    static let options = JobOptions(
        maxAttempts: 20, retryDelay: .fixed(.milliseconds(100)), results: .kept(for: .seconds(600)))

    var milliseconds = 0
    /// Attempts that fail before one ends well.
    var failures: Int?
    /// Bytes of the result.
    var result: Int?

    struct Output: Codable, Sendable {
        var fence: Int
        var pid: Int
        var filler: String?
    }

    struct Failed: Error {}

    func run(_ context: JobContext, _ ledger: Ledger) async throws -> Output {
        ledger.write("start", context)
        Failpoint.running.pass()
        // A job that takes time, to be killed in the middle.
        if milliseconds > 0 { try await Task.sleep(for: .milliseconds(milliseconds)) }
        if context.attempt <= failures ?? 0 { throw Failed() }
        ledger.write("end", context)
        return Output(
            fence: context.fence, pid: Int(getpid()),
            filler: result.map { String(repeating: "x", count: $0) })
    }
}

/// Under a rate, which the fault test knows.
struct Limited: Job {
    static let name = "limited"
    static let options = JobOptions(
        maxAttempts: 20, retryDelay: .fixed(.zero), rateLimit: .perSecond(300))
    var milliseconds = 0
}

/// Three at once, which the fault test knows.
struct Narrow: Job {
    static let name = "narrow"
    static let options = JobOptions(
        maxAttempts: 20, retryDelay: .fixed(.zero), concurrencyLimit: ConcurrencyLimit(3))
    var milliseconds: Int
}

/// One at once, by a lock.
struct Locked: Job {
    static let name = "locked"
    static let options = JobOptions(maxAttempts: 20, retryDelay: .fixed(.zero))
    var milliseconds: Int
}

struct BlockPool: Job {
    static let name = "block-pool"
    var milliseconds: Int
}

struct BlockThread: Job {
    static let name = "block-thread"
    var milliseconds: Int
}

struct IgnoreCancel: Job {
    static let name = "ignore-cancel"
    static let options = JobOptions(
        maxAttempts: 2, retryDelay: .fixed(.zero), timeLimit: .milliseconds(200))
    var milliseconds: Int
}

struct Crash: Job {
    static let name = "crash"
    static let options = JobOptions(maxAttempts: 20, retryDelay: .fixed(.zero))
    var how: String?
}

/// An append-only file that several processes write: one `write` a line, so that none is torn.
final class Ledger: Sendable {
    private let file: Int32

    /// - Parameter path: Nil writes nowhere.
    init(path: String?) throws {
        file = open(path ?? "/dev/null", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    /// `start` or `end`, the job's id, its fence, the process, the attempt, ms since 1970.
    func write(_ event: String, _ context: JobContext) {
        let now = Int(Date().timeIntervalSince1970 * 1000)
        let line =
            "\(event) \(context.id) \(context.fence) \(getpid()) \(context.attempt) \(now)\n"
        let bytes = Array(line.utf8)
        let count = bytes.withUnsafeBytes { appendTo(file, $0.baseAddress, $0.count) }
        precondition(count == bytes.count, "the ledger cannot be written")
    }
}

private func appendTo(_ file: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(file, bytes, count)
}
