import JobRunnerTesting
import Testing

@testable import RedisLink

/// What no Redis does: strangers on its port, broken streams, bytes without an end.
@Suite("Hostile servers")
struct HostileTests {
    // MARK: Who answers the login

    @Test(
        arguments: [
            ("SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "got 'SSH-2.0-OpenSSH_9.2p1 De'"),
            ("HTTP/1.1 400 Bad Request\r\n\r\n", "got 'HTTP/1.1 400 Bad Request'"),
            ("\u{1B}]52;c;x\u{7}\r\n", "got '.]52;c;x...'"),
            ("\0\0\0\0", "got '....'"),
            ("*2147483647\r\n", "got '*2147483647..'"),
            ("$-7\r\n", "got '$-7..'"),
            (String(repeating: "*1\r\n", count: 100), "got '*1..*1..*1..*1..*1..*1..'"),
            ("+OK\r\n:1\r\n+NO\r\n", "it answered PING wrongly"),
            ("+OK\r\n:1\r\n+PONG\r\n+more\r\n", "a reply nobody asked for"),
            ("+OK\r\n:1\r\n+PONG\r\n+mo", "a reply nobody asked for"),
        ])
    func `a stranger is no Redis, and is quoted`(banner: String, reason: String) async throws {
        let server = HostileServer(saying: Array(banner.utf8))
        let address = server.endpoint.description
        let error = openError(server.endpoint)
        #expect(error == .protocolViolation(address: address, reason: reason))
        #expect(
            error?.description
                == "the server at \(address) does not speak the Redis protocol: \(reason)")
        #expect(error?.isTransient == false)
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        #expect(await connection.error("PING", timeout: .seconds(60)) == error)
    }

    @Test func `an echo, such as a socket connected to itself, is no Redis`() {
        let server = HostileServer { peer in
            while let words = peer.next(), peer.send(Command(words).wire) {}
        }
        let error = openError(server.endpoint)
        #expect(error?.description.hasSuffix("it answered PING wrongly") == true)
    }

    @Test func `silence is over when the time to connect is`() async throws {
        let server = HostileServer { $0.awaitEnd() }
        let change: (inout ConnectionOptions) -> Void = { $0.connectTimeout = .milliseconds(40) }
        let error = openError(server.endpoint, change)
        #expect(error?.isUnreachable == true)
        #expect(error?.description.hasSuffix("it accepted and then said nothing") == true)
    }

    @Test func `a login that is cut at any byte is unreachable, and the next one works`() {
        let login = Array("+OK\r\n:7\r\n+PONG\r\n".utf8)
        let server = HostileServer { peer in
            while peer.next()?.first != "PING" {}
            peer.send(Array(login.prefix(peer.number)))
        }
        for _ in login.indices {
            let error = openError(server.endpoint)
            #expect(error?.isUnreachable == true)
            #expect(error?.description.hasSuffix("the server closed it") == true)
        }
        #expect(openError(server.endpoint) == nil)
    }

    @Test func `a server that is full or protected says so, and is tried again`() async throws {
        let server = HostileServer { peer in
            if peer.number == 0 {
                while peer.next()?.first != "PING" {}
                peer.send("-ERR max number of clients reached\r\n")
            } else if peer.logIn(), peer.next() != nil {
                peer.send("+in\r\n")
                peer.awaitEnd()
            }
        }
        let log = EventLog()
        var options = ConnectionOptions()
        options.onEvent = log.record
        let connection = try Connection(to: server.endpoint, options: options)
        #expect(try await connection.send("GET", "k") == .text("in"))
        guard case .failed(_, let error, _) = await log.first({ _ in true }) else {
            Issue.record("no failure")
            return
        }
        #expect(error.description.hasSuffix("closed it: ERR max number of clients reached"))
    }

    @Test(arguments: [("LOADING Redis is loading", 2), ("MASTERDOWN Link with MASTER is down", 1)])
    func `a server that is not ready yet is waited for`(text: String, failures: Int) async throws {
        let server = HostileServer { peer in
            if peer.number < failures {
                while let words = peer.next(), peer.send("-\(text)\r\n"), words != ["PING"] {}
                peer.awaitEnd()
            } else if peer.logIn(), peer.next() != nil {
                peer.send("+ready\r\n")
                peer.awaitEnd()
            }
        }
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        let reply = try await connection.send("GET", "k", timeout: .seconds(60))
        #expect(reply == .text("ready"))
    }

    @Test func `a server that is never ready is named when the time is over`() async throws {
        let server = HostileServer { peer in
            while peer.next() != nil, peer.send("-LOADING Redis is loading\r\n") {}
        }
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        let error = await connection.error("GET", "k", timeout: .milliseconds(100))
        #expect(error?.code == .LOADING)
        #expect(error?.isOutcomeUnknown == false)
    }

    // MARK: What it answers to a command

    @Test(
        arguments: [
            "*2147483647\r\n", "*1048577\r\n", "?\r\n", "$-2\r\n", "%1\r\n+a\r\n+b\r\n",
            "!3\r\nERR\r\n",
            String(repeating: "*1\r\n", count: 100), "\r\n", "$1\r\nxyz\r\n+OK\r\n",
        ])
    func `an answer that is not RESP ends the connection, not the process`(answer: String)
        async throws
    {
        let server = HostileServer(answering: Array(answer.utf8))
        let log = EventLog()
        var options = ConnectionOptions()
        options.onEvent = log.record
        let connection = try Connection(to: server.endpoint, options: options)
        let answers = Answers()
        for _ in 0..<3 {
            connection.submit(Command("GET", "k"), completion: answers.completion)
        }
        let errors = await answers.next(3).compactMap(\.error)
        #expect(errors.contains { $0.isProtocolViolation && $0.isOutcomeUnknown })
        #expect(await log.loss()?.contains("does not speak the Redis protocol") == true)
    }

    @Test(arguments: ["$2147483647\r\n", "+", "-", ":", "*3\r\n$5\r\nhello\r\n+"])
    func `an answer without an end is cut at the bound`(beginning: String) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = HostileServer { peer in
            guard peer.logIn(), peer.next() != nil, peer.send(beginning) else { return }
            let more = [UInt8](repeating: UInt8(ascii: "1"), count: 64 << 10)
            var sent = 0
            while sent < 1 << 30, peer.send(more) { sent += more.count }
            continuation.yield(sent)
        }
        var options = ConnectionOptions()
        options.maxReplyBytes = 1 << 20
        let connection = try Connection(to: server.endpoint, options: options)
        let error = await connection.error("GET", "k", timeout: .seconds(60))
        #expect(error?.isProtocolViolation == true)
        var sent = Int.max
        for await count in stream {
            sent = count
            break
        }
        // The bound, and what the kernel's buffers of both ends took.
        #expect(sent < 32 << 20)
    }

    @Test func `a flood of errors ends the connection at the first nobody asked for`() async throws
    {
        let flood = String(repeating: "-ERR x\r\n", count: 100_000)
        let server = HostileServer(answering: Array(flood.utf8))
        let log = EventLog()
        var options = ConnectionOptions()
        options.onEvent = log.record
        let connection = try Connection(to: server.endpoint, options: options)
        #expect(await connection.error("GET", "k") == .server(ServerError("ERR x")))
        #expect(await log.loss()?.hasSuffix("a reply nobody asked for") == true)
    }

    @Test func `a word out of turn ends the connection, and the next call is not answered by it`()
        async throws
    {
        let go = Flag()
        let server = HostileServer { peer in
            guard peer.logIn() else { return }
            if peer.number == 0 { while !go.isSet {} }
            if peer.number == 0 { peer.send("+stray\r\n") }
            while let words = peer.next(), peer.send("+\(words[1])\r\n") {}
        }
        let log = EventLog()
        var options = ConnectionOptions()
        options.onEvent = log.record
        let connection = try Connection(to: server.endpoint, options: options)
        // A call that is not wanted any more is not sent, but connects.
        connection.submit(Command("GET", "k"), isWanted: { false }) { _ in go.set() }
        #expect(await log.loss()?.hasSuffix("a reply nobody asked for") == true)
        #expect(try await connection.send("GET", "mine") == .text("mine"))
    }

    @Test(arguments: ["", "$", "$5\r\nhel", "*2\r\n+a\r\n", "$5\r\nhello\r"])
    func `half an answer and the end is an unknown outcome`(answer: String) async throws {
        let server = HostileServer { peer in
            guard peer.logIn(), peer.next() != nil else { return }
            peer.send(answer)
        }
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        let error = await connection.error("GET", "k")
        #expect(error?.isClosed == true)
        #expect(error?.isOutcomeUnknown == true)
    }

    @Test func `empty and foreign but well formed answers are values`() async throws {
        let server = HostileServer { peer in
            guard peer.logIn() else { return }
            let answers = [
                "$0\r\n\r\n", "+\r\n", "*0\r\n", "-\r\n", "$-1\r\n", ":9223372036854775807\r\n",
            ]
            for answer in answers where peer.next() != nil { peer.send(answer) }
            peer.awaitEnd()
        }
        let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
        #expect(try await connection.send("GET", "k") == .bytes([]))
        #expect(try await connection.send("GET", "k") == .bytes([]))
        #expect(try await connection.send("GET", "k") == .array([]))
        #expect(await connection.error("GET", "k")?.code == .other)
        #expect(try await connection.send("GET", "k") == .null)
        #expect(try await connection.send("GET", "k") == .integer(.max))
    }
}
