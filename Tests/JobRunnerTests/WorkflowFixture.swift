import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Returns its number, or throws.
struct Number: Job {
    static let name = "number"
    static let options = JobOptions(queue: "q", maxAttempts: 1, results: .kept(for: .seconds(60)))
    typealias Output = Int
    var value: Int
    var fails = false
}

/// Adds to what it takes.
struct Add: Job {
    static let name = "add"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = Int
    typealias Output = Int
    var term: Int
}

struct Sum: Job {
    static let name = "sum"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = [Int]
    typealias Output = Int
}

/// Waits until it is cancelled.
struct Hang: Job {
    static let name = "hang"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Output = Int
}

struct Tell: Job {
    static let name = "tell"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = WorkflowFailure
    var who: String
}

struct Remark: Job {
    static let name = "remark"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    var text: String
}

/// Another team's queue.
struct Far: Job {
    static let name = "far"
    static let options = JobOptions(queue: "far", maxAttempts: 1)
    typealias Input = Int
    typealias Output = Int
}

struct NumberFails: Error {}

/// A worker that knows these jobs, what it ran and was told.
final class WorkflowFixture: Sendable {
    let queue: QueueFixture
    let worker: WorkerFixture
    let client: JobClient
    let log: Log

    init(_ server: QueueFixture? = nil, queues: [String] = ["q", "far"]) throws {
        queue = try server ?? QueueFixture()
        client = try JobClient(RedisURL(queue.server.url), options: Self.options(queue.prefix))
        let log = Log()
        worker = try WorkerFixture(queue) {
            $0.queues = queues.map { .init($0) }
            $0.concurrency = 16
        } register: { builder in
            builder.handle(Number.self) { job, context in
                log.ran(context.id)
                if job.fails { throw NumberFails() }
                return job.value
            }
            builder.handle(Add.self) { job, input, context in
                log.ran(context.id)
                return input + job.term
            }
            builder.handle(Sum.self) { job, input, context in
                log.ran(context.id)
                return input.reduce(0, +)
            }
            builder.handle(Far.self) { job, input, context in
                log.ran(context.id)
                return input * 10
            }
            builder.handle(Hang.self) { _, context in
                // Ends when it is cancelled.
                let (stream, end) = AsyncStream.makeStream(of: Never.self)
                for await _ in stream {}
                end.finish()
                throw CancellationError()
            }
            builder.handle(Twice.self) { _, input, context in
                log.ran(context.id)
                return 2 * input
            }
            builder.handle(ChunkSum.self) { _, input, _ in input.reduce(0, +) }
            builder.handle(Spawn.self) { job, context in
                log.ran(context.id)
                guard job.children > 0, let batch = context.batch else { return }
                try await batch.add(
                    (0..<job.children).map { _ in Spawn(children: job.children - 1) })
            }
            builder.handle(Pass.self) { _, input, _ in input }
            builder.handle(Both.self) { _, input, _ in [input.values.0] + input.values.1 }
            builder.handle(Tell.self) { job, failure, context in log.tell(failure) }
            builder.handle(Remark.self) { job, context in log.note(job.text) }
        }
        self.log = log
    }

    /// What its handlers saw.
    final class Log: Sendable {
        private let state = Mutex(
            (runs: [String: Int](), told: [WorkflowFailure](), notes: [String]()))

        func ran(_ id: String) { state.withLock { $0.runs[id, default: 0] += 1 } }
        func tell(_ failure: WorkflowFailure) { state.withLock { $0.told.append(failure) } }
        func note(_ text: String) { state.withLock { $0.notes.append(text) } }
        var runs: [String: Int] { state.withLock { $0.runs } }
        var told: [WorkflowFailure] { state.withLock { $0.told } }
        var notes: [String] { state.withLock { $0.notes } }
    }

    private static func options(_ prefix: String) -> ClientOptions {
        var options = ClientOptions()
        options.prefix = prefix
        return options
    }

    func expect<Output: Equatable>(
        _ workflow: Workflow<Output>, _ expected: Output,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let value = try await client.start(workflow).value()
        #expect(value == expected, sourceLocation: sourceLocation)
    }

    func run(_ body: (WorkflowFixture) async throws -> Void) async throws {
        try await worker.run { _ in try await body(self) }
    }
}

/// Doubles what it takes.
struct Twice: Job {
    static let name = "twice"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = Int
    typealias Output = Int
}

/// The sum of a chunk.
struct ChunkSum: Job {
    static let name = "chunk"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = [Int]
    typealias Output = Int
}

/// Adds jobs like itself to its batch.
struct Spawn: Job {
    static let name = "spawn"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    var children: Int
}

/// Takes two results.
struct Both: Job {
    static let name = "both"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = Results<Int, [Int]>
    typealias Output = [Int]
}
