import FoundationEssentials
import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Rate limits and concurrency limits, across workers.
@Suite(.timeLimit(.minutes(2))) struct WorkerLimitTests {
    private func options(
        _ rate: RateLimit? = nil, _ slots: ConcurrencyLimit? = nil
    ) -> JobOptions {
        JobOptions(retryDelay: .list([]), rateLimit: rate, concurrencyLimit: slots)
    }

    @Test func `no more start in any window than the limit says, whatever workers there are`()
        async throws
    {
        let queue = try QueueFixture()
        let jobs = 120
        let started = Mutex([Int64]())
        let fixtures = try (0..<3).map { _ in
            try WorkerFixture(queue) {
                $0.add(
                    .named("a", options: options(.perSecond(100))) { _ in
                        started.withLock { $0.append(monotonicNanoseconds()) }
                        return nil
                    })
            }
        }
        try await queue.push((0..<jobs).map { "\($0)" })
        let tasks = fixtures.map { fixture in Task { try await fixture.worker.run() } }
        while started.withLock({ $0.count }) < jobs { try await queue.pass(0.05) }
        for fixture in fixtures { fixture.worker.stop() }
        for task in tasks { _ = try await task.value }
        let times = started.withLock { $0.sorted() }
        // 119 spacings of 10.05 ms, less what the machine held up the first. That no window has one
        // too many, and that jobs are put off once, is shown by virtual time in contracts.py.
        #expect((times.last ?? 0) - (times.first ?? 0) >= 119 * 10_050_000 - 400_000_000)
        let deferred = fixtures.flatMap(\.log.ends).filter { $0.verdict == .deferred }
        #expect(!deferred.isEmpty)
        #expect(deferred.allSatisfy { $0.attempt == 1 })
        try await queue.expectOnePlace([])
    }

    @Test func `a limit by an argument counts each value alone, and shares its name`() async throws
    {
        let queue = try QueueFixture()
        let hourly = RateLimit(1, per: .seconds(3600), name: "api", by: "token")
        let fixture = try WorkerFixture(queue) {
            for name in ["a", "b"] { $0.add(.named(name, options: options(hourly)) { _ in nil }) }
        }
        let jobs = [
            ("1", "a", "x"), ("2", "b", "x"), ("3", "b", "y"), ("4", "a", "sp ace"),
        ]
        for (id, name, token) in jobs {
            let job = QueueFixture.job(id, #""job":"\#(name)","args":{"token":"\#(token)"}"#)
            try await queue.redis("LPUSH", queue.keys.ready, String(decoding: job, as: UTF8.self))
        }
        try await fixture.run { fixture in
            await fixture.log.end(.done, count: 3)
            // Either of the two that share a token and a limit.
            #expect(["1", "2"].contains(await fixture.log.end(.deferred)?.id))
            #expect(fixture.log.ends.count { $0.verdict == .deferred } == 1)
        }
        let put =
            try await queue.redis(
                "ZRANGE", queue.keys.scheduled, "0", "0", "WITHSCORES"
            ).array ?? []
        let due = Int(put.last?.text ?? "") ?? 0
        let now = WallClock.milliseconds()
        #expect((now + 3_500_000...now + 3_700_000).contains(due))
        let job = put.first?.bytes
        #expect(try Envelope(job ?? []).state.attempt == 0)
        #expect(try Envelope(job ?? []).state.reserved > 0)
    }

    @Test func `a handler that is told to come later closes the limit for all`() async throws {
        let queue = try QueueFixture()
        let runs = Mutex([String]())
        let fixture = try WorkerFixture(queue, { $0.concurrency = 1 }) {
            $0.add(
                .named("a", options: options(RateLimit(100, per: .seconds(1), burst: 100))) {
                    context in
                    let isFirst = runs.withLock { runs in
                        runs.append(context.id)
                        return runs.count == 1
                    }
                    if isFirst { throw JobError.rateLimited(for: .seconds(2)) }
                    return nil
                })
        }
        try await queue.push("1", "2", "3")
        try await fixture.run { fixture in
            await fixture.log.end(.deferred)
            let rule = Keys(prefix: queue.prefix).limit("a").rule
            let isClosed = try await queue.integer("HEXISTS", rule, "closed")
            #expect(isClosed == 1)
            await fixture.log.end(.done, count: 3)
        }
        let ends = fixture.log.ends.filter { $0.verdict == .done }
        #expect(ends.allSatisfy { $0.attempt == 1 })
        #expect(runs.withLock { $0.count } == 4)
    }

    @Test func `no more run at once than the limit says, and all of them do`() async throws {
        let queue = try QueueFixture()
        let running = Mutex((now: 0, most: 0))
        let fixtures = try (0..<2).map { _ in
            try WorkerFixture(queue, { $0.concurrency = 8 }) {
                $0.add(
                    .named("a", options: options(nil, ConcurrencyLimit(3))) { _ in
                        running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                        await Task.yield()
                        running.withLock { $0.now -= 1 }
                        return nil
                    })
            }
        }
        try await queue.push((0..<60).map { "\($0)" })
        let tasks = fixtures.map { fixture in Task { try await fixture.worker.run() } }
        func done() -> Int {
            fixtures.map { $0.log.ends.count { $0.verdict == .done } }.reduce(0, +)
        }
        while done() < 60 { try await queue.pass(0.05) }
        for fixture in fixtures { fixture.worker.stop() }
        for task in tasks { _ = try await task.value }
        #expect(running.withLock { $0.most } <= 3)
        try await queue.expectOnePlace([])
        #expect(try await queue.integer("EXISTS", queue.keys.blocked) == 0)
    }

    @Test func `a job that is unique while it runs waits for the other, and only for that one`()
        async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client()
        for (id, key) in [("1", "x"), ("2", "x"), ("3", "y")] {
            let options = JobOptions(queue: "q", unique: Unique(by: .key(key), until: .running))
            let handle = try await client.enqueue(name: "a", options: options, id: id)
            #expect(!handle.isDuplicate)
        }
        let gate = Latch()
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a", options: options()) { _ in
                    await gate.wait()
                    return nil
                })
        }
        try await fixture.run { fixture in
            // One of the two; the one of another key runs beside.
            let blocked = await fixture.log.end(.blocked)
            #expect(["1", "2"].contains(blocked?.id))
            gate.open()
            await fixture.log.end(.done, count: 3)
        }
        try await queue.expectOnePlace([])
    }

    @Test func `the places of a worker that is gone are free after its lease`() async throws {
        let queue = try QueueFixture()
        let keys = Keys(prefix: queue.prefix).limit("a")
        // Of a worker that never comes back.
        let claim = LimitStore(keys).claim(
            .take, "all", most: 1, lease: 600_000, holders: ["gone/1"])
        #expect(try await queue.send(claim).held == [true])
        let fixture = try WorkerFixture(queue) {
            $0.add(.named("a", options: options(nil, ConcurrencyLimit(1))) { _ in nil })
        }
        try await queue.push("1")
        try await fixture.run { fixture in
            await fixture.log.end(.blocked)
            // Its lease lapses.
            try await queue.redis("ZADD", keys.running("all"), "1", "gone/1")
            await fixture.log.end(.done)
        }
        #expect(try await queue.integer("EXISTS", keys.running("all")) == 0)
    }

    @Test func `a limit that cannot work is refused when the worker is made`() throws {
        let queue = try QueueFixture()
        let wrong: [(JobOptions, String)] = [
            (options(RateLimit(0, per: .seconds(1))), "must be 1 to 1000000 in its period, got 0"),
            (
                options(RateLimit(1, per: .seconds(1), burst: 10, cost: 20)),
                "cost 20 can never fit into burst 10"
            ),
            (options(RateLimit(1, per: .zero)), "the period of a rate limit"),
            (options(nil, ConcurrencyLimit(0)), "a concurrency limit must be 1 to 100000, got 0"),
            (options(nil, ConcurrencyLimit(1, name: "a b")), "limit name 'a b' is not allowed"),
        ]
        for (options, text) in wrong {
            do {
                _ = try WorkerFixture(queue) { $0.add(.named("a", options: options) { _ in nil }) }
                Issue.record("\(text) was not thrown")
            } catch {
                #expect("\(error)".contains(text))
            }
        }
    }

    @Test(arguments: [
        ("1000/h", 1000, 3600, 1), ("10/s burst 20", 10, 1, 20), ("5/10m", 5, 600, 1),
        ("1/d", 1, 86_400, 1),
    ])
    func `a rate is read and written`(text: String, count: Int, seconds: Int, burst: Int) throws {
        let rate = try RateLimit(text)
        #expect(rate == RateLimit(count, per: .seconds(seconds), burst: burst))
        #expect(rate.description == text)
    }

    @Test(arguments: [
        "", "10", "10/", "/s", "0/s", "-1/s", "1e3/s", "10/x", "10/s burst 0", "10/s burst",
        "10/0s",
    ])
    func `what is no rate is told`(text: String) {
        #expect(throws: JobRunnerError.self) { try RateLimit(text) }
    }

    @Test func `of two that heard 429 the later time holds`() async throws {
        let queue = try QueueFixture()
        let store = LimitStore(Keys(prefix: queue.prefix).limit("a"))
        let now = try await queue.client().serverTime()
        #expect(try await queue.send(store.close(until: now + 60_000)))
        #expect(try await queue.send(store.close(until: now + 1000)) == false)
        #expect(try await queue.integer("HGET", store.keys.rule, "closed") == now + 60_000)
        #expect(try await queue.send(store.close(until: now + 61_000)))
        #expect(try await queue.integer("HGET", store.keys.rule, "closed") == now + 61_000)
    }

    @Test func `a closing that is long past is cleared away`() async throws {
        let queue = try QueueFixture()
        let store = LimitStore(Keys(prefix: queue.prefix).limit("a"))
        let rate = RateLimit(10, per: .seconds(1))
        let ask = LimitStore.Ask(cost: 1, reserved: 0)
        let now = try await queue.client().serverTime()
        try await queue.redis("HSET", store.keys.rule, "closed", "\(now + 60_000)", "slots", "3")
        _ = try await queue.send(store.take("all", rate, [ask]))
        #expect(try await queue.integer("HEXISTS", store.keys.rule, "closed") == 1)
        try await queue.redis("HSET", store.keys.rule, "closed", "\(now - 60_000)")
        _ = try await queue.send(store.take("all", rate, [ask]))
        #expect(try await queue.integer("HEXISTS", store.keys.rule, "closed") == 0)
        #expect(try await queue.integer("HGET", store.keys.rule, "slots") == 3)
    }
}
