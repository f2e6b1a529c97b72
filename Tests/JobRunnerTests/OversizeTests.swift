import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Jobs that are too large for a worker, or for a reply: buried, and the next ones run.
@Suite(.timeLimit(.minutes(1))) struct OversizeTests {
    private static let mebibyte = 1 << 20

    private func push(_ job: [UInt8], to queue: QueueFixture) async throws {
        var words = Arguments()
        words.append("LPUSH")
        words.append(queue.keys.ready)
        words.append(job)
        _ = try await queue.connection.send(Command(name: "LPUSH", words))
    }

    /// A job without id of exactly so many bytes.
    private func job(_ bytes: Int) -> [UInt8] {
        let head = Array(#"{"job":"a","args":""#.utf8)
        return head + Array(repeating: UInt8(ascii: "x"), count: bytes - head.count - 2)
            + Array(#""}"#.utf8)
    }

    /// The first lines of what is dead.
    private func deaths(in queue: QueueFixture) async throws -> [String] {
        let dead = try await queue.redis("ZRANGE", queue.keys.dead, "0", "-1").array ?? []
        return dead.compactMap(\.bytes).map {
            String(decoding: $0.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
    }

    @Test func `what no reply can carry is buried by the script, and the next job runs`()
        async throws
    {
        let queue = try QueueFixture()
        let huge = job(17 * Self.mebibyte)
        for _ in 0..<2 { try await push(huge, to: queue) }
        try await queue.push("good")
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { await $0.log.end(.done) }
        #expect(fixture.log.ends.map(\.id) == ["good"])
        let deaths = try await deaths(in: queue)
        #expect(deaths.count == 2)
        for death in deaths {
            #expect(death.hasPrefix(fixture.id + "/"))
            #expect(death.hasSuffix(" too large to hand out: 17825792 bytes"))
        }
        #expect(try await queue.integer("EXISTS", queue.keys.ready, queue.keys.landing) == 0)
    }

    @Test func `a fetch takes 16 MiB at most, in order, and leaves the rest`() async throws {
        let queue = try QueueFixture()
        try await queue.join("w")
        for _ in 0..<20 { try await push(job(Self.mebibyte), to: queue) }
        try await queue.push("last")
        #expect(try await queue.fetch("w", 100).count == 16)
        #expect(try await queue.integer("LLEN", queue.keys.ready) == 5)
        let rest = try await queue.fetch("w", 100)
        #expect(rest.count == 5)
        #expect(rest.last.map { QueueFixture.id($0.json) } == "last")
    }

    @Test func `forty jobs of 1 MiB are all buried, and the worker goes on`() async throws {
        let queue = try QueueFixture()
        for _ in 0..<40 { try await push(job(Self.mebibyte), to: queue) }
        try await queue.push("good")
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run {
            await $0.log.end(.buried, count: 40)
            await $0.log.end(.done)
        }
        let deaths = try await deaths(in: queue)
        #expect(deaths.count == 40)
        #expect(deaths.allSatisfy { $0.hasSuffix(" job is 1,048,576 bytes; the limit is 65,536") })
        #expect(try await queue.integer("EXISTS", queue.keys.ready, queue.keys.landing) == 0)
    }

    @Test func `the id that a retry adds does not make a job too large`() async throws {
        let queue = try QueueFixture()
        try await push(job(65_530), to: queue)
        let attempts = Mutex<[Int]>([])
        let fixture = try WorkerFixture(queue) {
            let options = JobOptions(maxAttempts: 3, retryDelay: .fixed(.milliseconds(1)))
            $0.add(
                .named("a", options: options) { context in
                    attempts.withLock { $0.append(context.attempt) }
                    if context.attempt == 1 { throw QueueFixture.Refused() }
                    return nil
                })
        }
        try await fixture.run { await $0.log.end(.done) }
        #expect(attempts.withLock(\.self) == [1, 2])
        #expect(try await queue.places().isEmpty)
    }

    @Test func `the room for an id is a worker's, not a producer's`() throws {
        func canonical(_ bytes: Int) -> [UInt8] {
            Array(#"{"id":"i","#.utf8) + job(bytes - 9).dropFirst()
        }
        #expect(canonical(65_584).count == 65_584)
        #expect(reason(canonical(65_584)) == nil)
        #expect(
            reason(canonical(65_585)) == "job is 65,585 bytes; the limit is 65,536")
        #expect(reason(job(65_537)) == "job is 65,537 bytes; the limit is 65,536")
        let error = #expect(throws: EnvelopeError.self) {
            _ = try Draft(envelope: canonical(65_537), maxBytes: 65_536)
        }
        #expect(error?.description.hasSuffix(" bytes; the limit is 65,536") == true)
    }
}
