import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// `jobrunner dev` as the user has it, into a pipe.
@Suite(
    "dev", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessDevTests {
    /// A `dev` that runs, and what it started.
    private struct Running {
        let dev: ProcessLive
        let redis: pid_t
        let worker: pid_t?
        let url: String
    }

    private let fixture: CommandFixture
    private var data: String { fixture.directory + "/.jobrunner" }

    init() async throws {
        fixture = try CommandFixture()
        try await fixture.program("echo", "cat")
    }

    private func start(
        _ arguments: String..., handlers: Bool = true, environment: [String: String] = [:]
    ) async throws -> Running {
        let dev = try ProcessLive(
            ["dev"] + (handlers ? ["--handlers", fixture.handlers] : []) + arguments,
            environment: environment, in: fixture.directory)
        let pids = try await dev.line("redis pid ", "data in")
        let url = try await dev.line("JOBRUNNER_REDIS_URL=")
        return Running(
            dev: dev, redis: try #require(pid(behind: "redis pid ", in: pids)),
            worker: pid(behind: "worker pid ", in: pids),
            url: String(url.dropFirst("JOBRUNNER_REDIS_URL=".count)))
    }

    private func pid(behind text: String, in line: String) -> pid_t? {
        line.firstRange(of: text).flatMap { pid_t(line[$0.upperBound...].prefix { $0.isNumber }) }
    }

    private func wait(_ url: String, _ arguments: String...) async throws -> BuiltExecutable.End {
        try await BuiltExecutable.run(arguments + ["-u", url])
    }

    @Test func `a job runs, and Ctrl-C leaves nothing behind but the data`() async throws {
        let running = try await start()
        let end = try await wait(running.url, "enqueue", "echo", #"{"a":1}"#, "--wait")
        #expect(end.output == #"{"a":1}"# + "\n", "\(end.errors)")
        try await running.dev.line("worker | ", "done echo")
        running.dev.signal(SIGINT)
        #expect(await running.dev.end() == 0)
        #expect(running.dev.lines.last == "jobrunner dev: stopped; the data is in .jobrunner")
        #expect(running.dev.lines.contains { $0.hasPrefix("worker | ") && $0.contains("stopped") })
        #expect(!running.dev.lines.joined().contains("\u{1B}"))
        #expect(!isRunning(running.redis))
        #expect(!isRunning(try #require(running.worker)))
        let mode = try FileManager.default.attributesOfItem(atPath: data)[.posixPermissions]
        #expect(mode as? Int == 0o700)
        #expect(!FileManager.default.fileExists(atPath: data + "/redis.sock"))
    }

    @Test func `without handlers it says so, and jobs wait for the next time`() async throws {
        let first = try await start(handlers: false)
        #expect(first.worker == nil)
        try await first.dev.line("no handlers", "--handlers")
        let end = try await wait(first.url, "enqueue", "echo", "7", "--id", "kept")
        #expect(end.code == 0, "\(end.errors)")
        first.dev.signal(SIGTERM)
        #expect(await first.dev.end() == 0)
        let second = try await start()
        #expect(second.url == first.url)
        let waited = try await wait(second.url, "jobs", "wait", "default/kept")
        #expect(waited.output == "default/kept done\n", "\(waited.errors)")
        second.dev.signal(SIGHUP)
        #expect(await second.dev.end() == 0)
    }

    @Test func `there is one in a directory`() async throws {
        let running = try await start()
        let other = try ProcessLive(["dev"], in: fixture.directory)
        #expect(await other.end() == 75)
        #expect(
            other.errors.first
                == "jobrunner: error: another 'jobrunner dev' runs here (pid \(running.dev.pid))")
        #expect(isRunning(running.redis))
        let elsewhere = try ProcessLive(["dev", "--directory", "other"], in: fixture.directory)
        try await elsewhere.line("redis pid ")
        for dev in [running.dev, elsewhere] { dev.signal(SIGTERM) }
        #expect(await running.dev.end() == 0)
        #expect(await elsewhere.end() == 0)
    }

    @Test func `killed, it leaves nothing running, and the next one takes over`() async throws {
        try await fixture.gate()
        let first = try await start()
        _ = try await wait(first.url, "enqueue", "gate", "--id", "held")
        try await first.dev.line("worker | ", "started")
        first.dev.signal(SIGKILL)
        #expect(await first.dev.end() == -SIGKILL)
        // It starts when the lock is free: when the last one's Redis and worker are gone.
        let second = try await start()
        #expect(!isRunning(first.redis))
        #expect(!isRunning(try #require(first.worker)))
        // The worker gave its job back: it is not waited for.
        try await second.dev.line("worker | ", "started")
        try await fixture.letGo()
        let waited = try await wait(second.url, "jobs", "wait", "default/held")
        #expect(waited.output == "default/held done\n", "\(waited.errors)")
        second.dev.signal(SIGINT)
        #expect(await second.dev.end() == 0)
    }

    @Test func `a second Ctrl-C does not wait for running jobs`() async throws {
        try await fixture.gate()
        let running = try await start()
        _ = try await wait(running.url, "enqueue", "gate", "--id", "held")
        try await running.dev.line("worker | ", "started")
        running.dev.signal(SIGINT)
        try await running.dev.line("worker | ", "draining")
        running.dev.signal(SIGINT)
        #expect(await running.dev.end() == 0)
        #expect(running.dev.lines.contains { $0.contains("released=1") })
        #expect(!isRunning(running.redis))
    }

    @Test(arguments: [true, false])
    func `a child that dies ends it, and its log is shown`(isRedis: Bool) async throws {
        let running = try await start()
        try await running.dev.line("worker | ", "joined")
        kill(isRedis ? running.redis : try #require(running.worker), SIGKILL)
        #expect(await running.dev.end() == 70)
        let who = isRedis ? "redis-server" : "the worker"
        #expect(
            running.dev.errors.contains(
                "jobrunner: error: \(who) ended by itself: signal 9 (SIGKILL)"),
            "\(running.dev.errors)")
        #expect(running.dev.errors.contains { $0.hasPrefix("| ") })
        #expect(!isRunning(running.redis))
        #expect(!isRunning(try #require(running.worker)))
    }

    @Test func `a worker that refuses to start ends it with the reason`() async throws {
        try await fixture.shell(#"mkdir "$0/empty""#)
        let dev = try ProcessLive(["dev", "--handlers", "empty"], in: fixture.directory)
        #expect(await dev.end() == 70)
        #expect(dev.errors.contains { $0.contains("no job types are registered") })
        #expect(dev.errors.contains { $0.contains("the worker ended by itself: exit code 78") })
    }

    @Test func `a port is listened on as well`() async throws {
        let port = try await freePort()
        let running = try await start(environment: ["JOBRUNNER_DEV_PORT": "\(port)"])
        try await running.dev.line("also at redis://127.0.0.1:\(port)")
        let end = try await wait("redis://127.0.0.1:\(port)", "enqueue", "echo", "1", "--wait")
        #expect(end.output == "1\n", "\(end.errors)")
        // Taken now: the next one's Redis cannot have it.
        let other = try ProcessLive(
            ["dev", "--directory", "other", "--port", "\(port)"], in: fixture.directory)
        #expect(await other.end() == 70)
        #expect(other.errors.contains { $0.contains("Address already in use") })
        running.dev.signal(SIGINT)
        #expect(await running.dev.end() == 0)
    }

    @Test func `a long path gets a socket elsewhere, removed in the end`() async throws {
        let long = String(repeating: "long-", count: 20)
        let running = try await start("--directory", long)
        let socket = String(running.url.dropFirst("unix://".count))
        #expect(socket.hasPrefix("/tmp/jobrunner-dev-"))
        let end = try await wait(running.url, "enqueue", "echo", "1", "--wait")
        #expect(end.output == "1\n", "\(end.errors)")
        running.dev.signal(SIGINT)
        #expect(await running.dev.end() == 0)
        let parent = URL(filePath: socket).deletingLastPathComponent().path
        #expect(!FileManager.default.fileExists(atPath: parent))
    }

    @Test func `a directory with blanks and percent signs is one`() async throws {
        let running = try await start("--directory", "a b%20c?")
        let end = try await wait(running.url, "enqueue", "echo", "1", "--wait")
        #expect(end.output == "1\n", "\(end.errors)")
        running.dev.signal(SIGINT)
        #expect(await running.dev.end() == 0)
    }

    @Test func `without redis-server it says how to get it`() async throws {
        let dev = try ProcessLive(["dev"], environment: ["PATH": "/"], in: fixture.directory)
        #expect(await dev.end() == 69)
        #expect(dev.errors.joined().contains("apt install redis-server"))
        #expect(dev.errors.joined().contains("brew install redis"))
        #expect(!FileManager.default.fileExists(atPath: data))
    }

    @Test(arguments: [
        (["--queue", "a,a"], 64), (["--port", "0"], 64), (["--redis-url", "redis://h"], 64),
        (["--handlers", "nowhere"], 78), (["--app", "nowhere"], 78),
        (["--directory", "no/such/place"], 78),
    ])
    func `what is wrong is said before anything starts`(arguments: [String], code: Int)
        async throws
    {
        let dev = try ProcessLive(["dev"] + arguments, in: fixture.directory)
        #expect(await dev.end() == Int32(code))
        #expect(dev.lines == [])
        #expect(!FileManager.default.fileExists(atPath: data))
    }

    private func freePort() async throws -> Int {
        let server = try RedisServer.start(withPort: true)
        defer { server.stop() }
        return try #require(server.port)
    }
}
