import Foundation
import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// When a pool that does not answer is news.
@Suite struct PoolWatchTests {
    @Test func `an answer in time is none, a late one is told once`() {
        var pool = PoolWatch()
        func change<Result>(_ body: (inout PoolWatch) -> Result) -> Result { body(&pool) }
        #expect(change { $0.look(now: 0) } == (false, .max))
        #expect(change { $0.ask(now: 10) })
        #expect(!change { $0.ask(now: 20) }, "one question at a time")
        #expect(
            change { $0.look(now: 10 + PoolWatch.patience - 1) } == (false, 10 + PoolWatch.patience)
        )
        #expect(change { $0.answer(now: 50) } == nil)
        #expect(pool.answeredAt == 10)
        #expect(change { $0.ask(now: 100) })
        #expect(change { $0.look(now: 100 + PoolWatch.patience) } == (true, .max))
        #expect(change { $0.look(now: 101 + PoolWatch.patience) } == (false, .max))
        #expect(change { $0.answer(now: 300 + PoolWatch.patience) } == 200 + PoolWatch.patience)
        #expect(pool.answeredAt == 10)
        #expect(pool.starvations == 1)
        #expect(change { $0.answer(now: 1) } == nil)
    }

    @Test func `a handler whose kind was moved runs on a thread of its own`() async throws {
        let queue = try QueueFixture()
        let names = Mutex<[String]>([])
        let fixture = try WorkerFixture(queue) {
            $0.add(
                .named("a") { _ in
                    names.withLock { $0.append(currentThreadName()) }
                    await Task.yield()
                    names.withLock { $0.append(currentThreadName()) }
                    return nil
                })
        }
        let engine = fixture.worker.engine
        engine.state.withLock { _ = $0.moved.insert("a") }
        engine.hasMoved.store(true, ordering: .relaxed)
        try await queue.push("1")
        try await fixture.run { await $0.log.end(.done) }
        #expect(names.withLock { $0 } == ["jobs", "jobs"])
    }

    @Test func `threads take whole tasks`() async throws {
        let threads = BlockingThreads()
        let sum = await withTaskExecutorPreference(threads) {
            var sum = 0
            for number in 0..<100 {
                await Task.yield()
                sum += number
            }
            return sum
        }
        #expect(sum == 4950)
        threads.stop()
    }
}

/// Linux only.
private func currentThreadName() -> String {
    let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
    return name.map { String($0.dropLast()) } ?? ""
}
