import FoundationEssentials
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Asks for a price; ends as it is told to.
private struct Quote: Job {
    static let name = "quote"
    static let options = JobOptions(queue: "q", maxAttempts: 2, retryDelay: .fixed(.zero))
    typealias Output = String
    var how: String
}

private struct Priced: ReplyJob {
    static let name = "priced"
    static let options = JobOptions(queue: "shop")
    let reply: JobReply<String>
}

/// Takes hours to be tried again.
private struct Slow: Job {
    static let name = "slow"
    static let options = JobOptions(queue: "q")
}

/// Outcomes that are sent as jobs.
@Suite(.timeLimit(.minutes(1))) struct ReplyTests {
    private struct Failed: Error {}

    /// A worker that prices, and keeps the replies that it gets.
    private final class Shop: Sendable {
        let queue: QueueFixture
        let worker: WorkerFixture
        let client: JobClient
        let hangs: Latch
        private let got: Box

        var replies: [JobReply<String>] { got.replies }

        init(queues: [String] = ["q", "shop"], maxJobBytes: Int = 65_536) throws {
            let queue = try QueueFixture()
            let (got, hangs) = (Box(), Latch())
            worker = try WorkerFixture(queue) {
                $0.queues = queues.map { .init($0) }
                $0.maxJobBytes = maxJobBytes
            } register: {
                $0.handle(Quote.self) { job, context in
                    switch job.how {
                    case "fails": throw Failed()
                    case "buries": throw JobError.bury("no such item")
                    case "discards": throw JobError.discard
                    case "long": return String(repeating: "x", count: 100_000)
                    case "hangs":
                        hangs.open()
                        try await waitForCancel()
                        return ""
                    default: return job.how
                    }
                }
                $0.handle(Slow.self) { _, _ in throw JobError.retry(after: .seconds(3600)) }
                $0.handle(Priced.self) { job, _ in got.add(job.reply) }
            }
            client = try queue.client()
            self.queue = queue
            self.got = got
            self.hangs = hangs
        }

        /// Returns when so many replies were handled.
        func wait(_ count: Int) async {
            await worker.log.wait(count) {
                if case .ended(let end) = $0 { end.job == "priced" } else { false }
            }
        }
    }

    private final class Box: Sendable {
        private let got = Mutex<[JobReply<String>]>([])
        func add(_ reply: JobReply<String>) { got.withLock { $0.append(reply) } }
        var replies: [JobReply<String>] { got.withLock { $0 } }
    }

    @Test(arguments: ["shop", "q"])
    func `every end is told once, to another queue or to the same`(_ queue: String) async throws {
        let shop = try Shop()
        let address = try Priced.address(queue: queue)
        let hows = ["12", "fails", "buries", "discards"]
        try await shop.worker.run { _ in
            for how in hows {
                _ = try await shop.client.enqueue(Quote(how: how), id: how, replyTo: address)
            }
            await shop.wait(4)
        }
        let replies = Dictionary(grouping: shop.replies, by: \.id)
        #expect(replies.count == 4)
        #expect(replies.values.allSatisfy { $0.count == 1 })
        let done = try #require(replies["12"]?.first)
        #expect(done.state == .done)
        #expect(done.value == "12")
        #expect(done.handle == "q/12")
        #expect(done.job == "quote")
        #expect(done.attempt == 1)
        #expect(done.failure == nil)
        #expect(!done.isOmitted)
        let failed = try #require(replies["fails"]?.first)
        #expect(failed.state == .dead)
        #expect(failed.attempt == 2)
        #expect(failed.value == nil)
        #expect(failed.failure?.type == "Failed")
        #expect(replies["buries"]?.first?.failure?.message == "no such item")
        #expect(replies["discards"]?.first?.state == .discarded)
    }

    @Test func `a job that is cancelled or too late tells so`() async throws {
        let shop = try Shop()
        let address = try Priced.address()
        func ask(_ how: String, _ id: String) async throws -> JobHandle<String> {
            try await shop.client.enqueue(Quote(how: how), id: id, replyTo: address)
        }
        // Before a worker has it, while one runs it, and while it waits for a time.
        let before = try await ask("1", "before")
        #expect(try await shop.client.cancel(before) == .marked(isNew: true))
        let later = try await shop.client.enqueue(
            Quote(how: "1"), in: .seconds(3600), id: "later", replyTo: address)
        #expect(try await shop.client.cancel(later) == .removed)
        let job = #"{"id":"late","job":"quote","args":{"how":"1"},"expires":1,"expired":"drop""#
        try await shop.queue.redis(
            "LPUSH", shop.queue.keys.ready, job + #","reply":"shop/priced"}"#)
        try await shop.worker.run { _ in
            let running = try await ask("hangs", "running")
            await shop.hangs.wait()
            _ = try await shop.client.cancel(running)
            await shop.wait(4)
        }
        let states = shop.replies.map { "\($0.id) \($0.state) \($0.failure?.type ?? "")" }.sorted()
        #expect(
            states == [
                "before cancelled Cancelled", "late expired Expired", "later cancelled Cancelled",
                "running cancelled Cancelled",
            ])
    }

    @Test func `a job that runs again after its reply was sent does not send another`()
        async throws
    {
        let shop = try Shop(queues: ["q"])
        let far = Keys(prefix: shop.queue.prefix).queue("shop").ready
        let job = #"{"id":"1","job":"quote","args":{"how":"5"},"reply":"shop/priced"}"#
        try await shop.worker.run { worker in
            for run in 1...2 {
                // The second time as its reaper would: the ack of the first was lost.
                if run == 2 {
                    try await shop.queue.redis("HSET", shop.queue.keys.crashes, "1", "1")
                }
                try await shop.queue.redis("LPUSH", shop.queue.keys.ready, job)
                await worker.log.end(.done, count: run)
            }
        }
        let sent = try await shop.queue.redis("LRANGE", far, "0", "-1").array ?? []
        #expect(sent.count == 1)
        let envelope = try Envelope(try #require(sent.first?.bytes))
        #expect(envelope.id?.description == "1.reply")
        let arguments = envelope.withArguments { String(decoding: $0, as: UTF8.self) }
        #expect(
            arguments
                == #"{"id":"1","queue":"q","job":"quote","state":"done","attempt":1,"value":"5"}"#)
    }

    @Test func `a value too large for a job is left out, and the reply says so`() async throws {
        let shop = try Shop()
        let address = try Priced.address()
        try await shop.worker.run { _ in
            let long = try await shop.client.enqueue(
                Quote(how: "long"), id: String(repeating: "i", count: 64), replyTo: address)
            await shop.wait(1)
            #expect(try await long.value().utf8.count == 100_000)
        }
        let reply = try #require(shop.replies.first)
        #expect(reply.isOmitted)
        #expect(reply.value == nil)
        #expect(reply.state == .done)
        #expect(reply.id == String(repeating: "i", count: 64))
    }

    @Test func `jobs without an id have replies of their own`() async throws {
        let shop = try Shop()
        let job = #"{"job":"quote","args":{"how":"1"},"reply":"shop/priced"}"#
        try await shop.queue.redis("LPUSH", shop.queue.keys.ready, job, job)
        try await shop.worker.run { _ in await shop.wait(2) }
        #expect(Set(shop.replies.map(\.id)).count == 2)
        #expect(shop.replies.allSatisfy { !$0.id.isEmpty })
    }

    @Test func `each way to enqueue takes an address, and a bad one is refused`() async throws {
        let shop = try Shop()
        let address = try Priced.address()
        try await shop.worker.run { _ in
            _ = try await shop.client.enqueue(
                [Quote(how: "1"), Quote(how: "2")], replyTo: address)
            _ = try await shop.client.enqueue(
                name: "quote", arguments: #"{"how":"3"}"#, options: Quote.options,
                replyTo: address)
            await shop.wait(3)
        }
        #expect(Set(shop.replies.compactMap(\.value)) == ["1", "2", "3"])
        #expect(throws: NameError.self) { try ReplyAddress(queue: "a b", job: "x") }
        #expect(throws: NameError.self) { try ReplyAddress(queue: "a", job: "") }
        for text in ["shop", "shop/", "/priced", "shop/priced/x", "a b/c"] {
            #expect(ReplyAddress(text) == nil)
            #expect(throws: EnvelopeError.self) {
                try Envelope(Array(#"{"job":"a","reply":"\#(text)"}"#.utf8))
            }
        }
    }

    @Test func `a retry that is cancelled while it waits tells so, and keeps no steps`()
        async throws
    {
        let shop = try Shop()
        try await shop.worker.run { worker in
            let slow = try await shop.client.enqueue(
                Slow(), id: "slow", replyTo: Priced.address())
            await worker.log.end(.retried)
            try await shop.queue.redis("HSET", shop.queue.keys.steps("slow"), "one", "[1]")
            while try await shop.client.cancel(slow) != .removed {}
            await shop.wait(1)
        }
        #expect(shop.replies.map(\.state) == [.cancelled])
        #expect(shop.replies.map(\.attempt) == [2])
        let key = shop.queue.keys.steps("slow")
        #expect(try await shop.queue.integer("EXISTS", key) == 0)
    }

    @Test func `a reply reads and writes as its arguments`() throws {
        let text =
            #"{"attempt":1,"id":"1","job":"quote","omitted":true,"queue":"q","state":"done"}"#
        let priced = try JSONDecoder().decode(Priced.self, from: Data(text.utf8))
        #expect(priced.reply.isOmitted)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(priced), as: UTF8.self) == text)
    }
}
