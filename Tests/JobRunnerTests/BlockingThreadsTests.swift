import Testing

@testable import JobRunner

@Suite(.timeLimit(.minutes(1))) struct BlockingThreadsTests {
    @Test func `runs what it is given, on threads that are kept`() async throws {
        let threads = BlockingThreads()
        defer { threads.stop() }
        for number in 0..<100 {
            #expect(try await threads.run { number } == number)
        }
    }

    @Test func `a body that throws throws at the caller`() async {
        let threads = BlockingThreads()
        defer { threads.stop() }
        await #expect(throws: JobError.discard) {
            try await threads.run { throw JobError.discard }
        }
    }

    @Test func `blocked bodies do not hold up each other`() async throws {
        let threads = BlockingThreads()
        defer { threads.stop() }
        let gate = Latch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try await threads.run { gate.block() } } }
            #expect(try await threads.run { 7 } == 7)
            gate.open()
            try await group.waitForAll()
        }
    }

    @Test func `after a stop a caller is told, not left waiting`() async {
        let threads = BlockingThreads()
        threads.stop()
        await #expect(throws: CancellationError.self) { try await threads.run { 1 } }
    }
}
