import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

@Suite("Drafts of text, and many at once", .enabled(if: RedisServer.isAvailable))
struct DraftTextTests {
    private func client() throws -> JobClient {
        var options = ClientOptions()
        options.prefix = "draft-" + JobID.generate(now: 0).description.suffix(12)
        return try JobClient(connectingLater: RedisServer.shared.url, options: options)
    }

    private func draft(_ text: String, maxBytes: Int = 65_536) throws -> Draft {
        try Draft(envelope: Array(text.utf8), maxBytes: maxBytes)
    }

    @Test func `a whole job keeps its id, and is known to have its own`() throws {
        let own = try draft(#"{"job":"a","id":"x"}"#)
        #expect(own.hasOwnID)
        #expect(own.job.id == "x")
        let made = try draft(#"{"job":"a","id":null}"#)
        #expect(!made.hasOwnID)
        #expect(made.job.json.starts(with: Array(#"{"id":"\#(made.job.id)","job":"a""#.utf8)))
    }

    @Test func `the limit holds with what is filled in`() throws {
        let text = #"{"job":"a","args":"\#(String(repeating: "x", count: 30))"}"#
        #expect(throws: EnvelopeError.self) { try draft(text, maxBytes: text.utf8.count) }
        #expect(try draft(text, maxBytes: 200).job.json.count <= 200)
    }

    @Test func `the order in a queue is kept, whoever chose the ids`() async throws {
        let client = try client()
        defer { client.close() }
        let drafts = try (0..<3000).map { index in
            let id = index % 3 == 0 ? #""id":"\#(index)","# : ""
            return try draft(#"{\#(id)"job":"j\#(index)","queue":"q\#(index % 2)"}"#)
        }
        let answers = await client.enqueueEach(drafts)
        #expect(answers.count == 3000)
        #expect(answers.allSatisfy { (try? $0.get()) == .accepted })
        for queue in 0..<2 {
            let key = client.keys.queue("q\(queue)").ready
            let reply = try await client.router.connection(for: key).send(
                Command("LRANGE", key, "0", "-1"))
            let jobs = try (reply.array ?? []).reversed().map { try Envelope($0.bytes ?? []).job }
            #expect(jobs == (0..<3000).filter { $0 % 2 == queue }.map { "j\($0)" })
            _ = try await client.router.connection(for: key).send(Command("DEL", key))
        }
        let again = await client.enqueueEach([try draft(#"{"job":"j","id":"0","queue":"q0"}"#)])
        #expect(try again.first?.get() == .duplicate)
    }

    @Test func `the value of an outcome is its bytes`() {
        func value(_ json: String) -> String? {
            JobOutcome(
                state: .done, attempt: 1, startedAt: 0, finishedAt: 0, failure: nil,
                json: Array(json.utf8)
            ).valueJSON.map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(value(#"{"state":"done","value":{"a": 1.50}}"#) == #"{"a": 1.50}"#)
        #expect(value(#"{"state":"done"}"#) == nil)
        #expect(value("") == nil)
        #expect(value(#"{"a":{"value":1},"value":null}"#) == "null")
    }
}
