import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

private struct Picky: Job {
    static let name = "picky"
    static let options = JobOptions(queue: "q", retryDelay: .fixed(.seconds(3600)))

    struct Busy: Error, CustomStringConvertible {
        let description = "cannot reach postgres://app:hunter2@db/x with token=abc123"
    }

    static func retryDelay(after error: any Error, attempt: Int) -> Duration? {
        error is Busy && attempt == 1 ? .seconds(7) : nil
    }
}

/// What is kept of errors, and how long a kind of jobs waits after one.
@Suite(.timeLimit(.minutes(1))) struct RedactionTests {
    @Test(arguments: [
        ("redis://:pw@h:1/0 and postgres://u:p@h", "redis://***@h:1/0 and postgres://***@h"),
        ("password=abc, next", "password=***, next"),
        (#"{"api_key": "a b", "n": 1}"#, #"{"api_key": ***, "n": 1}"#),
        ("Authorization: Bearer abc.def-1", "Authorization: *** ***"),
        ("sent Bearer abc.def", "sent Bearer ***"),
        ("PASSWORD : x", "PASSWORD : ***"),
        ("the token expired", "the token expired"),
        ("http://example.com/a?b=c", "http://example.com/a?b=c"),
        ("nothing here", "nothing here"), ("", ""),
    ])
    func `secrets are taken out`(_ text: String, _ expected: String) {
        #expect(Redaction.standard(text) == expected)
    }

    @Test func `no secret is kept with a job, and the kind's own delay is used`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        _ = try await client.enqueue(Picky(), id: "1")
        let worker = try WorkerFixture(queue) {
            $0.handle(Picky.self) { _, _ in throw Picky.Busy() }
        }
        try await worker.run { worker in
            let end = await worker.log.end(.retried)
            #expect(end?.retryIn == .seconds(7))
            #expect(end?.reason.contains("postgres://***@db/x with token=***") == true)
        }
        let text = try await queue.redis("ZRANGE", queue.keys.scheduled, "0", "-1").array?[0].text
        #expect(text?.contains("hunter2") == false)
        #expect(text?.contains("abc123") == false)
    }

    @Test func `a redaction of one's own`() async throws {
        let queue = try QueueFixture()
        try await queue.push("1")
        let worker = try WorkerFixture(queue, { $0.redact = { _ in "gone" } }) {
            $0.add(.named("a") { _ in throw JobError.bury("my secret") })
        }
        try await worker.run { worker in
            #expect(await worker.log.end(.buried)?.reason == "gone")
        }
    }
}
