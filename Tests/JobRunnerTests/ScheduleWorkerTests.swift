import Foundation
import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// What a schedule enqueues in tests.
struct Sweep: Job {
    static let name = "sweep"
    var area: String
}

/// Schedules that an app declares, carried out by its workers.
@Suite(.timeLimit(.minutes(1))) struct ScheduleWorkerTests {
    private func sweeper(
        _ queue: QueueFixture, _ change: (inout WorkerOptions) -> Void = { _ in },
        _ declare: (inout WorkerBuilder) -> Void
    ) throws -> WorkerFixture {
        try WorkerFixture(queue, change) { builder in
            builder.handle(Sweep.self) { _, _ in }
            declare(&builder)
        }
    }

    /// The ids of jobs that schedules enqueued, as a worker says.
    private func fired(_ log: EventLog) -> [String] {
        log.events.compactMap { event in
            guard case .schedule(let event) = event, event.what == .fired else { return nil }
            return event.id
        }
    }

    @Test func `what is declared runs again and again`() async throws {
        let queue = try QueueFixture()
        let fixture = try sweeper(queue) {
            $0.every(.seconds(1), name: "sweeping", queue: "q", Sweep(area: "/tmp"))
        }
        try await fixture.run { await $0.log.end(.done, count: 2) }
        let ids = fixture.log.ends.map(\.id)
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.hasPrefix("sweeping.") && $0.hasSuffix("000") })
        #expect(fired(fixture.log).prefix(2) == ids.prefix(2))
    }

    @Test func `a job for a queue that the worker does not work on is enqueued there`() async throws
    {
        let queue = try QueueFixture()
        let fixture = try sweeper(queue) {
            $0.every(.seconds(1), queue: "other", Sweep(area: "/tmp"))
        }
        try await fixture.run { fixture in
            await fixture.log.wait { event in
                guard case .schedule(let event) = event else { return false }
                return event.what == .fired && event.queue == "other"
            }
        }
        let other = Keys(prefix: queue.prefix).queue("other")
        #expect(try await queue.integer("LLEN", other.ready) > 0)
        #expect(fixture.log.ends.isEmpty)
    }

    @Test func `two workers enqueue each tick once`() async throws {
        let queue = try QueueFixture()
        let third = Latch()
        let runs = Mutex(0)
        let fixtures = try (0..<2).map { _ in
            try WorkerFixture(queue) { builder in
                builder.handle(Sweep.self) { _, _ in
                    let count = runs.withLock { runs in
                        runs += 1
                        return runs
                    }
                    if count == 3 { third.open() }
                }
                builder.every(.seconds(1), queue: "q", Sweep(area: "/tmp"))
            }
        }
        try await fixtures[0].run { _ in try await fixtures[1].run { _ in await third.wait() } }
        let ids = fixtures.flatMap { fired($0.log) }
        #expect(ids.count >= 3)
        #expect(Set(ids).count == ids.count)
        let history = try await queue.redis("LRANGE", queue.keys.history("sweep"), "0", "-1").array
        // `<tick> <at> <what> <job id>`: each tick once, those too whose worker had stopped before
        // it could tell.
        let kept = (history ?? []).compactMap {
            $0.text?.split(separator: " ").last.map(String.init)
        }
        #expect(Set(kept).count == kept.count)
        #expect(Set(ids).isSubset(of: kept))
    }

    private let hour = 3_600_000

    /// Puts a schedule that has stood at a tick for so many hours.
    private func overdue(
        _ queue: QueueFixture, _ hours: Int, _ schedule: Schedule
    ) async throws -> Int {
        let last = try await queue.client().serverTime() / hour * hour
        let first = last - hours * hour
        let json = Definition(schedule, source: .code, revision: 1).json
        let put = ScheduleChange.put(json, next: first, due: first, keep: false)
        #expect(try await queue.send(queue.store.change(schedule.name, from: [], put)) == true)
        return last
    }

    private func sweeps(
        _ missed: Schedule.Missed = .once, _ overlap: Schedule.Overlap = .allow
    ) throws -> Schedule {
        try Schedule(
            // Long: a busy machine may take a minute for a test.
            .every(.seconds(3600)), Sweep(area: "/tmp"), queue: "q", missed: missed,
            overlap: overlap)
    }

    @Test(arguments: [(Schedule.Missed.once, 1, 10), (.all(upTo: 4), 4, 7)])
    func `after an outage it makes up for what the policy says`(
        missed: Schedule.Missed, made: Int, lost: Int
    ) async throws {
        let queue = try QueueFixture()
        let last = try await overdue(queue, 10, sweeps(missed))
        let fixture = try sweeper(queue) { _ in }
        try await fixture.run { await $0.log.end(.done, count: made) }
        let ids = fixture.log.ends.map(\.id).prefix(made)
        let expected = ((1 - made)...0).map { "sweep.\(last + $0 * hour)" }
        #expect(Set(ids) == Set(expected))
        let status = try await queue.client().schedules.list(queues: ["q"]).first
        #expect(status?.missed == lost)
        #expect(status?.isLate == false)
    }

    @Test func `while the lock is held, skip skips and queueOne waits`() async throws {
        let queue = try QueueFixture()
        let lock = queue.keys.unique("schedule.sweep")
        try await queue.redis("SET", lock, "sweep.1")
        _ = try await overdue(queue, 0, sweeps(.once, .skip))
        let skipping = try sweeper(queue) { _ in }
        try await skipping.run { fixture in
            await fixture.log.wait { event in
                guard case .schedule(let event) = event else { return false }
                return event.what == .skipped
            }
        }
        #expect(skipping.log.ends.isEmpty)

        try await queue.redis("DEL", queue.keys.schedules, queue.keys.ticks)
        let last = try await overdue(queue, 3, sweeps(.once, .queueOne))
        let waiting = try sweeper(queue) { _ in }
        try await waiting.run { fixture in
            await fixture.log.wait { event in
                guard case .schedule(let event) = event else { return false }
                return event.what == .waiting
            }
            #expect(fixture.log.ends.isEmpty)
            try await queue.redis("DEL", lock)
            await fixture.log.end(.done)
            await fixture.log.wait { event in
                guard case .schedule(let event) = event else { return false }
                return event.what == .fired && event.merged >= 3 && event.missed == 0
            }
        }
        // One for all four, or for five when the hour turned.
        let ids = waiting.log.ends.map(\.id)
        #expect(ids == ["sweep.\(last)"] || ids == ["sweep.\(last + hour)"])
        #expect(try await queue.text("GET", lock) == nil)
    }

    @Test func `what code says is kept once, as the worker starts`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let old: (inout WorkerBuilder) -> Void = {
            $0.cron("@daily", timeZone: "Europe/London", queue: "q", Sweep(area: "/old"))
        }
        let new: (inout WorkerBuilder) -> Void = {
            $0.cron("@daily", timeZone: "Europe/London", queue: "q", Sweep(area: "/new"))
        }
        let first = try sweeper(queue, { _ in }, old)
        try await first.run { _ in
            let tick = try await client.schedules.status(of: "sweep").nextDue
            try await client.schedules.pause("sweep", reason: "mine")
            let second = try sweeper(queue, { _ in }, new)
            try await second.run { _ in
                let status = try await client.schedules.status(of: "sweep")
                #expect(status.schedule?.arguments == #"{"area":"/new"}"#)
                #expect(status.revision == 2 && status.source == .code)
                #expect(status.pauseReason == "mine")
                try await client.schedules.resume("sweep")
                #expect(try await client.schedules.status(of: "sweep").nextDue == tick)
            }
            // The old one still runs, and does not put its own back.
            #expect(try await client.schedules.status(of: "sweep").revision == 2)
            // Another start of the same changes nothing.
            let third = try sweeper(queue, { _ in }, new)
            try await third.run { _ in }
            #expect(try await client.schedules.status(of: "sweep").revision == 2)
        }
    }

    @Test func `a worker without a scheduler leaves the ticks to others`() async throws {
        let queue = try QueueFixture()
        _ = try await overdue(queue, 2, sweeps())
        let idle = try sweeper(queue, { $0.runsSchedules = false }) { _ in }
        let service = try SchedulerService(
            url: RedisURL(queue.server.url), prefix: queue.prefix, queues: ["q"]
        ) {
            idle.log.note($0)
        }
        try await idle.run { fixture in
            #expect(fixture.worker.engine.scheduler == nil)
            let running = Task { try await service.run() }
            await fixture.log.end(.done)
            service.stop()
            try await running.value
        }
    }

    @Test func `what is wrong with a schedule is an error of the start`() async throws {
        let queue = try QueueFixture()
        let bad: [(String, (inout WorkerBuilder) -> Void)] = [
            (
                "schedule 'sweep': cron '31 2 *': 3 fields, 5 are needed",
                { $0.cron("31 2 *", Sweep(area: "")) }
            ),
            (
                "schedule 'sweep': time zone 'Mars/X' is unknown",
                { $0.cron("@daily", timeZone: "Mars/X", Sweep(area: "")) }
            ),
            (
                "two schedules are named 'sweep'; give each a name",
                {
                    $0.every(.seconds(1), Sweep(area: "a"))
                    $0.every(.seconds(1), Sweep(area: "b"))
                }
            ),
            (
                "schedule 'sweep': every 0.0 seconds: it must be 1 s to 366 days",
                { $0.every(.zero, Sweep(area: "")) }
            ),
        ]
        for (message, declare) in bad {
            do {
                _ = try sweeper(queue, { _ in }, declare)
                Issue.record("no error: \(message)")
            } catch {
                #expect("\(error)" == message)
            }
        }
    }

    @Test func `a definition of no use is told once, and the others go on`() async throws {
        let queue = try QueueFixture()
        let last = try await overdue(queue, 0, sweeps())
        try await queue.redis("HSET", queue.keys.schedules, "broken", "[1]")
        try await queue.redis("ZADD", queue.keys.ticks, "1", "broken")
        let fixture = try sweeper(queue) {
            $0.every(.seconds(1), name: "fast", queue: "q", Sweep(area: ""))
        }
        // Behind three ticks there were three looks.
        try await fixture.run { await $0.log.end(.done, count: 4) }
        let told = fixture.log.events.compactMap { event -> ScheduleEvent? in
            guard case .schedule(let event) = event, event.what == .unusable else { return nil }
            return event
        }
        #expect(told.map(\.schedule) == ["broken"])
        #expect(told.first?.reason == "schedule 'broken': its definition is not readable")
        #expect(fixture.log.ends.contains { $0.id == "sweep.\(last)" })
        let status = try await queue.client().schedules.list(queues: ["q"])
        #expect(status.map { $0.fault != nil } == [true, false, false])
        let stats = try await queue.client().stats(queues: ["q"]).queues[0].schedules
        #expect(stats.count == 3 && stats.paused == 0 && stats.late == 1)
        #expect(stats.nextDue == StatsReader.date(1))
    }

    @Test(arguments: [
        (Schedule.Overlap.skip, ScheduleEvent.What.skipped), (.queueOne, .waiting),
    ])
    func `jobs of a schedule that may not overlap run one after another`(
        overlap: Schedule.Overlap, meanwhile: ScheduleEvent.What
    ) async throws {
        let queue = try QueueFixture()
        let met = Latch()
        let running = Mutex((now: 0, most: 0))
        let fixture = try WorkerFixture(queue) { options in
            let note = options.onEvent
            options.onEvent = { event in
                note(event)
                if case .schedule(let event) = event, event.what == meanwhile { met.open() }
            }
        } register: { builder in
            builder.handle(Sweep.self) { _, _ in
                running.withLock { runs in
                    runs.now += 1
                    runs.most = max(runs.most, runs.now)
                }
                // The first goes on until the next tick was seen to; later ones do not wait.
                await met.wait()
                running.withLock { $0.now -= 1 }
            }
            builder.every(.seconds(1), queue: "q", overlap: overlap, Sweep(area: ""))
        }
        try await fixture.run { await $0.log.end(.done, count: 2) }
        #expect(running.withLock { $0.most } == 1)
        let ids = fixture.log.ends.map(\.id)
        #expect(Set(ids).count == ids.count)
    }
}
