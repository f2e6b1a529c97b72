import FoundationEssentials
import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

private struct Greeting: Job {
    static let name = "greet"
    static let options = JobOptions(queue: "q")
    var who: String
    typealias Output = String
}

private struct Note: Job {
    static let name = "note"
    static let options = JobOptions(queue: "q", maxAttempts: 3, timeLimit: .seconds(9))
    var score: Double
}

/// What a client puts into a queue, and what it refuses.
@Suite(.timeLimit(.minutes(1))) struct ClientTests {
    @Test func `a job pushed by hand runs, and gets an id`() async throws {
        let queue = try QueueFixture()
        try await queue.redis(
            "LPUSH", queue.keys.ready, #"{"job":"a","args":{"userID":7}}"#)
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { $0.id }) }
        try await fixture.run { await $0.log.end(.done) }
        #expect(fixture.log.ends.first?.job == "a")
    }

    @Test func `a job now, with its options in the envelope`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let handle = try await client.enqueue(Note(score: 1.5))
        #expect(handle.description == "q/\(handle.id)")
        #expect(!handle.isDuplicate)
        let bytes = try #require(try await queue.redis("LINDEX", queue.keys.ready, "0").bytes)
        let envelope = try Envelope(bytes)
        #expect(envelope.id?.description == handle.id)
        #expect(envelope.isCanonical)
        #expect(envelope.maxAttempts == 3)
        #expect(envelope.timeLimit == 9000)
        #expect(envelope.argumentsData == Data(#"{"score":1.5}"#.utf8))
        #expect(
            try await queue.redis("SMEMBERS", "\(queue.prefix):queues") == .array([.bytes([113])]))
    }

    @Test func `a job later, by delay, by date and in a queue of the caller's choice`() async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client()
        let first = try await client.enqueue(Greeting(who: "a"), in: .seconds(60))
        let second = try await client.enqueue(
            Greeting(who: "a"), at: Date(timeIntervalSinceNow: 120))
        #expect(try await queue.ids(queue.keys.scheduled) == [first.id, second.id])
        let past = try await client.enqueue(Greeting(who: "a"), at: Date(timeIntervalSince1970: -5))
        let now = try await client.enqueue(Greeting(who: "a"), in: .zero)
        #expect(try await queue.ids(queue.keys.ready) == [now.id, past.id])
        let other = try await client.enqueue(Greeting(who: "a"), queue: "other")
        #expect(other.queue == "other")
        let keys = Keys(prefix: queue.prefix).queue("other")
        #expect(try await queue.integer("LLEN", keys.ready) == 1)
    }

    @Test func `an id of the caller's is accepted once`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let first = try await client.enqueue(Greeting(who: "a"), id: "order-7")
        let second = try await client.enqueue(Greeting(who: "b"), id: "order-7")
        let third = try await client.enqueue(Greeting(who: "b"), in: .seconds(5), id: "order-7")
        #expect([first, second, third].map(\.isDuplicate) == [false, true, true])
        try await queue.expectOnePlace(["order-7"])
        let ttl = try await queue.integer("TTL", queue.keys.seen("order-7"))
        #expect((86_000...86_400).contains(ttl))
    }

    /// Seconds from now, and a delay: numbers, since printing the date of a NaN crashes Foundation.
    @Test(
        arguments: [
            (nil, Duration.seconds(-1)), (nil, .seconds(3650 * 86_400 + 1)), (Double.nan, nil),
            (Double.infinity, nil), (3651 * 86_400, nil), (0, .seconds(1)),
        ] as [(Double?, Duration?)])
    func `a time that cannot be`(_ seconds: Double?, _ delay: Duration?) async throws {
        let at = seconds.map { Date(timeIntervalSinceNow: $0) }
        let queue = try QueueFixture()
        let client = try queue.client()
        let error = await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Greeting(who: "a"), at: at, in: delay)
        }
        guard case .invalid = error else { return #expect(Bool(false), "\(error.debug)") }
        try await queue.expectOnePlace([])
    }

    @Test func `ten years from now is not too late`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let last = Date(timeIntervalSinceNow: 3650 * 86_400 - 60)
        _ = try await client.enqueue(Greeting(who: "a"), at: last)
        _ = try await client.enqueue(Greeting(who: "a"), in: .seconds(3650 * 86_400))
        #expect(try await queue.integer("ZCARD", queue.keys.scheduled) == 2)
    }

    @Test func `what cannot be a job is refused before it is sent`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        await #expect(throws: NameError.self) {
            try await client.enqueue(Greeting(who: "a"), id: "a b")
        }
        await #expect(throws: NameError.self) {
            try await client.enqueue(Greeting(who: "a"), queue: "{x}")
        }
        let nan = await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Note(score: .nan))
        }
        #expect(
            nan?.description
                == "the arguments of 'note' cannot be encoded: 'score' has no JSON form")
        let big = await #expect(throws: JobRunnerError.self) {
            try await client.enqueue(Greeting(who: String(repeating: "x", count: 70_000)))
        }
        #expect(big?.description.hasPrefix("job is 70,") == true)
        #expect(big?.description.hasSuffix(" bytes; the limit is 65,536") == true)
        for arguments in ["", "{", "{} {}", "nul", "\u{FEFF}{}"] {
            await #expect(throws: JobRunnerError.self) {
                try await client.enqueue(name: "a", arguments: arguments)
            }
        }
        try await queue.expectOnePlace([])
    }

    @Test(arguments: [0, 1, 1000, 2500])
    func `a batch`(_ count: Int) async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let handles = try await client.enqueue((0..<count).map { Greeting(who: "\($0)") })
        #expect(handles.count == count)
        #expect(Set(handles.map(\.id)).count == count)
        #expect(try await queue.ids(queue.keys.ready) == handles.map(\.id).reversed())
    }

    @Test func `tasks that enqueue at once share scripts, and each gets its own answer`()
        async throws
    {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        _ = try await client.enqueue(Greeting(who: "first"))
        try await queue.redis("CONFIG", "RESETSTAT")
        let jobs = 64 * 20
        let handles = try await withThrowingTaskGroup(of: [(String, String)].self) { group in
            for task in 0..<64 {
                group.addTask {
                    var made: [(String, String)] = []
                    for number in 0..<20 {
                        let who = "\(task)-\(number)"
                        made.append((try await client.enqueue(Greeting(who: who)).id, who))
                    }
                    return made
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let stats = try #require(try await queue.text("INFO", "commandstats"))
        let line = stats.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_evalsha:calls=") }
        let calls = line.flatMap { Int($0.dropFirst(22).prefix { $0.isNumber }) } ?? 0
        #expect((1..<jobs / 2).contains(calls), "\(calls) calls")
        var found: [String: String] = [:]
        for job in try await queue.redis("LRANGE", queue.keys.ready, "0", "-1").array ?? [] {
            let envelope = try Envelope(job.bytes ?? [])
            let text = String(decoding: envelope.argumentsData, as: UTF8.self)
            found[envelope.id?.description ?? ""] = text
        }
        #expect(handles.count == jobs)
        for (id, who) in handles { #expect(found[id] == #"{"who":"\#(who)"}"#) }
        #expect(found.count == jobs + 1)
    }
}

extension Optional {
    /// For messages of tests.
    var debug: String { map { "\($0)" } ?? "nil" }
}
