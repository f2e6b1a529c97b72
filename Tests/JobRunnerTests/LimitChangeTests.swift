import Foundation
import JobRunnerTesting
import Synchronization
import Testing

@testable import JobRunner

@Suite(
    "Limits that operators change", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct LimitChangeTests {
    private static let hourly = RateLimit(1, per: .seconds(3600))

    private static func options(_ limit: RateLimit) -> JobOptions {
        JobOptions(queue: "q", rateLimit: limit)
    }

    /// Runs `body` beside a worker that ran some of the jobs `slow` and put the others off.
    private func withDeferred(
        _ limit: RateLimit = hourly, _ arguments: [String] = Array(repeating: "{}", count: 5),
        done: Int = 1, _ body: (JobClient, QueueFixture, EventLog) async throws -> Void
    ) async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        let options = Self.options(limit)
        let fixture = try WorkerFixture(queue) { builder in
            builder.add(.named("slow", options: options) { _ in nil })
        }
        try await fixture.run { fixture in
            for arguments in arguments {
                _ = try await client.enqueue(name: "slow", arguments: arguments, options: options)
            }
            await fixture.log.end(.done, count: done)
            try await wait(for: arguments.count - done, in: queue)
            try await body(client, queue, fixture.log)
        }
    }

    /// Returns when so many jobs are scheduled; the server does what it is told in order.
    private func wait(for count: Int, in queue: QueueFixture) async throws {
        while try await queue.integer("ZCARD", queue.keys.scheduled) < count {
            try await queue.pass(0.01)
        }
    }

    @Test func `jobs that were put off come when the rate is raised`() async throws {
        try await withDeferred { client, queue, log in
            let moved = try await client.setLimit("slow", rate: .perSecond(1000))
            #expect(moved == 4)
            await log.end(.done, count: 5)
            #expect(try await queue.ids(queue.keys.scheduled).isEmpty)
            let limit = try #require(try await client.limits().first)
            #expect(limit.name == "slow")
            #expect(limit.rate == "1000/s")
            #expect(limit.codeRate == "1/h")
        }
    }

    @Test func `jobs that were put off come when the limit goes back to the code's`() async throws {
        try await withDeferred(.perSecond(1000), ["{}"]) { client, queue, log in
            #expect(try await client.setLimit("slow", rate: Self.hourly) == 0)
            for _ in 0..<3 {
                _ = try await client.enqueue(
                    name: "slow", options: Self.options(.perSecond(1000)))
            }
            // The first of them starts: the one before it was long ago, by the old rate.
            try await wait(for: 2, in: queue)
            #expect(try await client.resetLimit("slow") == 2)
            await log.end(.done, count: 4)
            #expect(try await client.limits().first?.setRate == nil)
        }
    }

    @Test func `a closed limit lets nothing start until it is opened`() async throws {
        try await withDeferred(.perSecond(1000), ["{}"]) { client, queue, log in
            try await client.closeLimit("slow", for: .seconds(3600))
            for _ in 0..<3 {
                _ = try await client.enqueue(
                    name: "slow", options: Self.options(.perSecond(1000)))
            }
            try await wait(for: 3, in: queue)
            #expect(try await client.limits().first?.closedUntil != nil)
            #expect(try await client.openLimit("slow") == 3)
            await log.end(.done, count: 4)
            #expect(try await client.limits().first?.closedUntil == nil)
            // It is open: nothing to do.
            #expect(try await client.openLimit("slow") == 0)
        }
    }

    @Test func `each value of an argument gets times of its own`() async throws {
        var limit = Self.hourly
        limit.argument = "token"
        let arguments = ["a", "a", "b", "b"].map { #"{"token":"\#($0)"}"# }
        try await withDeferred(limit, arguments, done: 2) { client, queue, log in
            let keys = Keys(prefix: queue.prefix).limit("slow")
            for value in ["a", "b"] {
                let known = try await queue.integer("HEXISTS", keys.tokens(value), "reserved")
                #expect(known == 1)
            }
            let moved = try await client.setLimit("slow", rate: .perSecond(1000))
            #expect(moved == 2)
            await log.end(.done, count: 4)
        }
    }

    @Test func `other jobs that wait for a time keep theirs`() async throws {
        try await withDeferred { client, queue, log in
            let handle = try await client.enqueue(
                name: "slow", options: Self.options(Self.hourly), in: .seconds(7200))
            #expect(try await client.setLimit("slow", rate: .perSecond(1000)) == 4)
            await log.end(.done, count: 5)
            #expect(try await queue.ids(queue.keys.scheduled) == [handle.id])
        }
    }

    @Test func `more places let blocked jobs run`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        let options = JobOptions(queue: "q", concurrencyLimit: ConcurrencyLimit(1, name: "places"))
        let gate = Latch()
        let both = Latch()
        let running = Atomic(0)
        let fixture = try WorkerFixture(queue) { builder in
            builder.add(
                .named("slot", options: options) { _ in
                    if running.add(1, ordering: .relaxed).newValue == 2 { both.open() }
                    await gate.wait()
                    return nil
                })
        }
        try await fixture.run { fixture in
            for _ in 0..<2 { _ = try await client.enqueue(name: "slot", options: options) }
            await fixture.log.end(.blocked)
            #expect(try await client.limits().map(\.running) == [1])
            while try await client.stats().queues.map(\.blocked) != [1] {
                try await queue.pass(0.01)
            }
            try await client.setLimit("places", slots: 2)
            #expect(try await client.limits().map(\.slots) == [2])
            // The first still runs: the second has a place of its own.
            await both.wait()
            gate.open()
            await fixture.log.end(.done, count: 2)
        }
    }

    @Test func `what cannot be is refused`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        defer { client.close() }
        var costly = RateLimit.perSecond(100, burst: 20)
        costly.cost = 20
        let options = JobOptions(
            queue: "q", rateLimit: costly, concurrencyLimit: ConcurrencyLimit(2, name: "places"))
        let fixture = try WorkerFixture(queue) { builder in
            builder.add(.named("costly", options: options) { _ in nil })
        }
        try await fixture.run { fixture in
            _ = try await client.enqueue(name: "costly", options: options)
            await fixture.log.end(.done)
            await refused("cost 20 can never fit into burst 10") {
                try await client.setLimit("costly", rate: .perSecond(100, burst: 10))
            }
            await refused("there is no limit 'none': no worker has one of that name") {
                try await client.resetLimit("none")
            }
            await refused("limit 'places' is not one of a rate") {
                try await client.setLimit("places", rate: .perSecond(1))
            }
            await refused("limit 'places' is not one of a rate") {
                try await client.closeLimit("places", for: .seconds(1))
            }
            await refused("limit 'costly' does not count jobs that run") {
                try await client.setLimit("costly", slots: 1)
            }
            await refused("a concurrency limit must be 1 to 100000, got 0") {
                try await client.setLimit("places", slots: 0)
            }
            await refused("a limit is closed for 1 ms to 10 years, got 0.0 seconds") {
                try await client.closeLimit("costly", for: .zero)
            }
            #expect(try await client.limits().map(\.setRate) == [nil, nil])
        }
    }

    private func refused<R>(_ reason: String, _ body: () async throws -> R) async {
        do {
            _ = try await body()
            Issue.record("it was accepted: \(reason)")
        } catch JobRunnerError.invalid(let text) {
            #expect(text == reason)
        } catch {
            Issue.record(error)
        }
    }

    // MARK: Values

    @Test func `a declaration is read as it was written`() throws {
        var rate = RateLimit(10, per: .milliseconds(500), burst: 20)
        rate.cost = 3
        rate.argument = "to/ken"
        let options = JobOptions(
            rateLimit: rate, concurrencyLimit: ConcurrencyLimit(4, name: "places", by: "x"))
        let handler = Handler.named("mail", options: options) { _ in nil }
        let all = LimitDeclaration.all(of: ["mail": handler, "old": handler], host: "h")
        #expect(all.map(\.field) == ["mail/mail", "mail/old", "places/mail", "places/old"])
        for declaration in all {
            let read = LimitDeclaration(
                field: declaration.field, json: Array(declaration.json.utf8))
            #expect(read?.rate == declaration.rate)
            #expect(read?.slots?.most == declaration.slots?.most)
            #expect(read?.slots?.argument == declaration.slots?.argument)
        }
        #expect(all[0].json == #"{"cost":3,"rate":"10/500ms burst 20","rateBy":"to/ken"}"#)
    }

    @Test func `a limit of a host is named after it`() {
        var rate = RateLimit.perSecond(1)
        rate.scope = .host
        rate.name = "api"
        let handler = Handler.named("mail", options: JobOptions(rateLimit: rate)) { _ in nil }
        #expect(
            LimitDeclaration.all(of: ["mail": handler], host: "web1").map(\.limit) == ["api@web1"])
    }

    @Test(arguments: [
        ("a", "{}"), ("a/b", "{}"), ("a/b", "[]"), ("a/b", ""), ("/b", #"{"slots":1}"#),
        ("a/b/c", #"{"slots":1}"#), ("a/b", #"{"rate":"10"}"#),
    ])
    func `what a stranger wrote is left out`(field: String, json: String) {
        #expect(LimitDeclaration(field: field, json: Array(json.utf8)) == nil)
    }

    @Test func `new times are spaced by the rate, and never later`() {
        var spacing = Respacing(now: 1000, closed: nil)
        let rate = RateLimit(10, per: .seconds(1), burst: 2)
        // 100.5 ms each, two at once.
        let times = (0..<4).map { _ in spacing.time(of: "a", rate, due: 10_000) }
        #expect(times == [1000, 1000, 1101, 1201])
        #expect(spacing.time(of: "b", rate, due: 10_000) == 1000)
        #expect(spacing.time(of: "a", rate, due: 1302) == nil)
    }

    @Test func `behind a time of being closed comes one at a time`() {
        var spacing = Respacing(now: 1000, closed: 5000)
        let rate = RateLimit(10, per: .seconds(1), burst: 5)
        let times = (0..<3).map { _ in spacing.time(of: "a", rate, due: 10_000) }
        #expect(times == [5000, 5101, 5201])
    }
}
