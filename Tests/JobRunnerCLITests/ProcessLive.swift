import Foundation
import JobRunner
import Synchronization

@testable import JobRunnerCLI

/// `jobrunner` as it was built, running, its lines read as they come.
final class ProcessLive: Sendable {
    /// It ended, and the line that a test waited for did not come.
    struct Ended: Error, CustomStringConvertible {
        let description: String
    }

    private struct State {
        var out: [String] = []
        var err: [String] = []
        var isOver = false
        var waiting: [Waiter] = []
    }

    /// A test that waits for so many lines that hold these texts.
    private struct Waiter {
        let parts: [String]
        let count: Int
        let continuation: CheckedContinuation<[String]?, Never>

        func found(in state: State) -> [String]? {
            let found = (state.out + state.err).filter { line in
                parts.allSatisfy { line.contains($0) }
            }
            return found.count >= count ? found : nil
        }
    }

    let pid: pid_t
    private let state = Mutex(State())
    private let ending: Task<Int32, Never>

    /// Starts it without the variables of this process that would change what it does.
    init(
        _ arguments: [String], environment: [String: String] = [:], in directory: String? = nil,
        executable: String? = nil
    ) throws {
        let process = Process()
        process.executableURL = URL(filePath: executable ?? BuiltExecutable.path ?? "jobrunner")
        process.arguments = arguments
        let inherited = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("JOBRUNNER_") && $0.key != "REDIS_URL"
        }
        process.environment = inherited.merging(environment) { $1 }
        if let directory { process.currentDirectoryURL = URL(filePath: directory) }
        let output = Pipe()
        let errors = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        let over = ProcessEnd(process)
        try process.run()
        pid = process.processIdentifier
        let (ended, continuation) = AsyncStream.makeStream(of: Int32.self)
        ending = Task {
            var code: Int32 = -1
            for await status in ended { code = status }
            return code
        }
        let out = Task { await read(output, isError: false) }
        let err = Task { await read(errors, isError: true) }
        Task { [self] in
            let (status, wasKilled) = await over.wait()
            await out.value
            await err.value
            close()
            continuation.yield(wasKilled ? -status : status)
            continuation.finish()
        }
    }

    /// All lines of standard output so far.
    var lines: [String] { state.withLock(\.out) }
    /// All lines of standard error so far.
    var errors: [String] { state.withLock(\.err) }

    func signal(_ number: Int32) {
        kill(pid, number)
    }

    /// The first line, of either stream, that holds all these texts; waits for it to come.
    @discardableResult func line(_ parts: String...) async throws -> String {
        try await lines(1, of: parts)[0]
    }

    /// All lines that hold all these texts, once there are so many.
    @discardableResult func lines(_ count: Int, of parts: String...) async throws -> [String] {
        try await lines(count, of: parts)
    }

    private func lines(_ count: Int, of parts: [String]) async throws -> [String] {
        let found: [String]? = await withCheckedContinuation { continuation in
            let waiter = Waiter(parts: parts, count: count, continuation: continuation)
            let (known, isOver) = state.withLock { state -> ([String]?, Bool) in
                let known = waiter.found(in: state)
                if known == nil, !state.isOver { state.waiting.append(waiter) }
                return (known, state.isOver)
            }
            if known != nil || isOver { continuation.resume(returning: known) }
        }
        guard let found else {
            let said = (lines.suffix(20) + errors.suffix(20)).joined(separator: "\n")
            throw Ended(description: "it ended without \(parts):\n\(said)")
        }
        return found
    }

    /// Waits until it has ended; minus the signal that killed it.
    func end() async -> Int32 {
        await ending.value
    }

    private func close() {
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for waiter in waiting { waiter.continuation.resume(returning: nil) }
    }

    private func read(_ pipe: Pipe, isError: Bool) async {
        await withCheckedContinuation { continuation in
            startCommandThread("read") { [self] in
                var rest = Data()
                while true {
                    let data = pipe.fileHandleForReading.availableData
                    if data.isEmpty { break }
                    rest += data
                    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                        note(String(decoding: rest[..<end], as: UTF8.self), isError)
                        rest = Data(rest[rest.index(after: end)...])
                    }
                }
                continuation.resume()
            }
        }
    }

    private func note(_ line: String, _ isError: Bool) {
        let ready = state.withLock { state in
            if isError { state.err.append(line) } else { state.out.append(line) }
            let waiting = state.waiting
            state.waiting = []
            var ready: [(continuation: CheckedContinuation<[String]?, Never>, lines: [String])] = []
            for waiter in waiting {
                if let found = waiter.found(in: state) {
                    ready.append((waiter.continuation, found))
                } else {
                    state.waiting.append(waiter)
                }
            }
            return ready
        }
        for (continuation, lines) in ready { continuation.resume(returning: lines) }
    }
}

/// Whether a process runs; one that ended and was not reaped does not.
func isRunning(_ pid: pid_t) -> Bool {
    guard kill(pid, 0) == 0 else { return false }
    let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
    return stat?.split(separator: ")").last?.hasPrefix(" Z") != true
}
