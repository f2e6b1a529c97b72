import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Fault F23: any number of schedulers, killed and started, enqueue each tick exactly once.
@Suite(.timeLimit(.minutes(2))) struct ScheduleRaceTests {
    private static let ticks = 400

    /// Puts schedules that have stood at a tick of long ago, so that all their ticks are due.
    private func overdue(_ queue: QueueFixture, _ names: [String], now: Int) async throws
        -> Set<String>
    {
        var ids = Set<String>()
        try await queue.redis("SADD", "\(queue.prefix):queues", "q")
        for name in names {
            let schedule = Schedule(
                .every(.seconds(60)), job: "a", options: JobOptions(queue: "q"), name: name,
                missed: .all(upTo: 1000))
            // The last of them just now, the next in a minute: nobody waits for that.
            let last = now / 60_000 * 60_000
            let first = last - (Self.ticks - 1) * 60_000
            let json = Definition(schedule, source: .code, revision: 1).json
            let put = ScheduleChange.put(json, next: first, due: first, keep: false)
            #expect(try await queue.send(queue.store.change(name, from: [], put)) == true)
            for tick in stride(from: first, through: last, by: 60_000) {
                ids.insert(TickJob(schedule, tick: tick).id)
            }
        }
        return ids
    }

    /// Every id that was enqueued, as often as it was.
    private func ledger(_ queue: QueueFixture) async throws -> [String] {
        try await queue.waiting()
    }

    /// Waits, by what schedulers say, until so many of these ticks were fired.
    ///
    /// Others do not count: a minute that turns meanwhile fires one more of each.
    private final class Tally: Sendable {
        private let wanted: Set<String>
        private let left: Mutex<Int>
        let latch = Latch()

        init(_ count: Int, of wanted: Set<String>) {
            self.wanted = wanted
            left = Mutex(count)
        }

        func note(_ event: WorkerEvent) {
            guard case .schedule(let event) = event, event.what == .fired,
                wanted.contains(event.id)
            else { return }
            let isDone = left.withLock { left in
                left -= 1
                return left == 0
            }
            if isDone { latch.open() }
        }
    }

    @Test func `several schedulers race for the same ticks`() async throws {
        let queue = try QueueFixture()
        let now = try await queue.client().serverTime()
        let expected = try await overdue(queue, ["one", "two", "three"], now: now)
        let tally = Tally(expected.count, of: expected)
        let services = try (0..<4).map { number in
            try SchedulerService(
                url: RedisURL(queue.server.url), prefix: queue.prefix,
                queues: number.isMultiple(of: 2) ? ["q"] : nil, onEvent: { tally.note($0) })
        }
        try await withThrowingTaskGroup { group in
            for service in services { group.addTask { try await service.run() } }
            await tally.latch.wait()
            for service in services { service.stop() }
            try await group.waitForAll()
        }
        let ids = try await ledger(queue)
        #expect(ids.count == Set(ids).count, "a tick was enqueued twice")
        #expect(expected.isSubset(of: ids), "a tick is missing")
        // The minute may have turned meanwhile.
        #expect(ids.count <= expected.count + 3)
    }

    @Test func `one that is cut off in the middle leaves the rest to others`() async throws {
        let queue = try QueueFixture()
        let now = try await queue.client().serverTime()
        let expected = try await overdue(queue, ["one"], now: now)
        let seen = Mutex<Set<String>>([])
        // Each is stopped after some ticks, with a call on its way or not: what it was told is
        // part of what happened.
        for round in 1... {
            let count = try await ledger(queue).count
            if count >= expected.count { break }
            let tally = Tally(min(37, expected.count - count), of: expected)
            let service = try SchedulerService(
                url: RedisURL(queue.server.url), prefix: queue.prefix, queues: ["q"],
                onEvent: { event in
                    if case .schedule(let event) = event, event.what == .fired {
                        seen.withLock { _ = $0.insert(event.id) }
                    }
                    tally.note(event)
                })
            let running = Task { try await service.run() }
            await tally.latch.wait()
            service.stop()
            try await running.value
            #expect(round < 100)
        }
        let ids = try await ledger(queue)
        #expect(ids.count == Set(ids).count, "a tick was enqueued twice")
        #expect(expected.isSubset(of: ids), "a tick is missing")
        #expect(seen.withLock { $0 }.isSubset(of: ids))
    }

    @Test func `where nothing compares the tick the ledger shows it twice`() async throws {
        // The control: what the ledger would show if two could fire one tick.
        let queue = try QueueFixture()
        let schedule = Schedule(
            .every(.seconds(60)), job: "a", options: JobOptions(queue: "q"), name: "s")
        let json = Definition(schedule, source: .code, revision: 1).json
        let put = ScheduleChange.put(json, next: 60_000, due: 60_000, keep: false)
        #expect(try await queue.send(queue.store.change("s", from: [], put)) == true)
        let job = TickJob(schedule, tick: 60_000)
        let bytes = try job.json(now: 0)
        // By hand nothing is compared.
        for expected in [nil, nil, 60_000, 60_000] as [Int?] {
            _ = try await queue.send(
                queue.store.fire(
                    Firing(
                        name: "s", definition: json, expected: expected, tick: 60_000,
                        next: 120_000, nextDue: 120_000, missed: 0, id: job.id, json: bytes,
                        overlap: .allow, lock: nil)))
        }
        let ids = try await ledger(queue)
        #expect(ids.count == 3)
        #expect(Set(ids).count == 1)
    }

    @Test func `a due time that is not its definition's is no loop`() throws {
        let schedule = Schedule(
            .every(.seconds(60)), job: "a", options: JobOptions(queue: "q"), name: "s")
        let json = Definition(schedule, source: .code, revision: 1).json
        let now = 1_767_225_600_000
        var book = ScheduleBook(queue: "q")
        let found = DueSchedules(
            now: now, entries: [.init(name: "s", due: now - 500, definition: json)])

        // Redis says it is due, and it stands at a tick that is not.
        let question = try #require(book.looked(found, monotonic: 0).questions.first)
        book.stands(question, at: now + 60_000)
        #expect(book.due(monotonic: 0).isEmpty)
        #expect(book.wakeAt == 60_000)

        // It stands at a tick that is due, and Redis says that it is not.
        book.stands(question, at: now)
        let first = try #require(book.due(monotonic: 1).first)
        #expect(book.answered(first, .early, monotonic: 1) == nil)
        #expect(book.wakeAt == 3)
        let second = try #require(book.due(monotonic: 200).first)
        #expect(book.answered(second, .early, monotonic: 200) == nil)
        #expect(book.wakeAt == nil)
        // The next look asks again.
        #expect(book.looked(found, monotonic: 1000).questions.count == 1)
    }
}
