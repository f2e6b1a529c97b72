import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

private struct Hello: Job {
    static let name = "a"
    static let options = JobOptions(queue: "q")
}

/// Enqueues that return when replicas have the job.
@Suite(.timeLimit(.minutes(1))) struct DurabilityTests {
    private func reason(_ body: () async throws -> Void) async -> String {
        let error = await #expect(throws: JobRunnerError.self) { try await body() }
        return error?.description ?? ""
    }

    @Test func `a replica that follows is enough, one that is frozen is not`() async throws {
        let primary = try RedisServer.start(withPort: true)
        let port = try #require(primary.port)
        let replica = try RedisServer.start(
            arguments: ["--replicaof", "127.0.0.1", "\(port)", "--repl-diskless-sync-delay", "0"])
        let queue = try QueueFixture(primary)
        let client = try queue.client()
        let handle = try await client.enqueue(
            Hello(), id: "1", durability: .replicas(1, within: .seconds(30)))
        #expect(!handle.isDuplicate)
        let copy = try QueueFixture(replica)
        #expect(try await copy.integer("LLEN", queue.keys.ready) == 1)
        // A resend is confirmed as well.
        let again = try await client.enqueue(
            Hello(), id: "1", durability: .replicas(1, within: .seconds(30)))
        #expect(again.isDuplicate)
        replica.pause()
        let text = await reason {
            _ = try await client.enqueue(
                Hello(), id: "2", durability: .replicas(1, within: .milliseconds(50)))
        }
        #expect(text == "job q/2 was accepted, but 0 of 1 replicas had it after 0.05 seconds")
        try await queue.expectOnePlace(["1", "2"])
        replica.resume()
        _ = try await client.enqueue(
            Hello(), id: "3", durability: .replicas(1, within: .seconds(30)))
        #expect(try await copy.integer("LLEN", queue.keys.ready) == 3)
    }

    @Test func `what the server cannot do is refused before anything is sent`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let known = try await queue.redis("COMMAND", "INFO", "WAITAOF").array?.first != .null
        if !known {
            let text = await reason {
                _ = try await client.enqueue(Hello(), durability: .fsynced(within: .seconds(1)))
            }
            #expect(text.hasPrefix("durability .fsynced needs Redis 7.2 or later; this server is"))
        } else {
            let text = await reason {
                _ = try await client.enqueue(Hello(), durability: .fsynced(within: .seconds(1)))
            }
            #expect(text == "durability .fsynced needs a server with 'appendonly yes'")
            let logging = try QueueFixture(RedisServer.start(arguments: ["--appendonly", "yes"]))
            let safe = try logging.client()
            defer { safe.close() }
            _ = try await safe.enqueue(Hello(), durability: .fsynced(within: .seconds(10)))
            #expect(try await logging.integer("LLEN", logging.keys.ready) == 1)
        }
        for wrong in [
            Durability.replicas(0, within: .seconds(1)), .replicas(1, within: .zero),
            .replicas(1, within: .seconds(61)),
        ] {
            _ = await reason { _ = try await client.enqueue(Hello(), durability: wrong) }
        }
        let careless = try queue.client { $0.deduplication = .zero }
        _ = await reason {
            _ = try await careless.enqueue(
                Hello(), durability: .replicas(1, within: .seconds(1)))
        }
        try await queue.expectOnePlace([String]())
    }

    @Test func `a connection that is cut is made again`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        // Without a replica each is accepted and not durable: what counts is that each answers.
        for number in 0..<10 {
            async let cut: Void = {
                for _ in 0..<3 { try await queue.redis("CLIENT", "KILL", "TYPE", "normal") }
            }()
            let text = await reason {
                _ = try await client.enqueue(
                    Hello(), id: "\(number)", durability: .replicas(1, within: .milliseconds(5)))
            }
            #expect(text.contains("was accepted, but"))
            try await cut
        }
        try await queue.expectOnePlace((0..<10).map { "\($0)" })
    }
}
