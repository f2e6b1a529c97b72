import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// Workers and servers that are killed: no job is lost, and the log tells what happened.
@Suite(
    "work through crashes", .timeLimit(.minutes(3)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessCrashTests {
    private static let count = 300

    private func server(_ arguments: String...) throws -> (RedisServer, CommandFixture) {
        let redis = try RedisServer.start(arguments: arguments)
        return (redis, try CommandFixture(url: redis.url))
    }

    @Test func `a killed worker's jobs are run by the other`() async throws {
        let fixture = try CommandFixture()
        // Long enough that it has some when it is killed, however busy the machine is.
        try await fixture.program("slow", "sleep 0.5\ncat")
        let options = ["--visibility-timeout", "3s", "--concurrency", "4"]
        let first = try fixture.work(more: options)
        let second = try fixture.work(more: options)
        for worker in [first, second] { try await worker.line(#""event":"joined""#) }
        let killed = try await first.line(#""event":"joined""#)
            .split(separator: #""worker":""#).last?.prefix { $0 != "\"" }
        try await fixture.enqueue(40, of: "slow")
        while try await !fixture.holders().contains(where: {
            $0.hasSuffix(":active:\(killed ?? "")")
        }) {}
        first.signal(SIGKILL)
        #expect(await first.end() == -SIGKILL)
        try await fixture.finish(40)
        let reaped = try await second.line(#""event":"reaped""#)
        #expect(reaped.contains(try #require(killed)))
        second.signal(SIGTERM)
        #expect(await second.end() == 0)
        #expect(try await fixture.holders() == [])
        #expect(try await fixture.ready() == [])
    }

    @Test func `a job that kills its workers is buried, and only that job`() async throws {
        let fixture = try CommandFixture()
        // The worker is its parent, and dead before the program can end.
        try await fixture.program("killer", "kill -9 $PPID")
        try await fixture.program("echo", "cat")
        try await fixture.enqueue("killer", id: "killer")
        try await fixture.enqueue(9, of: "echo")
        let options = ["--visibility-timeout", "3s", "--concurrency", "10"]
        for _ in 0..<3 {
            let worker = try fixture.work(more: options)
            #expect(await worker.end() == -SIGKILL)
        }
        let last = try fixture.work(more: options)
        let buried = try await last.line(#""event":"buried""#)
        #expect(buried.contains("lost with 3 workers"))
        #expect(buried.contains(#""job":"killer""#))
        try await fixture.finish(9)
        last.signal(SIGTERM)
        #expect(await last.end() == 0)
        #expect(!last.lines.joined().contains(#""event":"buried","job":"echo""#))
        #expect(try await fixture.holders() == [])
    }

    @Test func `a killed Redis is waited for`() async throws {
        let (redis, fixture) = try server("--appendonly", "yes", "--appendfsync", "always")
        defer { redis.stop() }
        try await fixture.program("echo", "cat")
        let worker = try fixture.work("--concurrency", "4")
        try await worker.line(#""event":"joined""#)
        try await fixture.enqueue(Self.count, of: "echo")
        try await worker.line(#""event":"done""#)
        redis.kill()
        try await worker.line(#""event":"disconnected""#)
        try redis.restart()
        try await worker.line(#""event":"connected""#)
        try await fixture.finish(Self.count)
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        #expect(try await fixture.holders() == [])
    }

    @Test func `a worker gives up on Redis when it was told to`() async throws {
        let (redis, fixture) = try server()
        try await fixture.program("echo", "cat")
        let worker = try fixture.work("--exit-when-unreachable", "1s")
        try await worker.line(#""event":"joined""#)
        redis.stop()
        #expect(await worker.end() == 69)
    }

    @Test func `a worker that never found Redis gives up as well`() async throws {
        let (redis, fixture) = try server()
        redis.stop()
        try await fixture.program("echo", "cat")
        let worker = try fixture.work("--exit-when-unreachable", "1s")
        #expect(await worker.end() == 69)
        #expect(worker.errors.joined().contains("redis.sock"))
    }

    @Test func `a Redis that comes later is waited for`() async throws {
        let (redis, fixture) = try server()
        defer { redis.stop() }
        redis.kill()
        try await fixture.program("echo", "cat")
        let worker = try fixture.work()
        try await worker.line(#""event":"disconnected""#)
        try redis.restart()
        try await worker.line(#""event":"joined""#)
        _ = try await fixture.value(try await fixture.enqueue("echo"))
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
    }

    @Test(arguments: [SIGTERM, SIGHUP])
    func `one that waits for Redis can be stopped`(signal: Int32) async throws {
        let (redis, fixture) = try server()
        redis.stop()
        try await fixture.program("echo", "cat")
        let worker = try fixture.work()
        try await worker.line(#""event":"disconnected""#)
        worker.signal(signal)
        // The shell's word for a signal, or none: nothing was held.
        let code = await worker.end()
        #expect(code == 0 || code == -signal, "\(code)")
    }
}
