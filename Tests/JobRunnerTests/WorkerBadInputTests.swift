import RedisLink
import Testing

@testable import JobRunner

/// What is no job, or cannot be run: buried or retried with the reason, and the worker goes on.
@Suite(.timeLimit(.minutes(1))) struct WorkerBadInputTests {
    struct Bad: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let reason: String
        var testDescription: String { name }

        init(_ name: String, _ bytes: [UInt8], _ reason: String) {
            self.name = name
            self.bytes = bytes
            self.reason = reason
        }

        init(_ text: String, _ reason: String) { self.init(text, Array(text.utf8), reason) }
    }

    static let nested = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
    static let large = #"{"job":"a","args":{"x":"\#(String(repeating: "x", count: 66_000))"}}"#

    static let inputs = [
        Bad("hello", "not a JSON object: byte 0 is 'h'"),
        Bad("", "not a JSON object: it is empty"),
        Bad("  ", "not a JSON object: it is empty"),
        Bad("null", "not a JSON object: byte 0 is 'n'"),
        Bad("[1]", "not a JSON object: byte 0 is '['"),
        Bad("42", "not a JSON object: byte 0 is '4'"),
        Bad(
            "BOM", [0xEF, 0xBB, 0xBF, 0x7B, 0x7D],
            "not a JSON object: it starts with a byte order mark"),
        Bad("NUL", [0], "not a JSON object: byte 0 is 0x00"),
        Bad(#"{"job":"a"} {}"#, "trailing bytes after the object at byte 12"),
        Bad(#"{"job":"a","args":{"x":"y"#, "JSON ends inside a string at byte 25"),
        Bad(#"{"job":"a""#, "JSON ends inside an object at byte 10"),
        Bad(
            "no UTF-8", Array(#"{"job":"a","x":""#.utf8) + [0xFF, 0x22, 0x7D],
            "JSON is not valid UTF-8 at byte 16"),
        Bad("large", Array(large.utf8), "job is 66,027 bytes; the limit is 65,536"),
        Bad(
            "deep", Array(#"{"job":"a","args":\#(nested)}"#.utf8),
            "JSON is nested deeper than 32 levels at byte 49"),
        Bad(#"{}"#, "job has no 'job' name"),
        Bad(#"{"id":"5"}"#, "job has no 'job' name"),
        Bad(#"{"job":null}"#, "job has no 'job' name"),
        Bad(#"{"job":""}"#, "job has no 'job' name"),
        Bad(#"{"job":5}"#, "'job' is not text"),
        Bad(#"{"job":"a","id":7}"#, "'id' is not text"),
        Bad(#"{"job":"a","job":"b"}"#, "key 'job' is there twice"),
    ]

    @Test(arguments: inputs)
    func `a text that is no job`(_ bad: Bad) async throws {
        let queue = try QueueFixture()
        var words = Arguments()
        words.append("LPUSH")
        words.append(queue.keys.ready)
        words.append(bad.bytes)
        words.append(QueueFixture.job("good"))
        _ = try await queue.connection.send(Command(name: "LPUSH", words))
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run {
            await $0.log.end(.buried)
            await $0.log.end(.done)
        }
        let end = try #require(fixture.log.ends.first { $0.verdict == .buried })
        #expect(end.reason == bad.reason)
        let dead = try await queue.redis("ZRANGE", queue.keys.dead, "0", "-1").array ?? []
        let bytes = try #require(dead.first?.bytes)
        #expect(dead.count == 1)
        let line = try #require(bytes.firstIndex(of: 10))
        #expect(Array(bytes[(line + 1)...]) == bad.bytes)
        let reason = String(decoding: bytes[..<line], as: UTF8.self)
        #expect(reason.hasSuffix(" " + bad.reason))
        #expect(try await queue.places().count == 1)
    }

    private struct Mail: Job {
        static let name = "mail"
        static let options = JobOptions(queue: "q", retryDelay: .fixed(.seconds(60)))
        var to: String
        var times: Int
        typealias Output = [Double]
    }

    @Test(arguments: [
        (#"{"times":1}"#, "args of 'mail': key 'to' is missing"),
        (#"{"to":"secret","times":"x"}"#, "args of 'mail': not of type Int at 'times'"),
        (#"{"to":null,"times":1}"#, "args of 'mail': null where String is needed at 'to'"),
        (#"{"to":"nan","times":1}"#, "result of 'mail' cannot be stored: "),
        (
            #"{"to":"large","times":1}"#,
            "result of 'mail' cannot be stored: 2,001 bytes, limit 1,000"
        ),
    ])
    func `arguments that do not decode, results that cannot be kept`(
        _ arguments: String, _ reason: String
    ) async throws {
        let queue = try QueueFixture()
        let json = #"{"id":"1","job":"mail","args":\#(arguments)}"#
        try await queue.redis("LPUSH", queue.keys.ready, json)
        let fixture = try WorkerFixture(queue, { $0.maxResultBytes = 1000 }) {
            $0.handle(Mail.self) { job, _ in
                job.to == "nan" ? [.nan] : Array(repeating: 1, count: 1000)
            }
        }
        try await fixture.run { await $0.log.end(.retried) }
        let end = try #require(fixture.log.ends.first)
        #expect(end.reason.hasPrefix("failed with HandlerFault: " + reason), "\(end.reason)")
        #expect(!end.reason.contains("secret"))
        try await queue.expectOnePlace(["1"])
        #expect(try await queue.integer("ZCARD", queue.keys.scheduled) == 1)
    }

    @Test func `a thousand of them at once cost no good job`() async throws {
        let queue = try QueueFixture()
        let good = (0..<500).map { "g\($0)" }
        for id in good {
            let job = String(decoding: QueueFixture.job(id), as: UTF8.self)
            queue.connection.submit(Command("LPUSH", queue.keys.ready, "\(id) no", job)) { _ in }
        }
        let fixture = try WorkerFixture(queue) { $0.add(.named("a") { _ in nil }) }
        try await fixture.run {
            await $0.log.end(.done, count: 500)
            await $0.log.end(.buried, count: 500)
        }
        #expect(try await queue.integer("ZCARD", queue.keys.dead) == 500)
        #expect(Set(fixture.log.ends.filter { $0.verdict == .done }.map(\.id)) == Set(good))
    }
}
