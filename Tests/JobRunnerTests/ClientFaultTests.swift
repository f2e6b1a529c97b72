import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

private struct Small: Job {
    static let name = "small"
    static let options = JobOptions(queue: "q")
    var number: Int
}

/// Producers while the server is cut off, stopped, killed.
@Suite(.timeLimit(.minutes(1))) struct ClientFaultTests {
    /// Enqueues 5,000 jobs from 20 tasks while `fault` happens; returns the handles' ids.
    private func enqueue(
        _ client: JobClient, whileDoing fault: @escaping @Sendable () async throws -> Void
    ) async throws -> [String] {
        let started = Latch()
        return try await withThrowingTaskGroup(of: [String].self) { group in
            for task in 0..<20 {
                group.addTask {
                    var ids: [String] = []
                    for number in 0..<250 {
                        ids.append(
                            try await client.enqueue(Small(number: task * 250 + number)).id)
                        if number == 40 { started.open() }
                    }
                    return ids
                }
            }
            group.addTask {
                await started.wait()
                try await fault()
                return []
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private func expectAll(_ ids: [String], in queue: QueueFixture) async throws {
        #expect(ids.count == 5000)
        let ready = try await queue.ids(queue.keys.ready)
        #expect(ready.count == 5000)
        #expect(Set(ready) == Set(ids))
    }

    @Test func `no enqueue is lost or doubled when connections are cut`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let ids = try await enqueue(client) {
            for _ in 0..<10 {
                try await queue.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                try await queue.redis("SCRIPT", "FLUSH")
                try await queue.pass(0.01)
            }
        }
        try await expectAll(ids, in: queue)
    }

    @Test func `no enqueue is lost or doubled when the server stops and goes on`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        let client = try queue.client { $0.commandTimeout = .milliseconds(200) }
        let other = try QueueFixture()
        let ids = try await enqueue(client) {
            for _ in 0..<2 {
                server.pause()
                try await other.pass(0.5)
                server.resume()
                try await other.pass(0.05)
            }
        }
        try await expectAll(ids, in: queue)
    }

    @Test func `no enqueue is lost or doubled when the server is killed`() async throws {
        let server = try RedisServer.start(
            arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let queue = try QueueFixture(server)
        let client = try queue.client()
        let ids = try await enqueue(client) { try server.restart() }
        try await expectAll(ids, in: queue)
    }

    @Test(arguments: [Duration.zero, .seconds(60)])
    func `without deduplication a lost reply is an unknown outcome`(_ delay: Duration) async throws
    {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        let client = try queue.client {
            $0.deduplication = .zero
            $0.commandTimeout = .seconds(1)
        }
        _ = try await client.enqueue(Small(number: 0))
        server.pause()
        defer { server.resume() }
        let error = await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Small(number: 1), in: delay)
        }
        #expect(error?.isOutcomeUnknown == true, "\(error.debug)")
    }

    @Test func `what was never sent is not unknown`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        let client = try queue.client {
            $0.deduplication = .zero
            $0.commandTimeout = .milliseconds(500)
            $0.enqueueTimeout = .milliseconds(800)
        }
        _ = try await client.enqueue(Small(number: 0))
        server.kill()
        // The first may meet the connection that is about to be noticed as gone.
        _ = try? await client.enqueue(Small(number: 1))
        let error = await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Small(number: 2))
        }
        guard case .redis = error else { return #expect(Bool(false), "\(error.debug)") }
    }

    @Test func `a client with deduplication gives up in time, not knowing`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        let client = try queue.client {
            $0.commandTimeout = .milliseconds(500)
            $0.enqueueTimeout = .milliseconds(1000)
        }
        _ = try await client.enqueue(Small(number: 0))
        server.pause()
        defer { server.resume() }
        let error = await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Small(number: 1))
        }
        #expect(error?.isOutcomeUnknown == true, "\(error.debug)")
    }

    @Test func `a cancelled enqueue says that it does not know`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        let client = try queue.client { $0.commandTimeout = .milliseconds(50) }
        _ = try await client.enqueue(Small(number: 0))
        server.pause()
        defer { server.resume() }
        let task = Task { try await client.enqueue(Small(number: 1), in: .seconds(60)) }
        try await QueueFixture().pass(0.2)
        task.cancel()
        let error = await #expect(throws: JobRunnerError.self) { try await task.value }
        #expect(error?.isOutcomeUnknown == true, "\(error.debug)")
    }

    @Test func `a full server accepts nothing and says so`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        _ = try await client.enqueue(Small(number: 0))
        try await queue.redis("CONFIG", "SET", "maxmemory", "1")
        for delay in [Duration.zero, .seconds(60)] {
            let error = await #expect(throws: JobRunnerError.self) {
                try await client.enqueue(Small(number: 1), in: delay)
            }
            #expect(error?.isRedisFull == true, "\(error.debug)")
        }
        #expect(try await queue.places().count == 1)
        try await queue.redis("CONFIG", "SET", "maxmemory", "0")
        _ = try await client.enqueue(Small(number: 2))
    }
}
