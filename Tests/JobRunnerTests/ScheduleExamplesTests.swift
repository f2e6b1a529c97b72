import FoundationEssentials
import Testing

@testable import JobRunner

/// What `Schedules.md` shows, word for word; run below.
private enum Examples {
    struct Cleanup: Job {
        static let name = "cleanup"
    }

    struct NightlyReport: Job {
        static let name = "report.nightly"
    }

    // example: periodic
    static func register(on worker: inout WorkerBuilder) {
        worker.handle(Cleanup.self) { job, context in context.logger.info("clean") }
        worker.every(.seconds(30), queue: "q", Cleanup())
        worker.cron(
            "0 3 * * *", timeZone: "Europe/London", queue: "q", overlap: .skip, NightlyReport())
    }
    // end

    // example: at-run-time
    static func change(_ client: JobClient) async throws {
        let hourly = try Schedule(.cron("@hourly"), Cleanup(), name: "hourly", queue: "q")
        try await client.schedules.add(hourly)
        try await client.schedules.pause("cleanup", reason: "hourly is enough")
        _ = try await client.schedules.run("cleanup")
    }
    // end
}

@Suite(.timeLimit(.minutes(1))) struct ScheduleExamplesTests {
    @Test func `what the docs show is kept, and changed at run time`() async throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) { Examples.register(on: &$0) }
        let client = try queue.client()
        try await fixture.run { fixture in
            try await Examples.change(client)
            await fixture.log.end(.done)
        }
        let statuses = try await client.schedules.list()
        #expect(statuses.map(\.name) == ["cleanup", "hourly", "report.nightly"])
        #expect(statuses.map(\.source) == [.code, .client, .code])
        #expect(statuses.map(\.pauseReason) == ["hourly is enough", "", ""])
        #expect(
            statuses.map { $0.schedule?.timing } == [
                .every(.seconds(30)), .cron("@hourly"),
                .cron("0 3 * * *", timeZone: "Europe/London"),
            ])
        let history = try await client.schedules.history("cleanup")
        #expect(history.contains { $0.what == .run && $0.outcome == "done" })
        let next = try await client.schedules.next("cleanup", count: 2)
        #expect(next.count == 2)
        #expect(
            next.allSatisfy { $0.timeIntervalSince1970.truncatingRemainder(dividingBy: 30) == 0 })
    }
}
