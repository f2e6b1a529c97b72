import Foundation
import JobRunner
import JobRunnerTesting
import Synchronization

@testable import JobRunnerCLI

/// Runs command lines in this process, on a prefix of its own, and keeps what they print.
final class CommandFixture: Sendable {
    struct Ran {
        let exit: ExitCode
        let out: String
        let err: String

        /// Lines of standard output.
        var lines: [String] { out.split(separator: "\n").map(String.init) }
    }

    private struct Printed {
        var texts: [Int32: String] = [:]
        var waiting: (text: String, continuation: CheckedContinuation<Void, Never>)?
    }

    let url: String
    let prefix: String
    let client: JobClient
    let directory: String
    private let printed = Mutex(Printed())

    /// - Parameter url: Of the shared server unless given.
    init(url: String? = nil) throws {
        let url = try url ?? RedisServer.shared.url
        self.url = url
        prefix = "cli-" + UUID().uuidString.prefix(8)
        var options = ClientOptions()
        options.prefix = prefix
        client = try JobClient(connectingLater: url, options: options)
        directory = NSTemporaryDirectory() + prefix
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true)
    }

    deinit {
        client.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Runs a command line, given as its words.
    func run(
        _ arguments: [String], input: Int32 = -1, isTerminal: Bool = false,
        interrupts: Interrupts? = nil, environment: [String: String] = [:],
        register: @escaping Registration = { _ in }
    ) async -> Ran {
        var runner = CommandRunner(
            root: CommandTree.root(register: register), executable: "jobrunner",
            version: JobRunner.version,
            write: { [self] text, descriptor in note(text, descriptor) })
        runner.console.input = input
        runner.console.isTerminal = { _ in isTerminal }
        runner.console.interrupts = interrupts
        let common = ["JOBRUNNER_REDIS_URL": url, "JOBRUNNER_PREFIX": prefix]
        let exit = await runner.run(
            arguments: arguments, environment: common.merging(environment) { $1 })
        let texts = printed.withLock { printed in
            defer { printed.texts = [:] }
            return printed.texts
        }
        return Ran(exit: exit, out: texts[1, default: ""], err: texts[2, default: ""])
    }

    /// Runs a command line of words without blanks in them.
    func run(_ line: String, input: Int32 = -1) async -> Ran {
        await run(line.split(separator: " ").map(String.init), input: input)
    }

    /// Returns once a command printed this; for one that is still under way.
    func prints(_ text: String) async {
        await withCheckedContinuation { continuation in
            let isThere = printed.withLock { printed in
                if printed.texts.values.contains(where: { $0.contains(text) }) { return true }
                printed.waiting = (text, continuation)
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    private func note(_ text: String, _ descriptor: Int32) {
        let continuation: CheckedContinuation<Void, Never>? = printed.withLock { printed in
            printed.texts[descriptor, default: ""] += text
            guard let waiting = printed.waiting,
                printed.texts.values.contains(where: { $0.contains(waiting.text) })
            else { return nil }
            printed.waiting = nil
            return waiting.continuation
        }
        continuation?.resume()
    }

    // MARK: Files

    func file(_ name: String, _ text: String) throws -> String {
        let path = directory + "/" + name
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    /// Standard input with that text, to be closed by the system with the process.
    func input(_ text: String) throws -> Int32 {
        let path = try file("input-" + UUID().uuidString, text)
        return open(path, O_RDONLY)
    }

    // MARK: Redis

    func ask(_ words: String...) async throws -> RedisValue {
        let command = Command(words)
        return try await client.router.connection(for: "").send(command)
    }

    /// Lets time pass on the server, where leases and delays run.
    func pass(_ seconds: Double) async throws {
        let other = try JobClient(connectingLater: url, options: ClientOptions())
        defer { other.close() }
        _ = try await other.router.connection(for: "").send(
            Command("BLPOP", prefix + ":never", "\(seconds)"))
    }

    func key(_ name: String, of queue: String = "default") -> String {
        "\(prefix):{\(queue)}:\(name)"
    }

    /// Jobs that are ready, oldest first.
    func ready(_ queue: String = "default") async throws -> [String] {
        // `landing` is the older end of the same queue.
        var jobs: [String] = []
        for list in ["landing", "ready"] {
            let reply = try await ask("LRANGE", key(list, of: queue), "0", "-1")
            jobs += (reply.array ?? []).compactMap(\.text).reversed()
        }
        return jobs
    }

    /// Every key of this fixture.
    func keys() async throws -> [String] {
        (try await ask("KEYS", prefix + ":*").array ?? []).compactMap(\.text)
    }

    /// What the ready jobs are called and given.
    func jobs(_ queue: String = "default") async throws -> [Envelope] {
        try await ready(queue).map { try Envelope(Array($0.utf8)) }
    }

    // MARK: Worker

    /// Runs `body` beside a worker with these handlers.
    func working<R: Sendable>(
        _ handlers: @Sendable (inout WorkerBuilder) -> Void, _ body: () async throws -> R
    ) async throws -> R {
        var builder = WorkerBuilder()
        handlers(&builder)
        let worker = try Worker(builder, url: url, prefix: prefix)
        let running = Task { try await worker.run() }
        let result: Result<R, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        worker.stop()
        _ = try await running.value
        return try result.get()
    }
}

/// Gives its arguments back.
struct Echo: Job {
    static let name = "echo"
    var text: String
    typealias Output = String
}

/// Fails for good.
struct Broken: Job {
    static let name = "broken"
}
