import RedisLink
import Testing

@testable import JobRunner

/// What `fire.lua`, `due.lua` and `schedule.lua` do and refuse, on a real server.
@Suite(.timeLimit(.minutes(1))) struct ScheduleStoreTests {
    private let queue: QueueFixture
    private var store: QueueStore { queue.store }
    private var keys: QueueKeys { queue.keys }

    init() throws { queue = try QueueFixture() }

    private func schedule(
        _ overlap: Schedule.Overlap = .allow, every interval: Duration = .seconds(60),
        missed: Schedule.Missed = .once
    ) -> Schedule {
        Schedule(
            .every(interval), job: "a", options: JobOptions(queue: "q"), name: "s",
            missed: missed, overlap: overlap)
    }

    /// Puts a schedule that stands at a tick.
    @discardableResult
    private func put(_ schedule: Schedule, at tick: Int, due: Int? = nil) async throws -> [UInt8] {
        let json = Definition(schedule, source: .code, revision: 1).json
        let old = try await queue.send(store.definition("s")) ?? []
        let change = ScheduleChange.put(json, next: tick, due: due ?? tick, keep: false)
        #expect(try await queue.send(store.change("s", from: old, change)) == true)
        return json
    }

    private func fire(
        _ schedule: Schedule, _ json: [UInt8], _ expected: Int?, tick: Int?, next: Int?,
        missed: Int = 0
    ) async throws -> FireReply {
        let job = TickJob(schedule, tick: tick ?? 0)
        return try await queue.send(
            store.fire(
                Firing(
                    name: "s", definition: json, expected: expected, tick: tick, next: next,
                    nextDue: next ?? 0, missed: missed, id: job.id, json: try job.json(now: 0),
                    overlap: job.overlap, lock: try job.lock())))
    }

    private func history() async throws -> [String] {
        let lines = try await queue.redis("LRANGE", keys.history("s"), "0", "-1").array ?? []
        // Without the time.
        return lines.compactMap(\.text).map { line in
            let words = line.split(separator: " ")
            return "\(words[0]) \(words[2]) \(words[3])"
        }
    }

    @Test func `a tick is fired once, and the schedule moves on`() async throws {
        let schedule = schedule()
        let json = try await put(schedule, at: 60_000)
        #expect(try await fire(schedule, json, 60_000, tick: 60_000, next: 120_000) == .fired)
        #expect(try await fire(schedule, json, 60_000, tick: 60_000, next: 120_000) == .already)
        #expect(try await queue.waiting() == ["s.60000"])
        #expect(try await queue.text("HGET", keys.schedule("s"), "tick") == "120000")
        #expect(try await queue.text("ZSCORE", keys.ticks, "s") == "120000")
        #expect(try await queue.text("HGET", keys.schedule("s"), "job") == "s.60000")
        #expect(try await queue.text("HGET", keys.schedule("s"), "fired") == "1")
        #expect(try await history() == ["60000 fired s.60000"])
    }

    @Test func `what was missed is counted, and a last tick is the last`() async throws {
        let schedule = schedule()
        let json = try await put(schedule, at: 60_000)
        #expect(
            try await fire(schedule, json, 60_000, tick: 180_000, next: 240_000, missed: 2)
                == .fired)
        #expect(
            try await fire(schedule, json, 240_000, tick: nil, next: 300_000, missed: 1) == .moved)
        #expect(try await fire(schedule, json, 300_000, tick: 300_000, next: nil) == .fired)
        #expect(try await fire(schedule, json, 300_000, tick: 300_000, next: nil) == .already)
        #expect(try await queue.waiting() == ["s.180000", "s.300000"])
        #expect(try await queue.text("HGET", keys.schedule("s"), "missed") == "3")
        #expect(try await queue.integer("EXISTS", keys.ticks) == 0)
        #expect(
            try await history() == [
                "300000 fired s.300000", "240000 missed 1", "180000 fired s.180000",
                "60000 missed 2",
            ])
    }

    @Test func `the server's clock decides whether it is due`() async throws {
        let now = try await queue.client().serverTime()
        let tick = now + 60_000
        let json = try await put(schedule(), at: tick)
        #expect(try await fire(schedule(), json, tick, tick: tick, next: tick + 1) == .early)
        #expect(try await queue.waiting() == [])
        #expect(try await queue.send(store.dueSchedules()).entries.isEmpty)
        let soon = try await queue.send(store.dueSchedules(within: 70_000))
        #expect(soon.entries.map(\.name) == ["s"])
        #expect(soon.entries.map(\.due) == [tick])
        #expect(soon.entries.map(\.definition) == [json])
        #expect(soon.now >= now)
    }

    @Test func `another definition, a pause, a removal: nothing is fired`() async throws {
        let old = try await put(schedule(), at: 60_000)
        let new = try await put(schedule(every: .seconds(30)), at: 60_000)
        #expect(try await fire(schedule(), old, 60_000, tick: 60_000, next: 90_000) == .changed)
        let pause = store.change("s", from: new, .pause(reason: "why"))
        #expect(try await queue.send(pause) == true)
        #expect(try await queue.send(pause) == false)
        #expect(try await fire(schedule(), new, 60_000, tick: 60_000, next: 90_000) == .paused)
        #expect(try await queue.send(store.dueSchedules()).entries.isEmpty)
        // A change while it is paused does not wake it.
        let third = try await put(schedule(every: .seconds(20)), at: 60_000)
        #expect(try await fire(schedule(), third, 60_000, tick: 60_000, next: 90_000) == .paused)
        let resume = store.change("s", from: third, .resume(next: 80_000, due: 80_000))
        #expect(try await queue.send(resume) == true)
        #expect(try await queue.send(resume) == false)
        #expect(try await queue.text("HGET", keys.schedule("s"), "reason") == nil)
        #expect(try await queue.send(store.change("s", from: old, .remove)) == nil)
        #expect(try await fire(schedule(), third, 80_000, tick: 80_000, next: 90_000) == .fired)
        #expect(try await queue.send(store.change("s", from: third, .remove)) == true)
        #expect(try await fire(schedule(), third, 90_000, tick: 90_000, next: 95_000) == .changed)
        #expect(try await queue.waiting() == ["s.80000"])
        #expect(
            try await queue.integer(
                "EXISTS", keys.schedules, keys.ticks, keys.schedule("s"), keys.history("s")) == 0)
    }

    @Test func `skip: while the lock is held a tick enqueues nothing`() async throws {
        let schedule = schedule(.skip)
        let lock = keys.unique("schedule.s")
        let json = try await put(schedule, at: 60_000)
        #expect(try await fire(schedule, json, 60_000, tick: 60_000, next: 120_000) == .fired)
        #expect(try await queue.text("GET", lock) == "s.60000")
        #expect((1...86_400_000).contains(try await queue.integer("PTTL", lock)))
        #expect(try await fire(schedule, json, 120_000, tick: 120_000, next: 180_000) == .skipped)
        try await queue.redis("DEL", lock)
        #expect(try await fire(schedule, json, 180_000, tick: 180_000, next: 240_000) == .fired)
        #expect(try await queue.waiting() == ["s.60000", "s.180000"])
        #expect(try await queue.text("HGET", keys.schedule("s"), "skipped") == "1")
        #expect(
            try await history() == [
                "180000 fired s.180000", "120000 skipped s.120000", "60000 fired s.60000",
            ])
    }

    @Test func `queueOne: while the lock is held the schedule stays where it is`() async throws {
        let schedule = schedule(.queueOne)
        let json = try await put(schedule, at: 60_000)
        #expect(try await fire(schedule, json, 60_000, tick: 60_000, next: 120_000) == .fired)
        for _ in 0..<2 {
            #expect(try await fire(schedule, json, 120_000, tick: 120_000, next: 180_000) == .waits)
        }
        #expect(try await queue.text("HGET", keys.schedule("s"), "tick") == "120000")
        try await queue.redis("DEL", keys.unique("schedule.s"))
        // One for all that waited.
        #expect(
            try await fire(schedule, json, 120_000, tick: 240_000, next: 300_000, missed: 2)
                == .fired)
        #expect(try await queue.waiting() == ["s.60000", "s.240000"])
        let lines = ["240000 fired s.240000", "120000 merged 2", "60000 fired s.60000"]
        #expect(try await history() == lines)
        let status = try await queue.client().schedules.list(queues: ["q"]).first
        #expect(status?.merged == 2 && status?.missed == 0 && status?.fired == 2)
        // Those that nobody was there for are missed all the same.
        try await queue.redis("DEL", keys.unique("schedule.s"))
        #expect(
            try await fire(schedule, json, 300_000, tick: 420_000, next: 480_000, missed: 2)
                == .fired)
        #expect(try await history().contains("300000 missed 2"))
    }

    @Test func `by hand it is enqueued whatever is due`() async throws {
        let schedule = schedule(.skip)
        let json = try await put(schedule, at: 60_000)
        let pause = store.change("s", from: json, .pause(reason: ""))
        #expect(try await queue.send(pause) == true)
        #expect(try await fire(schedule, json, nil, tick: 7, next: nil) == .fired)
        #expect(try await fire(schedule, json, nil, tick: 8, next: nil) == .skipped)
        #expect(try await queue.waiting() == ["s.7"])
        #expect(try await history() == ["8 skipped s.8", "7 run s.7"])
        #expect(try await queue.text("HGET", keys.schedule("s"), "tick") == "60000")
    }

    @Test func `the history is bounded`() async throws {
        let schedule = schedule()
        let json = try await put(schedule, at: 60_000)
        for number in 1...QueueStore.historyKept + 5 {
            let tick = number * 60_000
            _ = try await fire(schedule, json, tick, tick: tick, next: tick + 60_000)
        }
        #expect(try await history().count == QueueStore.historyKept)
    }

    @Test func `a key of another type: nothing is written`() async throws {
        let schedule = schedule()
        for key in [keys.ready, keys.history("s")] {
            let json = try await put(schedule, at: 60_000)
            try await queue.redis("SET", key, "mine")
            await #expect(throws: RedisError.self) {
                try await fire(schedule, json, 60_000, tick: 60_000, next: 120_000)
            }
            try await queue.redis("DEL", key)
            #expect(try await queue.text("ZSCORE", keys.ticks, "s") == "60000")
            #expect(try await queue.integer("EXISTS", keys.ready, keys.history("s")) == 0)
        }
    }

    @Test func `a change with the same times keeps the tick, unless there is none`() async throws {
        let json = try await put(schedule(), at: 60_000)
        let new = Definition(schedule(.skip), source: .code, revision: 2).json
        let put = store.change("s", from: json, .put(new, next: 240_000, due: 240_000, keep: true))
        #expect(try await queue.send(put) == true)
        #expect(try await queue.text("ZSCORE", keys.ticks, "s") == "60000")
        try await queue.redis("ZREM", keys.ticks, "s")
        let again = store.change(
            "s", from: new, .put(json, next: 240_000, due: 240_000, keep: true))
        #expect(try await queue.send(again) == true)
        #expect(try await queue.text("ZSCORE", keys.ticks, "s") == "240000")
    }

    @Test func `a job with a rank takes its place among those that wait`() async throws {
        var options = JobOptions(queue: "q", priority: 5)
        options.fairBy = "tenant"
        let schedule = Schedule(
            .every(.seconds(60)), job: "a", arguments: #"{"tenant":"t1"}"#, options: options,
            name: "s")
        let json = try await put(schedule, at: 60_000)
        #expect(try Definition(name: "s", queue: "q", json: json).schedule == schedule)
        try await queue.push("first")
        #expect(try await fire(schedule, json, 60_000, tick: 60_000, next: 120_000) == .fired)
        let ranked = try await queue.redis("ZRANGE", keys.ordered, "0", "-1").array ?? []
        #expect(ranked.compactMap(\.bytes).map(QueueFixture.id) == ["s.60000"])
        try await queue.join("w")
        let ids = try await queue.fetch("w", 2).map { QueueFixture.id($0.json) }
        #expect(ids == ["s.60000", "first"])
    }

    @Test func `a job's own lock keeps its ticks apart`() async throws {
        var options = JobOptions(queue: "q")
        options.unique = Unique(by: .key("mine"), until: .start, for: .seconds(5))
        let schedule = Schedule(.every(.seconds(60)), job: "a", options: options, name: "s")
        let json = try await put(schedule, at: 60_000)
        #expect(try Definition(name: "s", queue: "q", json: json).schedule == schedule)
        #expect(try await fire(schedule, json, 60_000, tick: 60_000, next: 120_000) == .fired)
        #expect(try await queue.text("GET", keys.unique("a.mine")) == "s.60000")
        #expect(try await fire(schedule, json, 120_000, tick: 120_000, next: 180_000) == .skipped)
    }
}
