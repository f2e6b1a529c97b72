import Foundation
import JobRunner

@testable import JobRunnerCLI

/// `jobrunner` as it was built beside these tests, running.
final class BuiltExecutable: Sendable {
    /// How it ended and what it said.
    struct End: Sendable {
        var code: Int32
        var output: String
        var errors: String
    }

    /// Nil when it was not built: `swift build --build-tests` builds it.
    static var path: String? {
        #if os(Linux)
            let bundle = try? FileManager.default.destinationOfSymbolicLink(
                atPath: "/proc/self/exe")
        #else
            let bundle = Bundle.allBundles.map(\.bundlePath).first { $0.hasSuffix(".xctest") }
        #endif
        let path = bundle.map { URL(filePath: $0).deletingLastPathComponent().path + "/jobrunner" }
        return path.flatMap { FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil }
    }

    private let pid: pid_t
    private let ending: Task<End, Never>

    /// Starts it without the variables of this process that would change what it does.
    ///
    /// - Parameter program: Another one, by its path.
    init(_ arguments: [String], program: String? = nil) throws {
        let process = Process()
        process.executableURL = URL(filePath: program ?? Self.path ?? "jobrunner")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.filter {
            !$0.key.hasPrefix("JOBRUNNER_")
        }
        let output = Pipe()
        let errors = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        let over = ProcessEnd(process)
        try process.run()
        pid = process.processIdentifier
        let said = Task { await Self.read(output) }
        let complained = Task { await Self.read(errors) }
        let exited = Task { await over.wait().code }
        ending = Task {
            await End(code: exited.value, output: said.value, errors: complained.value)
        }
    }

    static func run(_ arguments: [String]) async throws -> End {
        try await BuiltExecutable(arguments).end()
    }

    func signal(_ number: Int32) {
        kill(pid, number)
    }

    /// Waits until it has ended.
    func end() async -> End {
        await ending.value
    }

    private static func read(_ pipe: Pipe) async -> String {
        await withCheckedContinuation { continuation in
            startCommandThread("read") {
                let data = pipe.fileHandleForReading.readDataToEndOfFile()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }
}

/// The end of a process, which is told: `waitUntilExit` would keep a core busy until then.
final class ProcessEnd: Sendable {
    private let ending: AsyncStream<(code: Int32, wasKilled: Bool)>

    /// Before the process runs.
    init(_ process: Process) {
        let (ending, continuation) = AsyncStream.makeStream(of: (code: Int32, wasKilled: Bool).self)
        self.ending = ending
        process.terminationHandler = { process in
            continuation.yield(
                (process.terminationStatus, process.terminationReason == .uncaughtSignal))
            continuation.finish()
        }
    }

    /// Once only.
    func wait() async -> (code: Int32, wasKilled: Bool) {
        var last: (code: Int32, wasKilled: Bool) = (-1, false)
        for await end in ending { last = end }
        return last
    }
}
