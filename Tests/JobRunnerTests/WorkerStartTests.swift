import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// Troubles that no waiting mends end a worker at its start; outages do not.
@Suite(.timeLimit(.minutes(1))) struct WorkerStartTests {
    private func failure(
        of queue: QueueFixture, _ change: (inout WorkerOptions) -> Void = { _ in }
    ) async throws -> String {
        let fixture = try WorkerFixture(queue, change) { $0.add(.named("a") { _ in nil }) }
        let error = await #expect(throws: JobRunnerError.self) {
            try await fixture.worker.run()
        }
        return error?.description ?? ""
    }

    @Test(arguments: [
        "ready", "landing", "workers", "reaping", "scheduled", "dead", "crashes", "cancelled",
        "meta",
    ])
    func `a key of another type`(_ name: String) async throws {
        let queue = try QueueFixture()
        let key = queue.keys.base + name
        try await queue.redis("SET", key, "theirs")
        #expect(
            try await failure(of: queue)
                == "key '\(key)' holds another type; it was not made by jobrunner")
    }

    @Test func `another visibility timeout`() async throws {
        let queue = try QueueFixture(queue: "mail")
        let advice =
            "; to change it, stop them all (of one that was killed, run: jobrunner doctor --fix)"
        let first = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await first.run { fixture in
            await fixture.log.joined()
            let text = try await failure(of: queue) { $0.visibilityTimeout = .seconds(60) }
            #expect(text == "queue 'mail' uses 30s; all its workers must" + advice)
        }
        // One that is being reaped counts: its jobs are still its own.
        try await queue.redis("HSET", queue.keys.meta, "lease", "1500")
        try await queue.redis("ZADD", queue.keys.reaping, "1", "gone")
        #expect(
            try await failure(of: queue)
                == "queue 'mail' uses 1500ms; all its workers must" + advice)
    }

    @Test func `the visibility timeout of a new first worker is taken`() async throws {
        let queue = try QueueFixture(queue: "mail")
        let first = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await first.run { fixture in await fixture.log.joined() }
        #expect(try await queue.send(queue.store.agreedLease()) == 30_000)
        let other = try WorkerFixture(queue, { $0.visibilityTimeout = .seconds(60) }) {
            $0.add(.named("a") { _ in nil })
        }
        try await other.run { fixture in
            await fixture.log.joined()
            try await queue.push("1")
            await fixture.log.end(.done)
            #expect(try await queue.send(queue.store.agreedLease()) == 60_000)
        }
    }

    @Test func `a queue of another protocol is not touched`() async throws {
        let queue = try QueueFixture(queue: "mail")
        try await queue.redis("HSET", queue.keys.meta, "protocol", "3")
        #expect(
            try await failure(of: queue)
                == "queue 'mail' was written by protocol 3; this build speaks 1")
        #expect(try await queue.integer("EXISTS", queue.keys.workers) == 0)
        try await queue.redis("HDEL", queue.keys.meta, "protocol")
        try await WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }.run { _ in }
        #expect(try await queue.send(queue.store.agreedProtocol()) == 1)
    }

    @Test func `what its first look finds dead is given back before it joins`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1", "2")
        try await queue.join("gone")
        #expect(try await queue.fetch("gone", 2).count == 2)
        // As after a sweep: nobody else hears of it until the next one.
        try await queue.redis("ZREM", queue.keys.workers, "gone")
        try await queue.redis("ZADD", queue.keys.reaping, "1", "gone")
        try await queue.redis("HDEL", queue.keys.meta, "swept")
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { fixture in await fixture.log.end(.done, count: 2) }
        let turns = fixture.log.events.compactMap { event in
            switch event {
            case .reaped(_, "gone", 2, 0): "reaped"
            case .joined: "joined"
            default: nil
            }
        }
        #expect(turns == ["reaped", "joined"])
    }

    @Test func `a full server`() async throws {
        let queue = try QueueFixture(try .start())
        try await queue.redis("CONFIG", "SET", "maxmemory", "1")
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { fixture in
            await fixture.log.joined()
            let agreed = try await queue.send(queue.store.agreedLease())
            #expect(agreed == 30_000)
        }
    }

    @Test func `a wrong password`() async throws {
        let server = try RedisServer.start(arguments: ["--requirepass", "secret"])
        var builder = WorkerBuilder()
        builder.add(.named("a") { _ in nil })
        let urls = [
            server.url, "unix://:wrong@\(server.socketPath)",
        ]
        for url in urls {
            let worker = try Worker(
                builder, url: RedisURL(url), prefix: "p", options: WorkerOptions())
            let error = await #expect(throws: JobRunnerError.self) { try await worker.run() }
            guard case .redis(.server(let refusal)) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(refusal.code == (url == server.url ? .NOAUTH : .WRONGPASS))
            #expect(error?.description.contains("wrong@") == false)
        }
    }

    @Test func `missing rights`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        try await queue.redis(
            "ACL", "SETUSER", "poor", "on", ">pw", "~*", "+@all", "-evalsha", "-eval")
        var builder = WorkerBuilder()
        builder.add(.named("a") { _ in nil })
        let worker = try Worker(
            builder, url: RedisURL("unix://poor:pw@\(server.socketPath)"), prefix: "p",
            options: WorkerOptions())
        let error = await #expect(throws: JobRunnerError.self) { try await worker.run() }
        #expect(error?.description.contains("NOPERM") == true)
        #expect(error?.description.contains("ACL LOG") == true)
    }

    @Test func `an outage is waited out`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        server.kill()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run { fixture in
            _ = fixture
        } before: {
            await fixture.log.wait {
                if case .connection(.failed) = $0 { true } else { false }
            }
            try server.restart()
            try await queue.push("1")
        }
        #expect(fixture.log.ends.count <= 1)
    }

    @Test func `a stop ends the wait for Redis`() async throws {
        let server = try RedisServer.start()
        let queue = try QueueFixture(server)
        server.kill()
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        let worker = fixture.worker
        let task = Task { try await worker.run() }
        await fixture.log.wait { if case .connection(.failed) = $0 { true } else { false } }
        worker.stop()
        #expect(try await task.value == 0)
        await fixture.log.wait { if case .stopped(0) = $0 { true } else { false } }
    }
}
