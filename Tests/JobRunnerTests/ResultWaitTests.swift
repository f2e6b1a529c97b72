import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Waiting for results without polling, and what happens when a wake-up is lost.
@Suite(.timeLimit(.minutes(2))) struct ResultWaitTests {
    private static let done = JobOutcome.done(
        value: Array("42".utf8), attempt: 1, started: 1, finished: 2)

    /// Writes an outcome as a worker would.
    private func finish(_ queue: QueueFixture, _ id: String) async throws {
        try await queue.redis(
            "SET", queue.keys.result(id), String(decoding: Self.done, as: UTF8.self), "PX", "60000")
    }

    private func wait(
        _ client: JobClient, _ id: String, _ timeout: Duration = .seconds(60)
    ) -> Task<Int, any Error> {
        Task { try await client.handle("q/\(id)", output: Int.self).value(timeout: timeout) }
    }

    /// Returns when the server would tell of so many keys.
    private func armed(_ queue: QueueFixture, _ keys: Int) async throws {
        while try await queue.info("tracking_total_keys") != keys { try await queue.pass(0.005) }
    }

    @Test func `a result is told, and read as often as needed`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let waiting = wait(client, "1")
        try await armed(queue, 1)
        let reads = try await queue.calls("getrange")
        // Nobody asks while nothing happens, but every 5 s or so, which a busy machine may take.
        try await queue.pass(0.5)
        try await finish(queue, "1")
        #expect(try await waiting.value == 42)
        let more = try await queue.calls("getrange") - reads
        #expect((1...4).contains(more), "\(more)")
        // The server need not remember what nobody waits for any more.
        #expect(try await queue.info("tracking_total_keys") == 0)
        #expect(client.watch.count == 0)
    }

    @Test func `a result that is there is found at once`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        try await finish(queue, "1")
        #expect(try await wait(client, "1", .zero).value == 42)
        #expect(try await queue.info("tracking_total_keys") == 0)
    }

    @Test func `a thousand who wait for one result share its reads`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let waiting = (0..<1000).map { _ in wait(client, "1") }
        while client.watch.count < 1000 { try await queue.pass(0.005) }
        try await armed(queue, 1)
        try await finish(queue, "1")
        for task in waiting { #expect(try await task.value == 42) }
        #expect(try await queue.calls("getrange") < 20)
    }

    @Test func `ten thousand wait on two sockets`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let waiting = (0..<10_000).map { wait(client, "\($0)") }
        while client.watch.count < 10_000 { try await queue.pass(0.01) }
        try await armed(queue, 10_000)
        let sockets = try await queue.redis("CLIENT", "LIST").text ?? ""
        #expect(sockets.split(separator: "name=jobrunner-client").count == 3)
        for id in 0..<10_000 { try await finish(queue, "\(id)") }
        for task in waiting { #expect(try await task.value == 42) }
        #expect(client.watch.count == 0)
        #expect(try await queue.info("tracking_total_keys") == 0)
    }

    @Test func `one that is cancelled leaves at once, and leaves nothing`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let waiting = (0..<100).map { wait(client, "\($0)") }
        try await armed(queue, 100)
        for task in waiting { task.cancel() }
        for task in waiting {
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(client.watch.count == 0)
        // Cancelled before it began, too.
        let late = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await client.handle("q/x", output: Int.self).value()
        }
        await #expect(throws: CancellationError.self) { try await late.value }
        #expect(client.watch.count == 0)
    }

    @Test func `a client that is closed says so to those who wait`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let waiting = wait(client, "1")
        try await armed(queue, 1)
        client.close()
        let error = await #expect(throws: JobRunnerError.self) { try await waiting.value }
        guard case .stopped = error else { return #expect(Bool(false), "\(error.debug)") }
        let late = await #expect(throws: JobRunnerError.self) { try await wait(client, "1").value }
        guard case .stopped = late else { return #expect(Bool(false), "\(late.debug)") }
    }

    // MARK: Faults

    @Test func `a listener that is killed comes back, and what it missed is read`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let (missed, later) = (wait(client, "missed"), wait(client, "later"))
        try await armed(queue, 2)
        // Killed and written in one transaction: nobody hears of it.
        let kill = Command("CLIENT", "KILL", "TYPE", "pubsub")
        let result = String(decoding: Self.done, as: UTF8.self)
        queue.connection.submit(together: [
            (Command("MULTI"), Self.unheard), (kill, Self.unheard),
            (Command("SET", queue.keys.result("missed"), result), Self.unheard),
            (Command("EXEC"), Self.unheard),
        ])
        #expect(try await missed.value == 42)
        try await armed(queue, 1)
        try await finish(queue, "later")
        #expect(try await later.value == 42)
    }

    @Test func `a reader that is killed comes back, and is told again`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let waiting = wait(client, "1")
        try await armed(queue, 1)
        for round in 0..<20 {
            try await queue.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            if round % 3 == 0 { try await queue.redis("CLIENT", "KILL", "TYPE", "pubsub") }
            if round % 2 == 0 { try await queue.pass(0.003) }
        }
        while !client.watch.isTracking { try await queue.pass(0.005) }
        try await finish(queue, "1")
        #expect(try await waiting.value == 42)
    }

    @Test func `a server that is killed and started again is waited out`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        let client = try queue.client()
        let waiting = (0..<50).map { wait(client, "\($0)") }
        try await armed(queue, 50)
        server.kill()
        try server.restart()
        for id in 0..<50 { try await finish(queue, "\(id)") }
        for task in waiting { #expect(try await task.value == 42) }
    }

    @Test func `one that comes and goes before it is read is waited for again`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let waiting = wait(client, "1")
        try await armed(queue, 1)
        let key = queue.keys.result("1")
        queue.connection.submit(together: [
            (Command("MULTI"), Self.unheard), (Command("SET", key, "x"), Self.unheard),
            (Command("DEL", key), Self.unheard), (Command("EXEC"), Self.unheard),
        ])
        try await queue.pass(0.02)
        try await armed(queue, 1)
        try await finish(queue, "1")
        #expect(try await waiting.value == 42)
    }

    @Test func `a database that is emptied is looked at again`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let waiting = wait(client, "1")
        try await armed(queue, 1)
        // On a server of its own; the result comes in the same breath, so that only the word that
        // everything has changed can tell of it.
        let empty = ["FLUSH", "ALL"].joined()
        let result = String(decoding: Self.done, as: UTF8.self)
        queue.connection.submit(together: [
            (Command(empty), Self.unheard),
            (Command("SET", queue.keys.result("1"), result), Self.unheard),
        ])
        #expect(try await waiting.value == 42)
    }

    @Test(arguments: ["-client|tracking", "-client|caching", "resetchannels"])
    func `where the server does not tell, results are looked for`(right: String) async throws {
        let queue = try QueueFixture(try .start())
        let said = Mutex<[String]>([])
        let client = try await queue.restrictedClient("&*", right) { options in
            options.onEvent = { event in said.withLock { $0.append(event.description) } }
        }
        let waiting = (0..<20).map { wait(client, "\($0)") }
        while said.withLock({ $0.isEmpty }) { try await queue.pass(0.005) }
        for id in 0..<20 { try await finish(queue, "\(id)") }
        for task in waiting { #expect(try await task.value == 42) }
        #expect(!client.watch.isTracking)
        let lines = said.withLock { $0 }
        #expect(lines.count == 1)
        #expect(lines.first?.contains("at intervals of up to 1 s: NOPERM") == true)
        #expect(lines.first?.contains("secret") == false)
    }

    @Test func `a key of another type is an error, not a wait`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        try await queue.redis("LPUSH", queue.keys.result("1"), "x")
        let error = await #expect(throws: JobRunnerError.self) { try await wait(client, "1").value }
        guard case .redis(.server(let server)) = error, server.code == .WRONGTYPE else {
            return #expect(Bool(false), "\(error.debug)")
        }
    }

    @Test func `one that is absurdly long is not read, and keeps nobody else waiting`() async throws
    {
        let queue = try QueueFixture(try .start())
        let client = try queue.client { $0.maxResultBytes = 1000 }
        let other = wait(client, "2")
        try await armed(queue, 1)
        try await queue.redis("SETRANGE", queue.keys.result("1"), "200000000", "x")
        for _ in 0..<2 {
            let error = await #expect(throws: JobRunnerError.self) {
                try await wait(client, "1").value
            }
            #expect(
                error?.description
                    == "the result of job q/1 does not decode: it has more than 1000 bytes, this "
                    + "client's maxResultBytes")
        }
        await #expect(throws: JobRunnerError.self) { try await client.outcome(queue: "q", id: "1") }
        try await finish(queue, "2")
        #expect(try await other.value == 42)
    }

    @Test func `what is no outcome is said to be none`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        try await queue.redis("SET", queue.keys.result("1"), "{}")
        let error = await #expect(throws: JobRunnerError.self) { try await wait(client, "1").value }
        #expect(error?.description == "the result of job q/1 does not decode: not an outcome")
    }

    private static let unheard: Connection.Completion = { _ in }
}

extension QueueFixture {
    /// A number of INFO.
    fileprivate func info(_ field: String) async throws -> Int {
        let text = try await redis("INFO", "everything").text ?? ""
        return Int(ServerInfo(text).fields[field] ?? "") ?? -1
    }

    /// How often the server ran a command, also inside scripts.
    func calls(_ command: String) async throws -> Int {
        let text = try await redis("INFO", "commandstats").text ?? ""
        let line = ServerInfo(text).fields["cmdstat_" + command] ?? ""
        return Int(line.drop { $0 != "=" }.dropFirst().prefix { $0.isNumber }) ?? 0
    }
}
