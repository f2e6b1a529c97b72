import JobRunnerTesting
import Testing

@testable import RedisLink

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@Suite("Outages", .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct OutageTests {
    /// Returns when a client of the server waits for something.
    private func awaitBlocked(_ admin: Connection, _ count: Int = 1) async throws {
        let text = "blocked_clients:\(count)\r\n"
        #expect(
            try await eventually {
                try await admin.send("INFO", "clients").text?.contains(text) == true
            })
    }

    @Test(.timeLimit(.minutes(1)))
    func `a killed server: what was sent is unknown, what was queued goes on`() async throws {
        let redis = try RedisServer.start()
        let log = EventLog()
        let connection = try redis.connect { $0.onEvent = log.record }
        let sent = Answers()
        for number in 0..<20 {
            let command = number == 0 ? Command("BLPOP", "none", "0") : Command("INCR", "n")
            connection.submit(command, timeout: .seconds(60), completion: sent.completion)
        }
        try await awaitBlocked(try redis.connect())
        redis.kill()
        #expect(await log.loss()?.hasPrefix("the connection to Redis at unix:/") == true)
        #expect(connection.clientID == nil)
        let queued = (0..<100).map { number in
            Task { try await connection.send("ECHO", "\(number)", timeout: .seconds(60)) }
        }
        _ = await log.first { if case .failed = $0 { true } else { false } }
        try redis.restart()
        for (number, call) in queued.enumerated() {
            #expect(try await call.value == .text("\(number)"))
        }
        #expect(connection.clientID != nil)
        let answers = await sent.next(20)
        #expect(answers.first?.error?.isClosed == true)
        for answer in answers {
            // One that the thread had not taken yet was queued, and found the new server.
            if case .success(.integer) = answer { continue }
            #expect(answer.error?.isClosed == true)
            #expect(answer.error?.isOutcomeUnknown == true)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a server that became a replica is left, as its name may lead elsewhere now`()
        async throws
    {
        let redis = try RedisServer.start()
        let log = EventLog()
        let connection = try redis.connect { $0.onEvent = log.record }
        let admin = try redis.connect()
        _ = try await connection.send("SET", "k", "1")
        let first = connection.clientID
        _ = try await admin.send("REPLICAOF", "127.0.0.1", "1")
        // What was sent with it is answered first.
        async let read = connection.send("GET", "k")
        #expect(await connection.error("SET", "k", "2")?.code == .READONLY)
        #expect(try await read == .text("1"))
        #expect(await log.loss()?.hasSuffix("it is a read-only replica") == true)
        _ = try await admin.send("REPLICAOF", "NO", "ONE")
        #expect(try await connection.send("SET", "k", "3") == .ok)
        #expect(connection.clientID != first)
    }

    @Test(.timeLimit(.minutes(1)))
    func `servers that come and go under load: every call ends, none gets another's answer`()
        async throws
    {
        let redis = try RedisServer.start()
        let connection = try redis.connect()
        let isOver = Flag()
        await withTaskGroup(of: Int.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var right = 0
                    var number = 0
                    while !isOver.isSet, !Task.isCancelled {
                        number += 1
                        let word = "\(worker)-\(number)"
                        do throws(RedisError) {
                            let reply = try await connection.send(
                                "ECHO", word, timeout: .seconds(30))
                            #expect(reply == .text(word))
                            right += 1
                        } catch {
                            #expect(error.isClosed || error.isUnreachable, "\(error)")
                        }
                    }
                    return right
                }
            }
            for _ in 0..<5 {
                #expect(await eventually { connection.clientID != nil })
                try? redis.restart()
            }
            isOver.set()
            for await right in group { #expect(right > 0) }
        }
    }

    @Test func `CLIENT KILL breaks what is in flight, and the next call connects again`()
        async throws
    {
        let redis = try RedisServer.start()
        let log = EventLog()
        let admin = try redis.connect()
        let connection = try redis.connect { $0.onEvent = log.record }
        let blocked = Task { await connection.error("BLPOP", "none", "0", timeout: .seconds(60)) }
        try await awaitBlocked(admin)
        let id = try #require(connection.clientID)
        #expect(try await admin.send("CLIENT", "KILL", "ID", "\(id)") == .integer(1))
        let address = redis.unix.description
        #expect(await blocked.value == .closed(address: address, reason: "the server closed it"))
        #expect(await log.loss() != nil)
        #expect(try await connection.send("PING") == .text("PONG"))
        #expect(connection.clientID != id)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a server that hangs: the first call times out, those behind it are unknown`() async throws
    {
        let redis = try RedisServer.start()
        let log = EventLog()
        let connection = try redis.connect { $0.onEvent = log.record }
        #expect(try await connection.send("SET", "k", "old") == .ok)
        redis.pause()
        let answers = Answers()
        for number in 0..<10 {
            let timeout: Duration = number == 0 ? .milliseconds(50) : .seconds(60)
            let command = Command("GETSET", "k", "\(number)")
            connection.submit(command, timeout: timeout, completion: answers.completion)
        }
        let errors = await answers.next(10).map(\.error)
        let address = redis.unix.description
        #expect(
            errors.first
                == .timeout(address: address, command: "GETSET", after: .milliseconds(50)))
        for error in errors.dropFirst() {
            #expect(error == .closed(address: address, reason: "GETSET before it timed out"))
        }
        #expect(
            await log.loss() == "Redis at \(address) did not answer GETSET within 0.05 seconds")
        // Its old answers are on a socket nobody reads: the next call gets its own.
        redis.resume()
        #expect(try await connection.send("ECHO", "mine") == .text("mine"))
    }

    @Test func `after CLIENT PAUSE late answers reach nobody`() async throws {
        let redis = try RedisServer.start()
        let connection = try redis.connect()
        #expect(try await connection.send("PING") == .text("PONG"))
        let answers = Answers()
        connection.submit(
            Command("CLIENT", "PAUSE", "1500", "ALL"), completion: answers.completion)
        connection.submit(
            Command("ECHO", "late"), timeout: .milliseconds(300), completion: answers.completion)
        let both = await answers.next(2)
        #expect(both.first == .success(.ok))
        #expect(both.last?.error?.isTimeout == true, "\(both)")
        for number in 0..<50 {
            #expect(try await connection.send("ECHO", "\(number)") == .text("\(number)"))
        }
    }

    @Test func `a call that is overdue when the connection comes back is not sent`() async throws {
        // The login takes longer than the call's time; the one behind has time enough.
        let isLate = Flag()
        let server = HostileServer { peer in
            while !isLate.isSet { poll(nil, 0, 1) }
            guard peer.logIn(), let command = peer.next() else { return }
            peer.send("+\(command.joined(separator: " "))\r\n")
            peer.awaitEnd()
        }
        var options = ConnectionOptions()
        options.connectTimeout = .seconds(60)
        let connection = try Connection(to: server.endpoint, options: options)
        let inTime = Task { try await connection.send("SET", "in", "time", timeout: .seconds(60)) }
        let overdue = Task {
            await connection.error("SET", "over", "due", timeout: .milliseconds(20))
        }
        let until = ContinuousClock.now + .milliseconds(100)
        #expect(await eventually { ContinuousClock.now > until })
        isLate.set()
        #expect(try await inTime.value == .text("SET in time"))
        let error = await overdue.value
        #expect(error?.isUnreachable == true)
        #expect(error?.isOutcomeUnknown == false)
    }

    @Test func `ten thousand calls queued during an outage all end`() async throws {
        let connection = try Connection(to: .unix(path: "/no/such"), options: ConnectionOptions())
        await withTaskGroup(of: RedisError?.self) { group in
            for _ in 0..<10_000 {
                group.addTask { await connection.error("PING", timeout: .milliseconds(100)) }
            }
            for await error in group { #expect(error?.isUnreachable == true) }
        }
    }

    @Test func `closing fails what is in flight as unknown and what waits as stopped`() async throws
    {
        let redis = try RedisServer.start()
        let connection = try redis.connect()
        let blocked = Task { await connection.error("BLPOP", "none", "0", timeout: .seconds(60)) }
        try await awaitBlocked(try redis.connect())
        connection.close()
        let error = await blocked.value
        #expect(error?.isClosed == true)
        #expect(error?.isOutcomeUnknown == true)
        #expect(await connection.error("PING") == .stopped)
        #expect(await eventually { connection.clientID == nil })
        connection.close()
    }

    @Test func `letting go of a connection closes it and ends what it owes`() async throws {
        let redis = try RedisServer.start()
        let admin = try redis.connect()
        let answers = Answers()
        do {
            let connection = try redis.connect()
            connection.submit(
                Command("BLPOP", "none", "0"), timeout: .seconds(60), completion: answers.completion
            )
            try await awaitBlocked(admin)
        }
        #expect(await answers.next(1).first?.error?.isClosed == true)
        try await awaitBlocked(admin, 0)
    }
}
