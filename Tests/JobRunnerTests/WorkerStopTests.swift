import Synchronization
import Testing

@testable import JobRunner

@Suite(.timeLimit(.minutes(1))) struct WorkerStopTests {
    @Test func `leaves nothing behind`() async throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await queue.push("1", "2")
        try await fixture.run { await $0.log.end(.done, count: 2) }
        #expect(try await queue.integer("ZCARD", queue.keys.workers) == 0)
        #expect(try await queue.integer("ZCARD", queue.keys.reaping) == 0)
        #expect(try await queue.integer("HLEN", queue.keys.active(fixture.id)) == 0)
        let info = Keys(prefix: queue.prefix).worker(fixture.id)
        #expect(try await queue.integer("EXISTS", info) == 0)
    }

    @Test func `one that has left does not join again`() async throws {
        let queue = try QueueFixture()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { _ in }
        fixture.worker.engine.lost(0, life: 0)
        let lives = fixture.worker.engine.state.withLock { $0.dispatch.lanes[0].life }
        #expect(lives == 0)
    }
}
