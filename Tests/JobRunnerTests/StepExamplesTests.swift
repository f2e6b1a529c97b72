import Synchronization
import Testing

@testable import JobRunner

/// What `Steps.md` shows, word for word; run below.
private enum Examples {
    struct Export: Job {
        static let name = "export"
        static let options = JobOptions(queue: "q", retryDelay: .list([.zero]))
        typealias Output = Int
        var year: Int
    }

    struct Row: Sendable {
        let id: Int
    }

    struct Table: Sendable {
        func rows(after id: Int) -> [Row] { ((id + 1)..<251).map(Row.init) }
    }

    final class Log: Sendable {
        let lines = Mutex<[String]>([])
        func note(_ line: String) { lines.withLock { $0.append(line) } }
    }

    static func register(on worker: inout WorkerBuilder, _ table: Table, _ log: Log) {
        // example: steps
        worker.handle(Export.self) { export, context in
            let file = try await context.step("open") {
                log.note("open")
                return "export-\(export.year).csv"
            }
            try await context.iterate("rows", every: 50) { (last: Int?) in
                table.rows(after: last ?? 0)
            } cursor: {
                $0.id
            } body: { row in
                log.note("\(file) row \(row.id)")
            }
            if context.attempt == 1 { throw JobError.retry(after: .zero, "the mailer is down") }
            try await context.step("mail") { log.note("mail \(file)") }
            return 250
        }
        // end
    }

    // example: reply
    struct ExportReply: ReplyJob {
        static let name = "export.reply"
        static let options = JobOptions(queue: "q")
        let reply: JobReply<Int>
    }

    static func ask(_ client: JobClient) async throws {
        _ = try await client.enqueue(Export(year: 2026), replyTo: ExportReply.address())
    }

    static func hear(on worker: inout WorkerBuilder, _ log: Log) {
        worker.handle(ExportReply.self) { job, context in
            log.note("\(job.reply.state) with \(job.reply.value ?? 0) rows")
        }
    }
    // end
}

@Suite(.timeLimit(.minutes(1))) struct StepExamplesTests {
    @Test func `what the docs show does each thing once, and replies`() async throws {
        let queue = try QueueFixture()
        let log = Examples.Log()
        let worker = try WorkerFixture(queue) {
            Examples.register(on: &$0, Examples.Table(), log)
            Examples.hear(on: &$0, log)
        }
        let client = try queue.client()
        try await worker.run { worker in
            try await Examples.ask(client)
            await worker.log.end(.done, count: 2)
        }
        let file = "export-2026.csv"
        let rows = (1...250).map { "\(file) row \($0)" }
        #expect(
            log.lines.withLock { $0 } == ["open"] + rows + ["mail \(file)", "done with 250 rows"])
    }
}
