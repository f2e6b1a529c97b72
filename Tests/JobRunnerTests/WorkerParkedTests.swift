import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

private struct Greeting: Job {
    static let name = "greeting"
    static let options = JobOptions(queue: "q")
    static let version = 3
    static let aliases = ["hello"]
    var names: [String]

    static func upgrade(_ arguments: JSONValue, from version: Int) throws -> JSONValue {
        guard version == 1, case .object(let old) = arguments, let name = old["name"] else {
            return arguments
        }
        return .object(["names": .array([name])])
    }
}

/// Jobs whose name or version a worker does not know wait for one that does.
@Suite(.timeLimit(.minutes(1))) struct WorkerParkedTests {
    private func knowing(_ names: String..., queue: QueueFixture) throws -> WorkerFixture {
        try WorkerFixture(queue) { for name in names { $0.add(.named(name) { _ in nil }) } }
    }

    private func parked(_ queue: QueueFixture, _ kind: String) async throws -> [String] {
        let jobs = try await queue.redis("ZRANGE", queue.keys.base + "parked:" + kind, "0", "-1")
        return (jobs.array ?? []).compactMap(\.bytes).map(QueueFixture.id)
    }

    @Test func `an unknown name is parked untried, and runs when a worker comes that knows it`()
        async throws
    {
        let queue = try QueueFixture()
        let json = #"{"id":"1","job":"b","state":{"attempt":2}}"#
        try await queue.redis("LPUSH", queue.keys.ready, json)
        let old = try knowing("a", queue: queue)
        try await old.run { old in
            let end = await old.log.end(.parked)
            #expect(end?.reason == "no handler for 'b' in this worker")
            // Confirmed before the next one is.
            try await queue.push("2")
            await old.log.end(.done)
        }
        #expect(try await parked(queue, "b@1") == ["1"])
        let texts = try await queue.redis("ZRANGE", queue.keys.base + "parked:b@1", "0", "-1")
        #expect(texts.array?.first?.text == json)
        let new = try knowing("b", queue: queue)
        try await new.run { new in
            let end = await new.log.end(.done)
            #expect(end?.id == "1")
            #expect(end?.attempt == 3)
        }
        #expect(try await queue.integer("EXISTS", queue.keys.base + "parked") == 0)
        try await queue.expectOnePlace([String]())
    }

    @Test func `old and new workers side by side: each runs what it knows`() async throws {
        let queue = try QueueFixture()
        let old = try knowing("a", queue: queue)
        let new = try knowing("b", queue: queue)
        let oldTask = Task { try await old.worker.run() }
        let newTask = Task { try await new.worker.run() }
        await old.log.joined()
        await new.log.joined()
        for number in 0..<100 {
            let name = number % 2 == 0 ? "a" : "b"
            try await queue.redis(
                "LPUSH", queue.keys.ready, #"{"id":"\#(number)","job":"\#(name)"}"#)
        }
        await old.log.end(.done, count: 50)
        await new.log.end(.done, count: 50)
        old.worker.stop()
        new.worker.stop()
        #expect(try await oldTask.value == 0)
        #expect(try await newTask.value == 0)
        let ids = { (fixture: WorkerFixture) in
            Set(fixture.log.ends.filter { $0.verdict == .done }.map(\.id))
        }
        #expect(ids(old).count == 50)
        #expect(ids(old).isDisjoint(with: ids(new)))
        try await queue.expectOnePlace([String]())
        #expect(try await queue.integer("EXISTS", queue.keys.base + "parked") == 0)
    }

    @Test func `a version that is newer than the handler's is parked, an older one upgraded`()
        async throws
    {
        let queue = try QueueFixture()
        let seen = Mutex<[[String]]>([])
        for json in [
            #"{"id":"4","job":"greeting","v":4,"args":{"everybody":true}}"#,
            #"{"id":"1","job":"greeting","args":{"name":"ada"}}"#,
            #"{"id":"2","job":"hello","v":2,"args":{"names":["bo","cy"]}}"#,
            #"{"id":"x","job":"greeting","args":{"other":1}}"#,
        ] {
            try await queue.redis("LPUSH", queue.keys.ready, json)
        }
        let client = try queue.client()
        _ = try await client.enqueue(Greeting(names: ["di"]), id: "3")
        let text = try await queue.redis("LRANGE", queue.keys.ready, "0", "0").array?[0].text
        #expect(text?.contains(#""v":3"#) == true)
        let worker = try WorkerFixture(queue) {
            $0.handle(Greeting.self) { job, _ in seen.withLock { $0.append(job.names) } }
        }
        try await worker.run { worker in
            let parked = await worker.log.end(.parked)
            #expect(parked?.id == "4")
            #expect(parked?.reason == "'greeting' is of version 4, known here up to 3")
            let failed = await worker.log.end(.retried)
            #expect(failed?.reason.contains("key 'names' is missing") == true)
            await worker.log.end(.done, count: 3)
        }
        #expect(Set(seen.withLock { $0 }) == [["ada"], ["bo", "cy"], ["di"]])
        #expect(try await parked(queue, "greeting@4") == ["4"])
    }

    @Test func `what nobody comes for is buried`() async throws {
        let queue = try QueueFixture()
        try await queue.redis("LPUSH", queue.keys.ready, #"{"id":"1","job":"b"}"#)
        let worker = try WorkerFixture(queue, { $0.parkedAge = .milliseconds(50) }) {
            $0.add(.named("a") { _ in nil })
        }
        try await worker.run { worker in
            await worker.log.wait {
                if case .parkedTooLong("q", "b@1", 1) = $0 { true } else { false }
            }
        }
        #expect(try await queue.ids(queue.keys.dead) == ["1"])
        let entry = try await queue.redis("ZRANGE", queue.keys.dead, "0", "0").array?[0].text
        #expect(entry?.hasPrefix("-/0 parked too long: no worker knows b@1\n{") == true)
        #expect(try await queue.integer("EXISTS", queue.keys.base + "parked") == 0)
    }

    @Test func `more than a fetch holds, in the order they were parked`() async throws {
        let queue = try QueueFixture()
        let old = try knowing("x", queue: queue)
        for number in 0..<500 {
            try await queue.redis("LPUSH", queue.keys.ready, #"{"id":"\#(number)","job":"b"}"#)
        }
        try await old.run { await $0.log.end(.parked, count: 500) }
        let new = try knowing("b", queue: queue)
        try await new.run { await $0.log.end(.done, count: 500) }
        #expect(Set(new.log.ends.map(\.id)).count == 500)
        #expect(try await queue.integer("EXISTS", queue.keys.base + "parked") == 0)
    }

    @Test func `kinds`() {
        #expect(JobKind("a.b@12") == JobKind("a.b", version: 12))
        for text in ["a", "@1", "a@", "a@0", "a@-1", "a b@1", "a@x", ""] {
            #expect(JobKind(text) == nil)
        }
    }

    @Test func `released, discarded, bounded`() async throws {
        let queue = try QueueFixture()
        let kind = JobKind("b", version: 1)
        let old = try knowing("x", queue: queue)
        for id in ["1", "2", "3"] {
            try await queue.redis("LPUSH", queue.keys.ready, #"{"id":"\#(id)","job":"b"}"#)
        }
        try await old.run { await $0.log.end(.parked, count: 3) }
        #expect(try await queue.send(queue.store.parkedKinds()).map(\.kind) == [kind])
        let none = try await queue.send(queue.store.unpark(kind, .release, age: .seconds(60)))
        #expect(none == (0, 0, []))
        #expect(try await queue.send(queue.store.unpark(kind, .release, limit: 1)) == (1, 2, []))
        #expect(try await queue.waiting().count == 1)
        let gone = try await queue.send(queue.store.unpark(kind, .discard))
        #expect((gone.moved, gone.left, gone.taken.count) == (2, 0, 2))
        #expect(try await queue.send(queue.store.parkedKinds()).isEmpty)
    }
}
