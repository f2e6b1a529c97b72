import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// A queue of its own on a real server: a prefix nobody else has, and a connection.
final class QueueFixture: Sendable {
    private static let numbers = Atomic<Int>(0)

    let server: RedisServer
    let prefix: String
    let store: QueueStore
    let connection: Connection
    let upkeep: Upkeep

    var keys: QueueKeys { store.keys }

    /// - Parameters:
    ///   - server: The shared one when nil.
    ///   - lease: The visibility timeout of bare store calls, ms.
    init(_ server: RedisServer? = nil, queue: String = "q", lease: Int = 30_000) throws {
        let server = try server ?? RedisServer.shared
        self.server = server
        let number = Self.numbers.add(1, ordering: .relaxed).newValue
        prefix = "test\(number)"
        store = QueueStore(Keys(prefix: prefix).queue(queue))
        var options = ConnectionOptions()
        options.scripts = Scripts.ofWorkers + Scripts.ofClients
        options.commandTimeout = .seconds(30)
        connection = try Self.connect(server, options)
        var upkeep = Upkeep()
        upkeep.lease = lease
        upkeep.sweep = 0
        self.upkeep = upkeep
    }

    deinit { connection.close() }

    static func connect(
        _ server: RedisServer, _ options: ConnectionOptions = ConnectionOptions()
    ) throws -> Connection {
        let router = try RedisRouter(RedisURL(server.url), options: options)
        return router.connection(for: "")
    }

    func send<Reply>(_ call: Call<Reply>) async throws -> Reply { try await connection.send(call) }

    @discardableResult
    func redis(_ words: String...) async throws -> RedisValue {
        try await connection.send(Command(words))
    }

    /// Lets time pass on the server, where leases and delays run.
    func pass(_ seconds: Double) async throws {
        let other = try Self.connect(server)
        defer { other.close() }
        _ = try await other.send(
            Command("BLPOP", prefix + ":never", "\(seconds)"), timeout: .seconds(30))
    }

    // MARK: Jobs

    static func job(_ id: String, _ rest: String = #""job":"a""#) -> [UInt8] {
        Array(#"{"id":"\#(id)",\#(rest)}"#.utf8)
    }

    /// Puts jobs into the queue as another program would, the first one first.
    func push(_ ids: String...) async throws { try await push(ids) }

    func push(_ ids: [String]) async throws {
        guard !ids.isEmpty else { return }
        let jobs = ids.map { String(decoding: Self.job($0), as: UTF8.self) }
        _ = try await connection.send(Command(["LPUSH", keys.ready] + jobs))
    }

    func join(_ worker: String) async throws {
        let reply = try await send(store.tick(worker: worker, joins: true, upkeep))
        #expect(reply.isAlive)
    }

    func fetch(_ worker: String, _ want: Int) async throws -> [Delivery] {
        try await cycle(worker, want: want).deliveries
    }

    /// A cycle that must not be refused.
    @discardableResult
    func cycle(_ worker: String, want: Int = 0, _ acks: [Ack] = []) async throws
        -> (isPaused: Bool, acked: Int, held: Int, deliveries: [Delivery])
    {
        let reply = try await send(store.cycle(worker: worker, want: want, acks: acks))
        guard case .done(let isPaused, let acked, let held, let deliveries, _) = reply else {
            throw Refused()
        }
        return (isPaused, acked, held, deliveries)
    }

    struct Refused: Error {}

    // MARK: What is where

    /// The ids in a list or sorted set, as they stand there; other texts as they are.
    func ids(_ key: String) async throws -> [String] {
        let isList = key == keys.ready || key == keys.landing
        let command = Command(isList ? "LRANGE" : "ZRANGE", key, "0", "-1")
        let reply = try await connection.send(command)
        return (reply.array ?? []).compactMap(\.bytes).map(Self.id)
    }

    static func id(_ text: [UInt8]) -> String {
        var json = text
        if json.first != UInt8(ascii: "{"), let line = json.firstIndex(of: UInt8(ascii: "\n")) {
            json = Array(json[(line + 1)...])
        }
        return Envelope.idAtStart(of: json)?.description ?? String(decoding: json, as: UTF8.self)
    }

    /// Ids that wait, in the order of fetches; a worker that just left may have parked one.
    func waiting() async throws -> [String] {
        (try await ids(keys.ready) + ids(keys.landing)).reversed()
    }

    /// Every place that every id is in: one each, unless a script was cut short.
    func places() async throws -> [String: [String]] {
        var places: [String: [String]] = [:]
        for key in [keys.ready, keys.landing, keys.scheduled, keys.dead] {
            for id in try await ids(key) { places[id, default: []].append(key) }
        }
        let active = try await redis("KEYS", keys.active("*")).array ?? []
        for key in active.compactMap(\.text) {
            let jobs = try await redis("HVALS", key).array ?? []
            for job in jobs.compactMap(\.bytes) { places[Self.id(job), default: []].append(key) }
        }
        return places
    }

    /// Checks that each of some ids is in exactly one place, and no other id in any.
    func expectOnePlace(
        _ ids: some Sequence<String>, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let places = try await places()
        #expect(Set(places.keys) == Set(ids), sourceLocation: sourceLocation)
        let doubled = places.filter { $0.value.count != 1 }
        #expect(doubled.isEmpty, "\(doubled)", sourceLocation: sourceLocation)
    }

    func integer(_ words: String...) async throws -> Int {
        try await connection.send(Command(words)).integer ?? -1
    }

    func text(_ words: String...) async throws -> String? {
        try await connection.send(Command(words)).text
    }

    /// What workers have counted in a field, over all minutes.
    func counted(_ field: String) async throws -> Int {
        var sum = 0
        for key in try await redis("KEYS", keys.base + "count:*").array ?? [] {
            sum += Int(try await text("HGET", key.text ?? "", field) ?? "") ?? 0
        }
        return sum
    }

    // MARK: Clients and workers

    /// A client of a user who has all keys and commands, and these rights beside.
    func restrictedClient(
        _ rights: String..., change: (inout ClientOptions) -> Void = { _ in }
    ) async throws -> JobClient {
        let user = ["ACL", "SETUSER", "web", "on", ">secret", "~*", "+@all"]
        _ = try await connection.send(Command(user + rights)).orThrow()
        var options = ClientOptions()
        options.prefix = prefix
        change(&options)
        return try JobClient(
            RedisURL("unix://web:secret@" + server.socketPath), options: options)
    }

    func client(_ change: (inout ClientOptions) -> Void = { _ in }) throws -> JobClient {
        var options = ClientOptions()
        options.prefix = prefix
        change(&options)
        return try JobClient(RedisURL(server.url), options: options)
    }
}
