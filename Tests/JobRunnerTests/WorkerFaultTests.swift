import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Thousands of jobs while things break.
@Suite(.timeLimit(.minutes(1))) struct WorkerFaultTests {
    /// How often each job ran, and a way to hear of every so many.
    private final class Runs: Sendable {
        private let runs = Mutex<[String: Int]>([:])
        let log = EventLog()

        func note(_ id: String) {
            let isMark = runs.withLock { runs in
                runs[id, default: 0] += 1
                return runs.count.isMultiple(of: 500)
            }
            if isMark { log.note(.quiet) }
        }

        var all: [String: Int] { runs.withLock { $0 } }

        /// Returns when so many times 500 different jobs ran.
        func reached(_ marks: Int) async { await log.wait(marks) { _ in true } }
    }

    private func worker(_ queue: QueueFixture, _ runs: Runs, lease: Int = 2000) throws
        -> WorkerFixture
    {
        try WorkerFixture(
            queue,
            {
                $0.visibilityTimeout = .milliseconds(lease)
                $0.concurrency = 8
                $0.reportsJobs = false
            }
        ) {
            $0.add(
                .named("a") { context in
                    runs.note(context.id)
                    return "1"
                })
        }
    }

    private func fill(_ queue: QueueFixture) async throws -> [String] {
        let ids = (0..<5000).map { "j\($0)" }
        for part in 0..<5 { try await queue.push(Array(ids[part * 1000..<(part + 1) * 1000])) }
        return ids
    }

    /// Every job was run and is gone, and its result is there.
    private func expectDone(_ ids: [String], _ queue: QueueFixture) async throws {
        try await queue.expectOnePlace([])
        let results = try await queue.redis("KEYS", queue.keys.result("*")).array ?? []
        #expect(results.count == ids.count)
    }

    /// Returns when the queue has no job anywhere but in the dead set.
    private func drained(_ queue: QueueFixture) async throws {
        while true {
            // A restart of the server in between is part of the game.
            if let places = try? await queue.places(), places.isEmpty { return }
            try? await queue.pass(0.05)
        }
    }

    @Test func `two workers share a queue, each job runs once`() async throws {
        let queue = try QueueFixture()
        let ids = try await fill(queue)
        let runs = Runs()
        let first = try worker(queue, runs)
        let second = try worker(queue, runs)
        try await first.run { _ in
            try await second.run { _ in await runs.reached(10) }
        }
        #expect(runs.all.count == ids.count)
        #expect(runs.all.values.allSatisfy { $0 == 1 })
        try await expectDone(ids, queue)
    }

    @Test func `cut connections and forgotten scripts lose nothing`() async throws {
        let queue = try QueueFixture(try .start())
        let ids = try await fill(queue)
        let runs = Runs()
        let fixture = try worker(queue, runs)
        try await fixture.run { _ in
            for mark in 1...9 {
                await runs.reached(mark)
                if mark.isMultiple(of: 2) { try await queue.redis("SCRIPT", "FLUSH") }
                try await queue.redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            }
            try await drained(queue)
        }
        #expect(runs.all.count == ids.count)
        #expect(runs.all.values.allSatisfy { $0 == 1 })
        try await expectDone(ids, queue)
        let joins = fixture.log.events.count { if case .joined = $0 { true } else { false } }
        #expect(joins == 1)
    }

    @Test func `a server that is killed and comes back loses nothing`() async throws {
        let server = try RedisServer.start(
            arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let queue = try QueueFixture(server)
        let ids = try await fill(queue)
        let runs = Runs()
        let fixture = try worker(queue, runs)
        try await fixture.run { _ in
            for mark in [3, 6] {
                await runs.reached(mark)
                try server.restart()
            }
            try await drained(queue)
        }
        #expect(runs.all.count == ids.count)
        try await expectDone(ids, queue)
        #expect(runs.all.values.allSatisfy { $0 == 1 })
    }

    @Test func `a server that stands still longer than a lease takes nobody's jobs`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        let other = try QueueFixture()
        let ids = try await fill(queue)
        let runs = Runs()
        let fixture = try worker(queue, runs, lease: 500)
        try await fixture.run { _ in
            await runs.reached(2)
            server.pause()
            try await other.pass(1)
            server.resume()
            try await drained(queue)
        }
        #expect(runs.all.count == ids.count)
        #expect(runs.all.values.allSatisfy { $0 == 1 })
        let lost = fixture.log.events.contains { if case .leaseLost = $0 { true } else { false } }
        #expect(!lost)
    }

    @Test func `a server that forgot everything takes new jobs`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        let runs = Runs()
        let fixture = try worker(queue, runs, lease: 400)
        try await fixture.run { fixture in
            try server.restart()
            await fixture.log.joined(2)
            // The first try may meet the connection of before.
            if (try? await queue.push("new")) == nil { try await queue.push("new") }
            try await drained(queue)
        }
        #expect(runs.all["new"] == 1)
    }

    @Test func `a full server lets workers drain, and wakes them later`() async throws {
        let queue = try QueueFixture(try .start())
        let runs = Runs()
        let fixture = try worker(queue, runs)
        try await fixture.run { _ in
            try await queue.push("1", "2")
            try await queue.redis("CONFIG", "SET", "maxmemory", "1")
            try await drained(queue)
            try await queue.redis("CONFIG", "SET", "maxmemory", "0")
            try await queue.push("3")
            try await drained(queue)
        }
        #expect(runs.all == ["1": 1, "2": 1, "3": 1])
    }
}
