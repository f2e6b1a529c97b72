import JobRunnerTesting
import Testing

@testable import RedisLink

@Suite("Pipelines", .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct PipelineTests {
    @Test func `ten thousand calls at once get each its own answer`() async throws {
        let connection = try RedisServer.shared.connect()
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<10_000 {
                group.addTask {
                    (try? await connection.send("ECHO", "\(number)")) == .text("\(number)")
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test func `calls of one caller are executed in the order of their submission`() async throws {
        let connection = try RedisServer.shared.connect()
        let answers = Answers()
        for _ in 0..<5000 {
            connection.submit(Command("INCR", "calls-in-order"), completion: answers.completion)
        }
        let numbers = await answers.next(5000).map { try? $0.get().integer }
        #expect(numbers == Array(1...5000))
    }

    @Test func `arguments and answers are any bytes of any length`() async throws {
        let connection = try RedisServer.shared.connect()
        var generator = Seeded(11)
        let large = (0..<(1 << 20)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let table: [[UInt8]] = [
            [], [0], Array("\r\n".utf8), Array("a\0b".utf8), Array(0...255), large,
            [UInt8](repeating: 0, count: 5 << 20),
        ]
        for bytes in table {
            var arguments = Arguments()
            arguments.append("ECHO")
            arguments.append(bytes)
            #expect(try await connection.send(Command(name: "ECHO", arguments)) == .bytes(bytes))
        }
    }

    @Test func `more bytes than its buffer are written in parts, beside small calls`() async throws
    {
        let connection = try RedisServer.shared.connect()
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    let text = String(
                        repeating: "\(number % 10)", count: number % 4 == 0 ? 400_000 : 3)
                    return (try? await connection.send("ECHO", text, timeout: .seconds(60)))
                        == .text(text)
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    // MARK: Scripts

    private static let script = Script(
        name: "bump", source: Array("return {redis.call('INCR', KEYS[1]), ARGV[1]}".utf8))

    private func bump(_ key: String, _ word: String) -> Command {
        var arguments = Arguments(calling: Self.script, keys: [key])
        arguments.append(word)
        return Command(script: Self.script, arguments)
    }

    /// Calls `bump` `count` times at once: each answer to its caller, each number once.
    private func bumpAll(_ connection: Connection, _ count: Int) async {
        let numbers = await withTaskGroup(of: Int?.self) { group in
            for word in 0..<count {
                group.addTask {
                    let command = self.bump("n", "\(word)")
                    let reply = try? await connection.send(command, timeout: .seconds(60))
                    guard let reply = reply?.array, reply.last == .text("\(word)") else {
                        return nil
                    }
                    return reply.first?.integer
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(numbers.compactMap { $0 }.sorted() == Array(1...count))
    }

    @Test func `a script the server forgot runs once, in the middle of a pipeline too`()
        async throws
    {
        let redis = try RedisServer.start()
        let connection = try redis.connect { $0.scripts = [Self.script] }
        #expect(try await connection.send("SCRIPT", "FLUSH") == .ok)
        await bumpAll(connection, 1000)
        // All in one write: calls that know the script, the flush, calls that do not.
        let answers = Answers()
        for word in 0..<300 {
            let command = word % 100 == 50 ? Command("SCRIPT", "FLUSH") : bump("m", "\(word)")
            connection.submit(command, completion: answers.completion)
        }
        let words = await answers.next(300).map { try? $0.get().array?.last?.text ?? "flush" }
        let expected = (0..<300).map { $0 % 100 == 50 ? "flush" : "\($0)" }
        #expect(words.compactMap { $0 }.sorted() == expected.sorted())
        #expect(try await connection.send("GET", "m") == .text("297"))
    }

    @Test func `scripts that are flushed all the time still run once a call`() async throws {
        let redis = try RedisServer.start()
        let connection = try redis.connect { $0.scripts = [Self.script] }
        let vandal = try redis.connect()
        let flushing = Task {
            while !Task.isCancelled { _ = await vandal.error("SCRIPT", "FLUSH") }
        }
        await bumpAll(connection, 2000)
        flushing.cancel()
        await flushing.value
    }

    @Test func `EVALSHA of an unknown digest is the caller's own affair`() async throws {
        let connection = try RedisServer.shared.connect()
        let digest = String(repeating: "0", count: 40)
        #expect(await connection.error("EVALSHA", digest, "0")?.code == .NOSCRIPT)
    }

    // MARK: Cancellation

    @Test func `a call that was cancelled before it began is not sent`() async throws {
        let connection = try RedisServer.shared.connect()
        let call = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await connection.error("SET", "cancelled-before", "1")
        }
        #expect(await call.value == .cancelled)
        #expect(try await connection.send("EXISTS", "cancelled-before") == .integer(0))
    }

    @Test func `cancelled calls end at once and the others stay in step`() async throws {
        let redis = try RedisServer.start()
        let connection = try redis.connect()
        let blocked = Task { await connection.error("BLPOP", "none", "0", timeout: .seconds(60)) }
        let admin = try redis.connect()
        #expect(
            try await eventually {
                try await admin.send("INFO", "clients").text?.contains("blocked_clients:1") == true
            })
        let behind = Task { try await connection.send("ECHO", "behind", timeout: .seconds(60)) }
        blocked.cancel()
        #expect(await blocked.value == .cancelled)
        #expect(try await admin.send("LPUSH", "none", "x") == .integer(1))
        #expect(try await behind.value == .text("behind"))
    }

    @Test func `a thousand calls cancelled at any moment leave the connection in step`()
        async throws
    {
        let log = EventLog()
        let connection = try RedisServer.shared.connect { $0.onEvent = log.record }
        var generator = Seeded(12)
        var ended = 0
        for round in 0..<10 {
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<100 {
                    let word = "\(round)-\(number)"
                    let yields = Int.random(in: 0..<40, using: &generator)
                    group.addTask {
                        let call = Task { () async -> Result<RedisValue, RedisError> in
                            do throws(RedisError) {
                                return .success(try await connection.send(Command("ECHO", word)))
                            } catch {
                                return .failure(error)
                            }
                        }
                        for _ in 0..<yields { await Task.yield() }
                        call.cancel()
                        let result = await call.value
                        return result == .success(.text(word)) || result == .failure(.cancelled)
                    }
                }
                for await isRight in group {
                    #expect(isRight)
                    ended += 1
                }
            }
            #expect(try await connection.send("ECHO", "after \(round)") == .text("after \(round)"))
        }
        #expect(ended == 1000)
        connection.close()
        #expect(await connection.error("PING") == .stopped)
    }
}
