import Synchronization
import Testing

@testable import RedisLink

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// On a connection where nothing is under way a caller writes its command itself.
@Suite("Writes by callers") struct CallerWriteTests {
    /// What a thread and its callers share, over a pair of sockets whose one end is the server's.
    private final class Pair {
        let shared: ConnectionShared
        let socket: Socket
        private let server: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            #if os(Linux)
                let kind = Int32(SOCK_STREAM.rawValue)
            #else
                let kind = SOCK_STREAM
            #endif
            try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
            socket = Socket(descriptor: ends[0])
            server = ends[1]
            shared = ConnectionShared(.unix(path: "/none"), ConnectionOptions(), try Wakeup())
        }

        deinit {
            close(socket.descriptor)
            close(server)
        }

        /// The thread sleeps with nothing on the wire.
        func rest(until: Int64 = 0) -> Bool { shared.fallAsleep((socket, until)) }

        @discardableResult
        func queue(_ word: String, isWanted: (@Sendable () -> Bool)? = nil) -> Bool {
            queue([Command(word)], isWanted: isWanted)
        }

        @discardableResult
        func queue(_ commands: [Command], isWanted: (@Sendable () -> Bool)? = nil) -> Bool {
            shared.queue(
                commands.map {
                    Request(
                        command: $0, timeout: .seconds(1),
                        deadline: monotonicDeadline(after: .seconds(1)), isWanted: isWanted,
                        completion: { _ in })
                })
        }

        /// What has arrived at the server.
        func arrived(_ most: Int = 1 << 20) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: most)
            let count = recv(server, &bytes, most, Int32(MSG_DONTWAIT))
            return Array(bytes.prefix(max(0, count)))
        }

        /// Whether the thread was woken, since the last look.
        func wasWoken() -> Bool {
            var entry = pollfd(
                fd: shared.wakeup.descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, 0) > 0 else { return false }
            shared.wakeup.clear()
            return true
        }
    }

    @Test func `the first is written at once and wakes nobody, the next are the thread's`() throws {
        let pair = try Pair()
        #expect(pair.rest())
        #expect(pair.queue("ONE"))
        #expect(pair.arrived() == Command("ONE").wire)
        #expect(!pair.wasWoken())
        // Many callers share a write: only the first has one of its own.
        pair.queue("TWO")
        #expect(pair.arrived().isEmpty)
        #expect(pair.wasWoken())
        #expect(pair.shared.takeSent().map(\.command.name) == ["ONE"])
        #expect(pair.shared.takeSent().isEmpty)
        #expect(pair.shared.take().requests.map(\.command.name) == ["TWO"])
    }

    @Test func `commands that go together are written together`() throws {
        let pair = try Pair()
        #expect(pair.rest())
        pair.queue([Command("ONE"), Command("TWO")])
        #expect(pair.arrived() == Command("ONE").wire + Command("TWO").wire)
        #expect(pair.shared.takeSent().map(\.command.name) == ["ONE", "TWO"])
    }

    @Test func `nobody writes to a thread that is awake, nor once it looked at its socket`() throws
    {
        let pair = try Pair()
        pair.queue("ONE")
        #expect(pair.arrived().isEmpty && pair.shared.takeSent().isEmpty)
        #expect(pair.shared.take().requests.count == 1)
        #expect(pair.rest())
        #expect(pair.shared.takeSent().isEmpty)
        pair.queue("TWO")
        #expect(pair.arrived().isEmpty)
    }

    @Test
    func `left to the thread is what it must see first, what is not wanted, and what is long`()
        throws
    {
        let pair = try Pair()
        // It would sleep for longer than the command may take.
        #expect(pair.rest(until: .max))
        pair.queue("ONE")
        #expect(pair.arrived().isEmpty && pair.wasWoken())
        _ = pair.shared.take()
        #expect(pair.rest())
        pair.queue("TWO") { false }
        #expect(pair.arrived().isEmpty && pair.wasWoken())
        _ = pair.shared.take()
        #expect(pair.rest())
        pair.queue([Command("SET", "k", String(repeating: "x", count: 1 << 20))])
        #expect(pair.arrived().isEmpty && pair.wasWoken())
    }

    @Test func `a connection that ends takes nothing`() throws {
        let pair = try Pair()
        #expect(pair.rest())
        pair.shared.end(by: .max) {}
        #expect(!pair.queue("ONE"))
        #expect(pair.arrived().isEmpty)
    }

    @Test func `what the socket has no room for is written by the thread, in order`() throws {
        let pair = try Pair()
        var room: Int32 = 1
        setsockopt(
            pair.socket.descriptor, SOL_SOCKET, SO_SNDBUF, &room,
            socklen_t(MemoryLayout<Int32>.size))
        let commands = [
            Command("PING"), Command("SET", "k", String(repeating: "x", count: 12_000)),
            Command("GET", "k"),
        ]
        #expect(pair.rest())
        pair.queue(commands)
        #expect(pair.wasWoken())
        let sent = pair.shared.takeSent()
        #expect(sent.map(\.command.name) == ["PING", "SET"])
        #expect((1..<12_000).contains(try #require(sent.last).sent))
        let rest = pair.shared.take().requests
        #expect(rest.map(\.command.name) == ["GET"])

        var arrived = pair.arrived()
        // The link closes its descriptor.
        var link = Link(
            Socket(descriptor: dup(pair.socket.descriptor)), ReplyReader(), address: "",
            clientID: nil)
        for request in sent + rest { link.stage(request) }
        let all = commands.flatMap(\.wire)
        while arrived.count < all.count {
            try link.write()
            let more = pair.arrived()
            try #require(!more.isEmpty)
            arrived += more
        }
        #expect(arrived == all)
    }
}
