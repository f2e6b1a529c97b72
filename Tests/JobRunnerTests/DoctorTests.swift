import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// The doctor on real queues: what it sees, what it mends, and what it leaves alone.
@Suite(.timeLimit(.minutes(1))) struct DoctorTests {
    /// A server that has run for long.
    private static let oldServer = ServerInfo("redis_version:7.0.15\r\nuptime_in_seconds:86400")

    private func examine(
        _ queue: QueueFixture, _ client: JobClient, info: ServerInfo = oldServer
    ) async throws -> [Finding] {
        let doctor = Doctor(client: client, info: info, queues: ["q"])
        return try await doctor.examine(url: RedisURL(queue.server.url), isRoot: false) { "\($0)" }
            .filter { $0.queue != nil || $0.check == "queues" }
    }

    private func fix(
        _ client: JobClient, info: ServerInfo = oldServer
    ) async throws -> [String] {
        try await Doctor(client: client, info: info, queues: ["q"]).fix()
    }

    /// A worker that has left jobs in its hash; nobody has done the upkeep for an hour.
    private func lose(_ worker: String, _ ids: String..., in queue: QueueFixture) async throws {
        let now = (try await queue.redis("TIME").array?.first?.integer ?? 0) * 1000
        let old = "\(now - 3_600_000)"
        try await queue.redis(
            "HSET", queue.keys.meta, "lease", "30000", "swept", old, "clock", old)
        try await queue.redis("ZADD", queue.keys.workers, "\(now - 3_570_000)", worker)
        for (tag, id) in ids.enumerated() {
            try await queue.redis(
                "HSET", queue.keys.active(worker), "\(tag + 1)",
                String(decoding: QueueFixture.job(id), as: UTF8.self))
        }
    }

    @Test func `a worker that is gone with its jobs is found, and they are given back`()
        async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await lose("w-1-a", "1", "2", in: queue)
        let found = try await examine(queue, client)
        #expect(found.map(\.check) == ["leases"])
        #expect(found.map(\.verdict) == [.problem])
        #expect(found.first?.text.hasPrefix("w-1-a: gone, and no worker is there") == true)
        #expect(try await fix(client) == ["gave back 2 jobs of w-1-a in 'q'"])
        #expect(try await Set(queue.waiting()) == ["1", "2"])
        try await queue.expectOnePlace(["1", "2"])
        #expect(try await queue.integer("HGET", queue.keys.crashes, "1") == 1)
        #expect(try await queue.integer("EXISTS", queue.keys.workers, queue.keys.reaping) == 0)
        #expect(try await fix(client) == [])
        let after = try await examine(queue, client)
        #expect(after.map(\.check) == ["waiting"])
        #expect(after.first?.text == "2 jobs wait, and no worker has this queue")
    }

    @Test func `a worker whose word is kept, or a server that has just started, is left alone`()
        async throws
    {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await lose("w-1-a", "1", in: queue)
        let young = ServerInfo("uptime_in_seconds:5")
        #expect(try await fix(client, info: young) == [])
        #expect(try await fix(client, info: ServerInfo("")) == [])
        try await queue.redis("SET", "\(queue.prefix):worker:w-1-a", "{}")
        #expect(try await fix(client) == [])
        #expect(try await queue.integer("HLEN", queue.keys.active("w-1-a")) == 1)
        #expect(try await queue.integer("ZCARD", queue.keys.workers) == 1)
    }

    @Test func `a worker that was being reaped is reaped to the end`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await lose("w-1-a", "1", in: queue)
        try await queue.redis("DEL", queue.keys.workers)
        try await queue.redis("ZADD", queue.keys.reaping, "1", "w-1-a")
        // It is fenced: whatever the server's age, nobody can come back as that.
        #expect(
            try await fix(client, info: ServerInfo("")) == ["gave back 1 job of w-1-a in 'q'"])
        try await queue.expectOnePlace(["1"])
        #expect(try await queue.integer("EXISTS", queue.keys.reaping) == 0)
    }

    @Test func `jobs in a hash that no set knows are found, and given back`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await queue.redis("HSET", queue.keys.active("w-1-\u{1B}[2J"), "1", #"{"id":"1"}"#)
        let found = try await examine(queue, client).filter { $0.verdict == .problem }
        #expect(found.map(\.check) == ["active"])
        #expect(
            found.first?.text
                == #"w-1-\u{1B}[2J holds 1 job, has no lease, and is not being reaped"#)
        #expect(try await fix(client).count == 1)
        try await queue.expectOnePlace(["1"])
        #expect(try await queue.waiting() == ["1"])
    }

    @Test func `a job in landing is moved where others see it, in order`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await queue.push("1", "2", "3")
        for _ in 0..<2 { _ = try await queue.send(queue.store.park(seconds: 1)) }
        #expect(try await examine(queue, client).map(\.check) == ["landing"])
        #expect(try await fix(client) == ["moved 2 jobs of 'q' from 'landing' to 'ready'"])
        #expect(try await queue.integer("EXISTS", queue.keys.landing) == 0)
        #expect(try await queue.waiting() == ["1", "2", "3"])
    }

    @Test func `numbers that somebody made up do no harm`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        for number in ["-9223372036854775808", "9223372036854775807", "x"] {
            for field in ["swept", "lease", "clock", "protocol"] {
                try await queue.redis("HSET", queue.keys.meta, field, number)
            }
            try await queue.redis("ZADD", queue.keys.reaping, "-inf", "w", "inf", "v")
            #expect(try await !examine(queue, client).isEmpty)
        }
    }

    @Test func `a queue of another protocol is told, and not touched`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await lose("w-1-a", "1", in: queue)
        try await queue.redis("HSET", queue.keys.meta, "protocol", "9")
        let found = try await examine(queue, client)
        #expect(found.first?.check == "protocol")
        #expect(found.first?.text == "it was written by protocol 9; this build speaks 1")
        #expect(try await fix(client) == [])
        #expect(try await queue.integer("HLEN", queue.keys.active("w-1-a")) == 1)
    }

    @Test func `a worker at work is in order, and its job is not taken from it`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        let (started, seen) = (Latch(), Latch())
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { _ in
                    started.open()
                    await seen.wait()
                    return nil
                })
        }
        try await fixture.run { fixture in
            await fixture.log.joined()
            try await queue.push("1")
            await started.wait()
            let done = try await fix(client)
            #expect(done == [])
            let found = try await examine(queue, client)
            #expect(found.map(\.verdict) == [.ok])
            seen.open()
            let end = await fixture.log.end(.done)
            #expect(end?.id == "1")
        }
    }

    @Test func `a pause without an end is told while jobs wait`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await client.pause(queue: "q")
        #expect(try await examine(queue, client).first { $0.check == "pause" }?.verdict == .ok)
        try await queue.push("a")
        try await queue.redis("ZADD", queue.keys.ordered, "1", #"{"id":"b","job":"a"}"#)
        let finding = try await examine(queue, client).first { $0.check == "pause" }
        #expect(finding?.verdict == .warn)
        let since = try await queue.integer("HGET", queue.keys.meta, "since")
        #expect(finding?.text == "paused since \(since) without an end while 2 jobs wait")
        #expect(finding?.remedy == "jobrunner queues resume q")
        try await client.pause(queue: "q", for: .seconds(3600), reason: "down\u{1B}")
        let timed = try await examine(queue, client).first { $0.check == "pause" }
        let until = try await queue.integer("HGET", queue.keys.meta, "paused")
        #expect(timed?.verdict == .ok)
        #expect(
            timed?.text == "paused since \(since) until \(until) while 2 jobs wait: "
                + #"down\u{1B}"#)
    }

    @Test func `a paused kind is told, and a warning once its jobs wait`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await client.pause(job: "mail.send", in: "q")
        let before = try await examine(queue, client).first { $0.check == "pause" }
        #expect(before?.verdict == .ok)
        let whys = try #require(try await queue.text("HGET", queue.keys.meta, "whys"))
        let since = whys.split(separator: " ")[1]
        #expect(before?.text == "jobs named mail.send are paused since \(since)")
        try await queue.redis("ZADD", queue.keys.blocked, "77", "paused/mail.send")
        let after = try await examine(queue, client).first { $0.check == "pause" }
        #expect(after?.verdict == .warn)
        let text = "jobs named mail.send are paused since \(since), and such jobs wait since 77"
        #expect(after?.text == text)
        #expect(after?.remedy == "jobrunner jobs resume mail.send -q q")
        try await client.pause(job: "mail.send", in: "q", reason: "down\u{1B}")
        let told = try await examine(queue, client).first { $0.check == "pause" }
        #expect(told?.text == text + #": down\u{1B}"#)
    }

    @Test func `a schedule that nobody carries out is told`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await client.schedules.add(
            Schedule(.every(.seconds(30)), job: "a", options: JobOptions(queue: "q"), name: "s"))
        #expect(try await examine(queue, client).contains { $0.check == "schedules" } == false)
        try await queue.redis("ZADD", queue.keys.ticks, "1000", "s")
        let late = try await examine(queue, client).first { $0.check == "schedules" }
        #expect(late?.verdict == .warn)
        #expect(late?.text == "s: due since 1000, and no process has enqueued the job")
        #expect(late?.remedy == "start one: jobrunner work -q q, or jobrunner scheduler")
    }

    @Test func `a limit that is closed for long is told`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await queue.redis(
            "HSET", client.keys.limits, "smtp/mail.send", #"{"rate":"10/s"}"#)
        try await client.closeLimit("smtp", for: .seconds(3600))
        let stats = try await client.stats(queues: ["q"])
        let now = try await client.serverTime()
        let found = WorkChecks.closedLimits(stats, now: now) { "\($0)" }
        #expect(found.count == stats.limits.count)
        let finding = found.first
        #expect(finding?.verdict == .warn)
        #expect(finding?.text.hasSuffix(": jobs named mail.send are put off until then") == true)
        #expect(finding?.remedy == "jobrunner limits open smtp")
        let soon = WorkChecks.closedLimits(stats, now: now + 3_590_000) { "\($0)" }
        #expect(soon.map(\.verdict) == [.ok])
    }

    @Test func `sets of jobs that no list has are found, and listed again`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        let kind = try #require(JobKind("a@2"))
        try await queue.redis("ZADD", queue.keys.parked(kind), "1", #"{"id":"1","job":"a","v":2}"#)
        let limit = "slots/places/all"
        try await queue.redis("ZADD", queue.keys.blocked(limit), "1", #"{"id":"2","job":"b"}"#)
        let found = try await examine(queue, client).filter { $0.verdict == .problem }
        #expect(found.map(\.check) == ["blocked", "parked"])
        #expect(
            found.last?.text
                == "'parked:a@2' holds 1 job, and 'parked' does not list it: no worker "
                + "will find them")
        #expect(
            try await fix(client) == [
                "listed 'blocked:slots/places/all' of 'q' again, with 1 job",
                "listed 'parked:a@2' of 'q' again, with 1 job",
            ])
        #expect(try await queue.integer("ZCARD", queue.keys.parked) == 1)
        #expect(try await queue.integer("ZCARD", queue.keys.blocked) == 1)
        #expect(try await fix(client) == [])
    }

    @Test func `keys that nothing clears away are told`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        try await queue.redis("SET", queue.keys.result("1"), "{}", "EX", "60")
        try await queue.redis("SADD", client.keys.queues, "q")
        #expect(try await examine(queue, client).map(\.verdict) == [.ok])
        for id in ["2", "3"] { try await queue.redis("SET", queue.keys.result(id), "{}") }
        try await queue.redis("RPUSH", queue.keys.history("gone"), "x")
        let found = try await examine(queue, client)
        #expect(found.map(\.verdict) == [.warn, .warn])
        #expect(
            found.map(\.text) == [
                "1 'history:…' key left of schedules that there are no more: nothing clears "
                    + "them away",
                "2 'result:…' keys without a time to live: nothing clears them away",
            ])
        #expect(
            found.last?.remedy
                == "redis-cli EXPIRE '\(queue.keys.result("2"))' 86400, and so the others")
    }
}
