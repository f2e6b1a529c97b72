import JobRunnerTesting
import Testing

@testable import RedisLink

/// When one connection of a router has reached the server, the others try at once.
@Suite(.timeLimit(.minutes(1))) struct SiblingsTests {
    private func member(_ siblings: Siblings) throws -> ConnectionShared {
        ConnectionShared(.unix(path: "/nowhere"), ConnectionOptions(), try Wakeup(), siblings)
    }

    @Test func `those that are down hear of it once, the others and itself do not`() throws {
        let siblings = Siblings()
        let (back, down, up) = (
            try member(siblings), try member(siblings), try member(siblings)
        )
        #expect(down.fallAsleep())
        up.clientID = 7
        back.tellSiblings()
        #expect(!down.fallAsleep(), "it would miss the signal")
        #expect([back, down, up].map { $0.take().hurries } == [false, true, false])
        #expect(!down.take().hurries)
        #expect(down.fallAsleep())
    }

    @Test func `one that was stopped, or is gone, hears nothing`() throws {
        let siblings = Siblings()
        let (back, stopped) = (try member(siblings), try member(siblings))
        _ = try member(siblings)
        stopped.stop()
        back.tellSiblings()
        #expect(!stopped.take().hurries)
    }

    @Test(.enabled(if: RedisServer.isAvailable))
    func `all of a router are back when the server is`() async throws {
        let server = try RedisServer.start()
        defer { server.stop() }
        let router = try RedisRouter(RedisURL(server.url), options: ConnectionOptions())
        defer { router.close() }
        var connections = [router.connection(for: "a")]
        for _ in 0..<4 { connections.append(try router.dedicated(for: "a")) }
        for round in 1...5 {
            for connection in connections {
                let reply = try await connection.send(Command("INCR", "n"))
                #expect(reply.integer != nil)
            }
            // Each is cut off, and makes itself anew with what comes next.
            _ = try await connections[round % 5].send(
                Command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
        }
        let count = try await connections[0].send(Command("GET", "n"))
        #expect(count.text == "25")
    }
}
