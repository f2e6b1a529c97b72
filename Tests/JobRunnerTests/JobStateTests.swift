import RedisLink
import Testing

@testable import JobRunner

private struct Work: Job {
    static let name = "work"
    static let options = JobOptions(queue: "q")
    typealias Output = Int
}

/// Where a job is, told by its id.
@Suite(.timeLimit(.minutes(1))) struct JobStateTests {
    private func state(_ client: JobClient, _ id: String) async throws -> JobStatus {
        try await client.state(queue: "q", id: id)
    }

    @Test func `through the queue, from its time to its end`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let later = try await client.enqueue(Work(), in: .seconds(3600))
        let status = try await later.state()
        #expect(status.state == .scheduled)
        #expect(status.dueAt ?? 0 > WallClock.milliseconds() + 3_000_000)
        let now = try await client.enqueue(Work())
        #expect(try await now.state() == JobStatus(.ready))
        #expect(try await queue.send(queue.store.park(seconds: 1)))
        #expect(try await now.state() == JobStatus(.ready))
        try await queue.join("w")
        let job = try #require(try await queue.fetch("w", 1).first)
        #expect(try await now.state() == JobStatus(.active, place: "w"))
        let envelope = try Envelope(job.json)
        let failed = envelope.rewritten(
            state: DeliveryState(attempt: 1), idIfMissing: JobID.generate(now: 0))
        try await queue.cycle(
            "w", [Ack(tag: job.tag, writes: [.retry(milliseconds: 60_000, job: failed)])])
        let retrying = try await now.state()
        #expect(retrying.state == .retrying)
        #expect(retrying.dueAt != nil)
        #expect(!retrying.isOver)
        let json = JobOutcome.done(value: nil, attempt: 2, started: 1, finished: 2)
        try await queue.redis(
            "SET", queue.keys.result(now.id), String(decoding: json, as: UTF8.self))
        #expect(try await now.state() == JobStatus(.done))
        #expect(try await now.state().isOver)
    }

    @Test func `set aside, buried, purged, never there`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        try await queue.join("w")
        try await queue.push("p", "b")
        let jobs = try await queue.fetch("w", 2)
        let kind = JobKind("a", version: 1)
        try await queue.cycle(
            "w",
            [
                Ack(tag: jobs[0].tag, writes: [.park(kind: kind, job: jobs[0].json)]),
                Ack(tag: jobs[1].tag, writes: [.bury(reason: "{no use", job: jobs[1].json)]),
            ])
        #expect(try await state(client, "p") == JobStatus(.parked, place: kind.description))
        #expect(try await state(client, "b") == JobStatus(.dead))
        try await queue.redis("ZADD", queue.keys.blocked, "1", "slow")
        let blocked = String(decoding: QueueFixture.job("s"), as: UTF8.self)
        try await queue.redis("ZADD", queue.keys.blocked("slow"), "1", blocked)
        #expect(try await state(client, "s") == JobStatus(.blocked, place: "slow"))
        let purged = try await client.enqueue(Work())
        try await queue.redis("DEL", queue.keys.ready, queue.keys.landing)
        #expect(try await purged.state() == JobStatus(.gone))
        #expect(try await state(client, "never") == JobStatus(.unknown))
        await #expect(throws: NameError.self) { try await state(client, "a b") }
    }

    @Test func `an id is not taken for one that begins like it, or holds it`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        try await queue.push("10", "a.c")
        #expect(try await state(client, "1").state == .unknown)
        #expect(try await state(client, "a-c").state == .unknown)
        #expect(try await state(client, "a.c").state == .ready)
        try await queue.redis("LPUSH", queue.keys.ready, #"{"job":"x","args":{"id":"in"}}"#)
        #expect(try await state(client, "in").state == .unknown)
    }

    @Test func `a cancelled job says so until it has ended`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let handle = try await client.enqueue(Work())
        try await client.cancel(handle)
        let status = try await handle.state()
        #expect(status.state == .ready)
        #expect(status.isCancelling)
    }

    @Test func `beyond the bound it is only accepted`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let handle = try await client.enqueue(Work())
        try await queue.push((0..<2500).map { "\($0)" })
        // It stands at the front, whatever the length; the last to come does not.
        #expect(try await handle.state().state == .ready)
        let last = try await client.enqueue(Work())
        #expect(try await last.state().state == .ready)
        let traces = try await client.traces(queue: "q", id: last.id)
        let cut = try await client.status(queue: "q", id: last.id, traces, most: 2000)
        #expect(cut == JobStatus(.accepted))
    }
}
