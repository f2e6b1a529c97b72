import JobRunnerTesting
import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// What a worker said so far, and a way to wait for what it will say.
final class EventLog: Sendable {
    private struct Waiter {
        var left: Int
        let matches: @Sendable (WorkerEvent) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var events: [WorkerEvent] = []
        var waiting: [Waiter] = []
    }

    private let state = Mutex(State())

    var events: [WorkerEvent] { state.withLock { $0.events } }
    var ends: [JobEnd] {
        events.compactMap { if case .ended(let end) = $0 { end } else { nil } }
    }

    func note(_ event: WorkerEvent) {
        let resumed = state.withLock { state in
            state.events.append(event)
            for index in state.waiting.indices where state.waiting[index].matches(event) {
                state.waiting[index].left -= 1
            }
            let resumed = state.waiting.filter { $0.left <= 0 }.map(\.continuation)
            if !resumed.isEmpty { state.waiting.removeAll { $0.left <= 0 } }
            return resumed
        }
        for continuation in resumed { continuation.resume() }
    }

    /// Returns when so many events that match were heard, those of the past included.
    func wait(_ count: Int = 1, for matches: @escaping @Sendable (WorkerEvent) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                let left = count - state.events.count(where: matches)
                if left > 0 {
                    state.waiting.append(
                        Waiter(left: left, matches: matches, continuation: continuation))
                }
                return left <= 0
            }
            if isThere { continuation.resume() }
        }
    }

    /// Returns when a job ended in a certain way.
    @discardableResult
    func end(_ verdict: JobEnd.Verdict, count: Int = 1) async -> JobEnd? {
        await wait(count) { if case .ended(let end) = $0 { end.verdict == verdict } else { false } }
        return ends.last { $0.verdict == verdict }
    }

    func joined(_ count: Int = 1) async {
        await wait(count) { if case .joined = $0 { true } else { false } }
    }
}

/// A worker on a fixture's queue, and what it says.
final class WorkerFixture: Sendable {
    let worker: Worker
    let log: EventLog

    /// The id it has in Redis, in its first life.
    var id: String { worker.engine.identity.id }

    init(
        _ queue: QueueFixture, _ change: (inout WorkerOptions) -> Void = { _ in },
        register: (inout WorkerBuilder) -> Void
    ) throws {
        let log = EventLog()
        self.log = log
        var options = WorkerOptions()
        options.queues = [.init(queue.keys.name)]
        options.concurrency = 4
        options.reportsJobs = true
        options.cancelGrace = .milliseconds(200)
        options.onEvent = { log.note($0) }
        change(&options)
        var builder = WorkerBuilder()
        register(&builder)
        worker = try Worker(
            builder, url: RedisURL(queue.server.url), prefix: queue.prefix, options: options)
    }

    /// Runs the worker while `body` does, then stops it; returns how many jobs it gave back.
    ///
    /// - Parameter before: Runs while the worker starts.
    @discardableResult
    func run(
        _ body: (WorkerFixture) async throws -> Void,
        before: () async throws -> Void = {}
    ) async throws -> Int {
        let worker = worker
        let task = Task { try await worker.run() }
        do {
            try await before()
            await log.joined()
            try await body(self)
        } catch {
            worker.stopNow()
            _ = try? await task.value
            throw error
        }
        worker.stop()
        return try await task.value
    }
}

extension Handler {
    /// A handler of a bare name: the context in, JSON out.
    static func named(
        _ name: String, options: JobOptions = JobOptions(retryDelay: .list([])),
        _ body: @escaping @Sendable (JobContext) async throws -> String?
    ) -> Handler {
        Handler(name: name, options: options) { _, context in
            try await body(context).map { Array($0.utf8) }
        }
    }
}

/// Returns twice its number.
struct Doubling: Job {
    static let name = "double"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    var number: Int
    typealias Output = Int
}
