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
        #expect(history?.count == ids.count)
    }
}
