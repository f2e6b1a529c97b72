import FoundationEssentials
import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// What `Limits.md` shows, word for word; each is run below.
private enum Examples {
    // example: rate
    struct Geocode: Job {
        static let name = "geocode"
        static let options = JobOptions(
            // One every 6 s for each token, whatever workers there are.
            rateLimit: RateLimit(10, per: .seconds(60), name: "geo-api", by: "token"))
        var token: String
        var address: String
    }
    // end

    // example: slots
    struct Export: Job {
        static let name = "export"
        static let options = JobOptions(concurrencyLimit: ConcurrencyLimit(2, by: "customer"))
        var customer: Int
    }
    // end

    struct Reindex: Job {
        static let name = "reindex"
        var shop: Int
    }

    struct Mail: Job {
        static let name = "mail"
        var to: String
    }

    static func register(on worker: inout WorkerBuilder) {
        // example: retry-after
        worker.handle(Geocode.self) { job, context in
            let answer = try await ask(job.address)
            if answer.status == 429 { throw JobError.rateLimited(for: answer.retryAfter) }
        }
        // end
        worker.handle(Export.self) { _, _ in }
        // example: lock
        worker.handle(Reindex.self) { job, context in
            try await context.withLock("index-\(job.shop)") { fence in
                try await write(shop: job.shop, fence: fence)
            }
        }
        // end
    }

    static func enqueue(_ jobs: JobClient) async throws {
        // example: order
        _ = try await jobs.enqueue(Mail(to: "ops@example.org"), priority: 9)  // 0 to 9
        _ = try await jobs.enqueue(Mail(to: "ada@example.org"), front: true)  // before the others
        _ = try await jobs.enqueue(Mail(to: "bob@example.org"), tenant: "acme")  // by turns
        // end
        // example: unique
        let reindex = Reindex(shop: 7)
        let first = try await jobs.enqueue(reindex, unique: Unique())
        let second = try await jobs.enqueue(reindex, unique: Unique())
        // Both are handles of the one job; `second.isDuplicate` is true.
        // end
        #expect(second.id == first.id)
        #expect(second.isDuplicate)
        // example: debounce
        let calm = Unique.debounce(for: .seconds(5), key: .key("shop-8"), atMost: .seconds(60))
        _ = try await jobs.enqueue(Reindex(shop: 8), unique: calm)

        let rare = Unique.throttle(for: .seconds(3600), key: .argument("to"))
        _ = try await jobs.enqueue(Mail(to: "ada@example.org"), unique: rare)
        // end
    }

    struct Answer {
        var status: Int
        var retryAfter: Duration
    }
    static let asked = Mutex(0)
    static func ask(_ address: String) async throws -> Answer {
        let isFirst = asked.withLock { asked in
            asked += 1
            return asked == 1
        }
        return Answer(status: isFirst ? 429 : 200, retryAfter: .milliseconds(100))
    }
    static let fences = Mutex([Int]())
    static func write(shop: Int, fence: Int) async throws { fences.withLock { $0.append(fence) } }
}

@Suite("Limits.md", .timeLimit(.minutes(1))) struct LimitExamplesTests {
    @Test func `what it shows works`() async throws {
        let queue = try QueueFixture(queue: "default")
        let client = try queue.client()
        try await Examples.enqueue(client)
        #expect(try await queue.integer("LLEN", queue.keys.ready) == 4)
        #expect(try await queue.integer("ZCARD", queue.keys.ordered) == 1)
        #expect(try await queue.integer("ZCARD", queue.keys.scheduled) == 1)
        _ = try await client.enqueue(Examples.Geocode(token: "t", address: "a"))
        _ = try await client.enqueue(Examples.Export(customer: 1))
        let fixture = try WorkerFixture(queue) { worker in
            Examples.register(on: &worker)
            worker.handle(Examples.Mail.self) { _, _ in }
        }
        try await fixture.run { fixture in
            await fixture.log.end(.deferred)
            // Four mails, one of them throttled, a reindex, an export: the geocode comes later.
            await fixture.log.end(.done, count: 6)
        }
        // The debounced one too, if this took 5 s.
        #expect(Examples.fences.withLock { $0.count } >= 1)
        #expect(Examples.asked.withLock { $0 } == 1)
    }
}
