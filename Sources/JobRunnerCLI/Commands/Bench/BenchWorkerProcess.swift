internal import FoundationEssentials
internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The worker process as the bench sees it: orders in, reports out.
///
/// A process of its own, so that its CPU and its memory are the worker's alone.
final class BenchWorkerProcess {
    private enum Incoming: Sendable {
        case report(BenchReport)
        case ended
        case overdue(Int)
    }

    /// The ids it joined with: whose keys to delete should it be killed.
    private(set) var workers: [String] = []

    private let process: ChildProcess
    /// Finished when the process is gone.
    private let gone: AsyncStream<Void>
    private var input: Int32
    private var incoming: AsyncStream<Incoming>.Iterator
    private let deadlines: AsyncStream<Incoming>.Continuation
    private var waits = 0

    /// Starts this executable again, and returns when the process waits for `go`.
    static func start(_ config: BenchWorkerConfig) async throws -> BenchWorkerProcess {
        let process = try BenchWorkerProcess()
        let json = try JSONEncoder().encode(config)
        process.send(String(decoding: json, as: UTF8.self))
        _ = try await process.next(.ready)
        return process
    }

    private init() throws {
        let orders = try Self.pipe()
        let reports: (read: Int32, write: Int32)
        do { reports = try Self.pipe() } catch {
            close(orders.read)
            close(orders.write)
            throw error
        }
        defer {
            close(orders.read)
            close(reports.write)
        }
        let (stream, ending) = AsyncStream.makeStream(of: Void.self)
        gone = stream
        do {
            process = try ChildProcess(
                ChildProcess.ownExecutable, ["jobrunner", BenchWorker.word],
                environment: ProcessInfo.processInfo.environment,
                descriptors: [orders.read, reports.write, STDERR_FILENO]
            ) { _ in ending.finish() }
        } catch {
            close(orders.write)
            close(reports.read)
            throw error
        }
        input = orders.write
        let (reported, continuation) = AsyncStream.makeStream(of: Incoming.self)
        incoming = reported.makeAsyncIterator()
        deadlines = continuation
        let output = reports.read
        startCommandThread("reports") {
            Self.lines(of: output) { line in
                if let report = BenchReport(line: line) { continuation.yield(.report(report)) }
            }
            close(output)
            continuation.yield(.ended)
        }
    }

    deinit {
        if input >= 0 { close(input) }
    }

    func order(_ order: BenchOrder) {
        send(order.rawValue)
    }

    private func send(_ line: String) {
        SystemFile.write(line + "\n", to: input)
    }

    /// Waits for a report, past others.
    ///
    /// - Throws: `CommandFailure` when the worker failed, ended, or takes too long;
    ///   `CancellationError`.
    func next(
        _ kind: BenchReport.Kind, within limit: Duration = .seconds(60)
    ) async throws -> BenchReport {
        waits += 1
        let number = waits
        let deadlines = deadlines
        let deadline = Task {
            try await Task.sleep(for: limit)
            deadlines.yield(.overdue(number))
        }
        defer { deadline.cancel() }
        while let event = await incoming.next(isolation: #isolation) {
            switch event {
            case .report(let report):
                if report.kind == .joined { workers.append(report.text) }
                if report.kind == kind { return report }
                guard report.kind != .failed else {
                    throw CommandFailure(
                        "the bench's worker failed: \(escaped(report.text))", exit: .temporary)
                }
            case .ended:
                throw CommandFailure("the bench's worker process ended", exit: .temporary)
            case .overdue(let which) where which == number:
                throw CommandFailure(
                    "the bench's worker did not report '\(kind.rawValue)' within \(limit)",
                    exit: .temporary)
            case .overdue: break
            }
        }
        throw CancellationError()
    }

    /// Closes its input and returns when the process is gone.
    func end() async {
        if input >= 0 { close(input) }
        input = -1
        for await _ in gone {}
    }
}

// The system's side of it.
extension BenchWorkerProcess {
    private static func failure(_ call: String, _ code: Int32) -> CommandFailure {
        CommandFailure(
            "cannot start the bench's worker: \(escaped(call)): \(errorText(code))",
            exit: .internal)
    }

    /// No other child inherits it; the bench starts one at a time, so two steps will do.
    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        #if canImport(Darwin)
            let failed = Darwin.pipe(&ends) != 0
        #else
            let failed = Glibc.pipe(&ends) != 0
        #endif
        guard !failed else { throw failure("pipe", errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    /// Calls `body` with each line until the end of the pipe; blocks its thread.
    private static func lines(of descriptor: Int32, _ body: (String) -> Void) {
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            for byte in chunk[..<count] {
                if byte == UInt8(ascii: "\n") {
                    body(String(decoding: line, as: UTF8.self))
                    line = []
                } else {
                    line.append(byte)
                }
            }
        }
    }
}
