import JobRunnerTesting
import Testing

@testable import RedisLink

/// A connection that ends and still hears what the server had done.
@Suite(
    .enabled(if: RedisServer.isAvailable, "redis-server is not installed"), .timeLimit(.minutes(1)))
struct EndTests {
    @Test func `what is on the wire is answered, what comes later is refused`() async throws {
        let redis = try RedisServer.start()
        let connection = try redis.connect()
        let answers = Answers()
        for _ in 0..<1000 {
            connection.submit(Command("INCR", "n"), completion: answers.completion)
        }
        let last = try await connection.send("INCR", "n")
        await connection.end(patience: .seconds(30))
        #expect(last == .integer(1001))
        #expect(await answers.next(1000).allSatisfy { $0.error == nil })
        await #expect(throws: RedisError.stopped) { try await connection.send("PING") }
        // Again, and after a close: at once.
        await connection.end(patience: .seconds(30))
        connection.close()
        await connection.end(patience: .seconds(30))
    }

    @Test func `one that blocks on the server takes nothing that comes after its end`()
        async throws
    {
        let redis = try RedisServer.start()
        let admin = try redis.connect()
        for _ in 0..<20 {
            let connection = try redis.connect()
            let answers = Answers()
            connection.submit(
                Command("BRPOPLPUSH", "from", "to", "0"), timeout: .seconds(60),
                completion: answers.completion)
            connection.submit(
                Command("RPOP", "to"), timeout: .seconds(60), completion: answers.completion)
            #expect(
                try await eventually {
                    try await admin.send("INFO", "clients").text?.contains("blocked_clients:1\r\n")
                        == true
                })
            await connection.end(patience: .seconds(30))
            _ = try await admin.send("LPUSH", "from", "x")
            #expect(await answers.next(2).allSatisfy { $0.error?.isClosed == true })
            #expect(try await admin.send("LLEN", "from") == .integer(1))
            _ = try await admin.send("DEL", "from")
        }
    }

    @Test func `a job that came before the end comes with its replies`() async throws {
        let redis = try RedisServer.start()
        let admin = try redis.connect()
        for _ in 0..<20 {
            let connection = try redis.connect()
            let answers = Answers()
            connection.submit(
                Command("BRPOPLPUSH", "from", "to", "0"), timeout: .seconds(60),
                completion: answers.completion)
            _ = try await admin.send("LPUSH", "from", "x")
            await connection.end(patience: .seconds(30))
            // In the reply, or in the list: never neither.
            let answer = await answers.next(1)[0]
            let isLeft = try await admin.send("LLEN", "from") == .integer(1)
            #expect((answer.error == nil) != isLeft)
            _ = try await admin.send("DEL", "from", "to")
        }
    }

    @Test func `a server that does not answer is waited for only so long`() async throws {
        let server = HostileServer { peer in
            _ = peer.logIn()
            peer.awaitEnd()
        }
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        let answers = Answers()
        connection.submit(Command("PING"), timeout: .seconds(60), completion: answers.completion)
        await connection.end(patience: .milliseconds(20))
        #expect(await answers.next(1)[0].error != nil)
        // One that never connected ends at once.
        try await Connection(to: server.endpoint, options: ConnectionOptions())
            .end(patience: .seconds(60))
    }
}
