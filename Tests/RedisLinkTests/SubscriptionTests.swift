import JobRunnerTesting
import Synchronization
import Testing

@testable import RedisLink

/// What a connection hears of the channels it listens to.
@Suite("Subscriptions", .timeLimit(.minutes(1))) struct SubscriptionTests {
    /// What a subscription reports, to be awaited.
    private final class Log: Sendable {
        let stream: AsyncStream<SubscriptionEvent>
        private let continuation: AsyncStream<SubscriptionEvent>.Continuation

        init() { (stream, continuation) = AsyncStream.makeStream() }

        func subscription(to channels: String...) -> Subscription {
            Subscription(to: channels) { [continuation] in continuation.yield($0) }
        }

        func subscribed() async -> Int? {
            for await event in stream {
                if case .subscribed(let id) = event { return id }
            }
            return nil
        }

        func message() async -> (channel: String, payload: RedisValue)? {
            for await event in stream {
                if case .message(let channel, let payload) = event { return (channel, payload) }
            }
            return nil
        }

        func failure() async -> RedisError? {
            for await event in stream {
                if case .failed(let error, _) = event { return error }
            }
            return nil
        }

        func loss() async -> RedisError? {
            for await event in stream {
                if case .lost(let error) = event { return error }
            }
            return nil
        }
    }

    private func connect(
        _ redis: RedisServer, _ log: Log, _ channels: String...,
        change: (inout ConnectionOptions) -> Void = { _ in }
    ) throws -> Connection {
        var options = ConnectionOptions()
        change(&options)
        let subscription = Subscription(to: channels, onEvent: log.subscription(to: "").onEvent)
        return try Connection(to: redis.unix, options: options, subscription: subscription)
    }

    @Test(arguments: [true, false])
    func `an optional channel that is refused costs nothing else`(isAllowed: Bool) async throws {
        let redis = try RedisServer.start()
        let log = Log()
        var options = ConnectionOptions()
        let control = try Connection(to: redis.unix, options: options)
        _ = try await control.send(
            Command(
                "ACL", "SETUSER", "web", "on", ">secret", "+@all", "&must",
                isAllowed ? "&may" : "&other"))
        options.user = "web"
        options.password = "secret"
        let subscription = Subscription(
            to: ["must"], optional: "may", onEvent: log.subscription(to: "").onEvent)
        let connection = try Connection(
            to: redis.unix, options: options, subscription: subscription)
        defer { connection.close() }
        var events = log.stream.makeAsyncIterator()
        guard case .subscribed = await events.next() else { return #expect(Bool(false)) }
        if isAllowed {
            guard case .listening = await events.next() else { return #expect(Bool(false)) }
            #expect(try await control.send(Command("PUBLISH", "may", "1")) == .integer(1))
            guard case .message("may", .text("1")) = await events.next() else {
                return #expect(Bool(false))
            }
        }
        while try await control.send(Command("PUBSUB", "NUMSUB", "may")).array?.last
            != .integer(isAllowed ? 1 : 0)
        {}
        #expect(try await control.send(Command("PUBLISH", "must", "2")) == .integer(1))
        guard case .message("must", .text("2")) = await events.next() else {
            return #expect(Bool(false))
        }
    }

    @Test func `messages come in order, commands go on beside them`() async throws {
        let redis = try RedisServer.start()
        let log = Log()
        let connection = try connect(redis, log, "a", "b")
        // It listens before the first command.
        #expect(await log.subscribed() != nil)
        #expect(connection.clientID == nil)
        for number in 0..<100 {
            let channel = number % 2 == 0 ? "a" : "b"
            let heard = try await connection.send("PUBLISH", channel, "\(number)")
            #expect(heard == .integer(1))
        }
        for number in 0..<100 {
            let message = await log.message()
            #expect(message?.channel == (number % 2 == 0 ? "a" : "b"))
            #expect(message?.payload == .text("\(number)"))
        }
        #expect(try await connection.send("PUBLISH", "c", "x") == .integer(0))
    }

    @Test func `a message larger than a read, with any bytes`() async throws {
        let redis = try RedisServer.start()
        let log = Log()
        let connection = try connect(redis, log, "a")
        _ = await log.subscribed()
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        var words = Arguments()
        for word in ["PUBLISH", "a"] { words.append(word) }
        words.append(bytes)
        _ = try await connection.send(Command(name: "PUBLISH", words))
        #expect(await log.message()?.payload == .bytes(bytes))
    }

    @Test func `a socket that is killed comes back, with another number`() async throws {
        let redis = try RedisServer.start()
        let log = Log()
        let connection = try connect(redis, log, "a")
        let first = try #require(await log.subscribed())
        _ = try await connection.send("CLIENT", "KILL", "ID", "\(first)")
        #expect(await log.loss() != nil)
        let second = try #require(await log.subscribed())
        #expect(second > first)
        #expect(try await connection.send("PUBLISH", "a", "again") == .integer(1))
        #expect(await log.message()?.payload == .text("again"))
    }

    @Test func `a server that is away is waited for, without a command`() async throws {
        let redis = try RedisServer.start()
        let log = Log()
        let connection = try connect(redis, log, "a")
        _ = await log.subscribed()
        redis.kill()
        #expect(await log.loss() != nil)
        #expect(await log.failure()?.isUnreachable == true)
        try redis.restart()
        #expect(await log.subscribed() != nil)
        #expect(try await connection.send("PUBLISH", "a", "x") == .integer(1))
    }

    @Test func `a user that may not hears why, and may send`() async throws {
        let redis = try RedisServer.start()
        let admin = try redis.connect()
        _ = try await admin.send("ACL", "SETUSER", "u", "on", ">p", "~*", "+@all", "resetchannels")
        let log = Log()
        let connection = try connect(redis, log, "a") {
            $0.user = "u"
            $0.password = "p"
        }
        #expect(await log.failure()?.code == .NOPERM)
        #expect(try await connection.send("ECHO", "x") == .text("x"))
    }

    @Test func `it is closed with its connection`() async throws {
        let redis = try RedisServer.start()
        let log = Log()
        let admin = try redis.connect()
        do {
            let connection = try connect(redis, log, "a")
            _ = await log.subscribed()
            connection.close()
        }
        #expect(
            try await eventually { try await admin.send("PUBLISH", "a", "x") == .integer(0) })
    }

    @Test func `what a message makes one submit is answered`() async throws {
        let redis = try RedisServer.start()
        let box = Box()
        let answers = Answers()
        let subscription = Subscription(to: ["a"]) { event in
            guard case .message(_, let payload) = event else { return }
            box.connection?.submit(
                Command("ECHO", payload.text ?? ""), completion: answers.completion)
        }
        let connection = try Connection(
            to: redis.unix, options: ConnectionOptions(), subscription: subscription)
        box.connection = connection
        let admin = try redis.connect()
        #expect(
            try await eventually { try await admin.send("PUBLISH", "a", "first") == .integer(1) })
        let answer = await answers.next(1).first
        #expect(try answer?.get() == .text("first"))
    }

    @Test func `commands together stay together`() async throws {
        let redis = try RedisServer.start()
        let connection = try redis.connect()
        let answers = Answers()
        let ignored: Connection.Completion = { _ in }
        await withTaskGroup { group in
            for number in 0..<200 {
                group.addTask {
                    let check: Connection.Completion = { result in
                        answers.completion(result.map { .array([$0, .text("\(number)")]) })
                    }
                    connection.submit(together: [
                        (Command("SET", "k", "\(number)"), ignored), (Command("GET", "k"), check),
                    ])
                }
            }
        }
        for answer in await answers.next(200) {
            let pair = try answer.get().array ?? []
            #expect(pair.count == 2 && pair[0] == pair[1])
        }
    }
}

/// A connection that a closure made before it needs.
private final class Box: Sendable {
    private let kept = Mutex<Connection?>(nil)

    var connection: Connection? {
        get { kept.withLock { $0 } }
        set { kept.withLock { $0 = newValue } }
    }
}
