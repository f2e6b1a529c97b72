import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// What `jobrunner work` refuses, and how it says so.
@Suite(
    "work refuses", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessConfigurationTests {
    private func fixture(_ arguments: String...) async throws -> (RedisServer, CommandFixture) {
        let redis = try RedisServer.start(arguments: arguments)
        let fixture = try CommandFixture(url: redis.url)
        try await fixture.program("echo", "cat")
        return (redis, fixture)
    }

    private func expectRefusal(
        _ worker: ProcessLive, _ code: Int32, _ text: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let ended = await worker.end()
        #expect(ended == code, sourceLocation: sourceLocation)
        let errors = worker.errors.joined(separator: "\n")
        #expect(errors.hasPrefix("jobrunner: error: "), sourceLocation: sourceLocation)
        #expect(errors.contains(text), "\(errors)", sourceLocation: sourceLocation)
    }

    @Test func `nothing to work on`() async throws {
        let fixture = try CommandFixture()
        let worker = try ProcessLive(["work", "-u", fixture.url])
        await expectRefusal(worker, 78, "no job types are registered; nothing to work on")
        #expect(worker.errors.last?.contains("--handlers DIR") == true)
    }

    @Test(arguments: [
        ("-q a,a", "'a'"), ("-q a=0", "weight of queue 'a' must be 1 to 100, got '0'"),
        ("-q a=101", "1 to 100"), ("-q a=b", "1 to 100"),
        ("-q a,,b", "name"), ("-q a!", "a!"), ("--concurrency 0", "from 1 to 1024, got '0'"),
        ("-c 5..2", "MIN..MAX with the smaller one first: 2..5, got '5..2'"),
        ("-c 0..4", "or MIN..MAX such as 2..8, from 1 to 1024, got '0..4'"),
        ("-c 3..", "with both ends, as in 3..MAX, from 1 to 1024, got '3..'"),
        ("-c ..8", "with both ends, as in MIN..8, from 1 to 1024, got '..8'"),
        ("-c a..b", "or MIN..MAX such as 2..8, from 1 to 1024, got 'a..b'"),
        ("--visibility-timeout 2s", "--visibility-timeout must be"), ("--log-format xml", "xml"),
        ("--nonsense", "--nonsense"), ("word", "word"),
    ])
    func `a wrong command line`(line: String, text: String) async throws {
        let fixture = try CommandFixture()
        try await fixture.program("echo", "cat")
        let worker = try fixture.work(more: line.split(separator: " ").map(String.init))
        await expectRefusal(worker, 64, text)
        #expect(worker.lines == [])
    }

    @Test(arguments: [
        ("JOBRUNNER_QUEUES", "a,a", "'a'"), ("JOBRUNNER_QUEUES", "a=0", "1 to 100"),
        ("JOBRUNNER_CONCURRENCY", "0", "JOBRUNNER_CONCURRENCY must be"),
        ("JOBRUNNER_CONCURRENCY", "5..2", "JOBRUNNER_CONCURRENCY must be MIN..MAX with"),
        ("JOBRUNNER_HANDLERS", "", "JOBRUNNER_HANDLERS is set but empty"),
        ("JOBRUNNER_HANDLERS", "/nowhere", "/nowhere"),
    ])
    func `a wrong variable`(name: String, value: String, text: String) async throws {
        let fixture = try CommandFixture()
        try await fixture.program("echo", "cat")
        let variables = ["JOBRUNNER_HANDLERS": fixture.handlers].merging([name: value]) { $1 }
        let worker = try ProcessLive(["work", "-u", fixture.url], environment: variables)
        await expectRefusal(worker, 78, text)
    }

    @Test func `another visibility timeout than the queue's`() async throws {
        let fixture = try CommandFixture()
        try await fixture.program("echo", "cat")
        let first = try fixture.work("-q", "mail")
        try await first.line(#""event":"joined""#)
        let second = try fixture.work("-q", "mail", "--visibility-timeout", "10s")
        await expectRefusal(second, 78, "queue 'mail' uses 30s; all its workers must")
        first.signal(SIGTERM)
        #expect(await first.end() == 0)
    }

    @Test func `a Redis that may evict jobs`() async throws {
        let (redis, fixture) = try await fixture(
            "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
        defer { redis.stop() }
        await expectRefusal(try fixture.work(), 78, "maxmemory-policy is 'allkeys-lru'")
        let allowed = try fixture.work("--allow-eviction")
        try await allowed.line(#""level":"warning","event":"eviction""#)
        try await allowed.line(#""event":"joined""#)
        allowed.signal(SIGTERM)
        #expect(await allowed.end() == 0)
    }

    @Test func `a replica`() async throws {
        let (redis, fixture) = try await fixture("--replicaof", "127.0.0.1", "1")
        defer { redis.stop() }
        let worker = try fixture.work()
        await expectRefusal(
            worker, 75,
            "error: unix:\(redis.socketPath): this Redis is a read-only replica")
    }

    @Test func `a wrong password, which is shown nowhere`() async throws {
        let (redis, fixture) = try await fixture("--requirepass", "right-secret")
        defer { redis.stop() }
        let arguments = ["work", "--handlers", fixture.handlers]
        let url = { (password: String) in "unix://:\(password)@" + redis.socketPath }
        let wrong = try ProcessLive(
            arguments, environment: ["JOBRUNNER_REDIS_URL": url("wrong-secret")])
        await expectRefusal(wrong, 77, "WRONGPASS")
        let none = try ProcessLive(arguments, environment: ["JOBRUNNER_REDIS_URL": redis.url])
        await expectRefusal(none, 77, "NOAUTH")
        let right = try ProcessLive(
            arguments, environment: ["JOBRUNNER_REDIS_URL": url("right-secret")])
        try await right.line(#""event":"joined""#)
        #if os(Linux)
            let line = try String(contentsOfFile: "/proc/\(right.pid)/cmdline", encoding: .utf8)
            #expect(line.contains("--handlers"))
            #expect(!line.contains("secret"))
        #endif
        right.signal(SIGUSR1)
        right.signal(SIGTERM)
        #expect(await right.end() == 0)
        for worker in [wrong, none, right] {
            #expect(!(worker.lines + worker.errors).joined().contains("secret"))
        }
    }
}
