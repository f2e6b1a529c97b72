import JobRunnerTesting
import Testing

@testable import JobRunner
@testable import RedisLink

/// What unique keys did, as `stats` tells it.
@Suite(.timeLimit(.minutes(1))) struct UniqueCountTests {
    @Test func `conflicts are counted, and nothing else`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        func enqueue(_ id: String, _ unique: Unique, in time: Duration? = nil) async throws {
            let options = JobOptions(queue: "q", unique: unique)
            if let time {
                _ = try await client.enqueue(name: "a", options: options, in: time, id: id)
            } else {
                _ = try await client.enqueue(name: "a", options: options, id: id)
            }
        }
        func counts() async throws -> [Int] {
            let recent = try #require(try await client.stats(queues: ["q"]).queues.first).recent
            return [recent.refused, recent.replaced]
        }
        let keep = Unique(by: .key("k"))
        try await enqueue("1", keep)
        try await enqueue("1", keep)
        #expect(try await counts() == [0, 0])
        #expect(try await queue.redis("KEYS", queue.keys.base + "count:*").array?.isEmpty == true)
        try await enqueue("2", keep)
        try await enqueue("3", keep, in: .seconds(60))
        #expect(try await counts() == [2, 0])
        await #expect(throws: JobRunnerError.self) {
            try await enqueue("4", Unique(by: .key("k"), onConflict: .reject))
        }
        #expect(try await counts() == [3, 0])
        // Another that is ready, then one that waits for its time.
        let replace = Unique(by: .key("k"), onConflict: .replace)
        try await enqueue("5", replace, in: .seconds(60))
        try await enqueue("6", replace, in: .seconds(60))
        #expect(try await counts() == [3, 2])
        let key = try #require(
            try await queue.redis("KEYS", queue.keys.base + "count:*").array?.first?.text)
        #expect((1...QueueStore.countsKept).contains(try await queue.integer("TTL", key)))
    }

    @Test func `a counter that cannot be written stops no enqueue`() async throws {
        let queue = try QueueFixture()
        let minute = WallClock.milliseconds() / 60_000
        for number in minute - 1...minute + 2 {
            try await queue.redis("SET", queue.keys.count(number), "x")
        }
        var terms = Terms()
        terms.unique = UniqueLock(key: "k", end: .done, milliseconds: 60_000)
        func enqueue(_ id: String) async throws -> Acceptance {
            let job = NewJob(id: id, json: QueueFixture.job(id))
            return try await queue.send(
                queue.store.enqueue(job, due: .now, window: 0, terms: terms))
        }
        #expect(try await enqueue("1") == .accepted)
        #expect(try await enqueue("2") == .held(by: "1"))
        terms.policy = "replace"
        #expect(try await enqueue("3") == .replaced("1", isGone: false))
    }

    @Test func `a job for now without a key sends no more than before`() throws {
        let store = try QueueFixture().store
        let job = NewJob(id: "1", json: QueueFixture.job("1"))
        func holds(_ text: String, _ due: Due, _ terms: Terms = Terms()) -> Bool {
            let call = store.enqueue(job, due: due, window: 0, terms: terms)
            return String(decoding: call.command.wire, as: UTF8.self).contains(text)
        }
        var unique = Terms()
        unique.unique = UniqueLock(key: "k", end: .done, milliseconds: 60_000)
        #expect(!holds(":bell", .now) && !holds(":count:", .now))
        #expect(holds(":bell", .after(milliseconds: 1)))
        #expect(!holds(":count:", .after(milliseconds: 1)))
        #expect(holds(":count:", .now, unique))
    }
}
