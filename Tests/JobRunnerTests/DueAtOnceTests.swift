import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Very many jobs that are due in the same millisecond.
@Suite(.timeLimit(.minutes(2))) struct DueAtOnceTests {
    @Test func `a hundred thousand run once each, a bounded number a script`() async throws {
        let count = 100_000
        let queue = try QueueFixture(try .start())
        let due = try await queue.client().serverTime() + 2000
        for first in stride(from: 0, to: count, by: 1000) {
            var words = ["ZADD", queue.keys.scheduled]
            for number in first..<first + 1000 {
                words += [
                    "\(due)", #"{"id":"\#(number)","job":"a","queue":"q","resultTTL":0}"#,
                ]
            }
            _ = try await queue.connection.send(Command(words))
        }
        try await queue.redis("SADD", "\(queue.prefix):queues", "q")
        let ran = Mutex([String: Int]())
        let all = Latch()
        let fixture = try WorkerFixture(queue) {
            $0.reportsJobs = false
        } register: {
            $0.add(
                .named("a") { context in
                    let isLast = ran.withLock { ran in
                        ran[context.id, default: 0] += 1
                        return ran.count == count
                    }
                    if isLast { all.open() }
                    return nil
                })
        }
        try await fixture.run { _ in await all.wait() }
        let runs = ran.withLock { $0 }
        #expect(runs.count == count)
        #expect(runs.values.allSatisfy { $0 == 1 })
        // A script moves up to 1,000 at once: so many at least there were.
        let moved = try await queue.calls("zrem")
        #expect(moved >= count / 1000)
        try await queue.expectOnePlace([])
    }
}
