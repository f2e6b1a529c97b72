import RedisLink
import Synchronization
import Testing

@testable import JobRunner

/// Says which of its runs it was that did the step.
private struct Charge: Job {
    static let name = "charge"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Output = String
}

/// Whose steps are noted: a job's, in all its runs, and no other's.
@Suite(.timeLimit(.minutes(1))) struct StepOwnerTests {
    typealias Log = StepTests.Log
    struct Failed: Error {}

    /// How the round after a failed one goes.
    enum Second: CaseIterable, Sendable {
        case isDone, isDiscarded, isCancelled
    }

    @Test(arguments: Second.allCases)
    func `a retried workflow does no step again that is noted`(_ second: Second) async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let log = Log()
        let worker = try WorkerFixture(queue) { builder in
            builder.handle(Charge.self) { _, context in
                log.note("run \(context.id)")
                let isFirst = context.id == "f.0"
                if !isFirst, second == .isDiscarded { throw JobError.discard }
                if !isFirst, second == .isCancelled { throw JobError.snooze(for: .seconds(3600)) }
                let receipt = try await context.step("charge") {
                    log.note("charge")
                    return context.id
                }
                try await context.once("mail") { log.note("mail") }
                if isFirst { throw Failed() }
                return receipt
            }
        }
        let key = queue.keys.steps("f.0")
        try await worker.run { worker in
            let handle = try await client.start(Workflow(Charge()), id: "f")
            await #expect(throws: JobRunnerError.self) { try await handle.value() }
            #expect(try await queue.text("HGET", key, "charge") == #"["f.0"]"#)
            #expect(try await handle.retry())
            switch second {
            case .isDone: #expect(try await handle.value() == "f.0", "as it was noted")
            case .isDiscarded: await worker.log.end(.discarded)
            case .isCancelled:
                await worker.log.end(.snoozed)
                // Told a moment before the ack is sent.
                while try await queue.ids(queue.keys.scheduled).isEmpty { await Task.yield() }
                #expect(try await queue.integer("EXISTS", key) == 1)
                let job = try client.handle("q/f.0.r2", output: JSONValue.self)
                #expect(try await client.cancel(job) == .removed)
            }
        }
        let runs = ["run f.0", "charge", "mail", "run f.0.r2"]
        #expect(log.all == runs)
        let kept = try await queue.integer("EXISTS", key)
        #expect(kept == (second == .isDone ? 0 : 1), "a further retry needs them")
    }

    /// Runs jobs of the id 1 after each other, each to its end; nil says not when it was enqueued.
    ///
    /// - Parameter fails: Whether a run fails, of the job that says who it is.
    private func run(
        _ queue: QueueFixture, _ enqueued: [Int?], _ log: Log,
        fails: @escaping @Sendable (_ who: String, _ attempt: Int) -> Bool,
        then body: (WorkerFixture) async throws -> Void = { _ in }
    ) async throws {
        let options = JobOptions(maxAttempts: 2, retryDelay: .fixed(.zero))
        let worker = try WorkerFixture(queue) {
            $0.add(
                .named("a", options: options) { context in
                    let who = context.enqueuedAt.map { "\($0)" } ?? "-"
                    let noted = try await context.step("one") {
                        log.note("\(who) does one")
                        return who
                    }
                    try await context.iterate(over: [1, 2], cursor: { $0 }) {
                        log.note("\(who) at \($0)")
                    }
                    log.note("\(who) has \(noted)")
                    if fails(who, context.attempt) { throw Failed() }
                    return nil
                })
        }
        try await worker.run { worker in
            for (index, time) in enqueued.enumerated() {
                let rest = #""job":"a""# + (time.map { #","enqueued":\#($0)"# } ?? "")
                let job = String(decoding: QueueFixture.job("1", rest), as: UTF8.self)
                try await queue.redis("LPUSH", queue.keys.ready, job)
                await worker.log.wait(index + 1) {
                    guard case .ended(let end) = $0 else { return false }
                    return end.verdict == .buried || end.verdict == .done
                }
            }
            try await body(worker)
        }
    }

    @Test func `another job of the same id does its own steps`() async throws {
        let queue = try QueueFixture()
        let log = Log()
        try await run(queue, [5, nil, 6], log) { who, attempt in who != "6" || attempt == 1 }
        let each = ["5", "-", "6"].map { who in
            ["does one", "at 1", "at 2", "has \(who)", "has \(who)"].map { "\(who) \($0)" }
        }
        #expect(log.all == each.flatMap { $0 })
        #expect(try await queue.integer("EXISTS", queue.keys.steps("1")) == 0)
    }

    @Test(arguments: [5, nil])
    func `one that is taken out of the dead does not`(_ enqueued: Int?) async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let log = Log()
        let mends = Mutex(false)
        try await run(
            queue, [enqueued], log, fails: { _, _ in !mends.withLock { $0 } },
            then: { worker in
                // Told a moment before the ack is sent.
                while try await queue.ids(queue.keys.dead).isEmpty { await Task.yield() }
                mends.withLock { $0 = true }
                var pages = client.dead(in: "q")
                let dead = try #require(try await pages.next())
                #expect(try await client.move(dead, of: "q", .retry) == 1)
                await worker.log.end(.done)
            })
        let who = enqueued.map { "\($0)" } ?? "-"
        let lines = ["does one", "at 1", "at 2", "has \(who)", "has \(who)", "has \(who)"]
        #expect(log.all == lines.map { "\(who) \($0)" })
        #expect(try await queue.integer("EXISTS", queue.keys.steps("1")) == 0)
    }

    @Test func `a workflow's later rounds have what the first one noted, another workflow has not`()
        throws
    {
        let place = try #require(FlowPlace("home/f/2:blue@far"))
        let first = StepOwner(job: place.jobID, enqueued: 7, flow: place)
        #expect(first == StepOwner(job: "f.2.blue", enqueued: 7, flow: nil))
        let later = StepOwner(job: "f.2.blue.r2", enqueued: 9, flow: place)
        #expect(later.id == first.id && later.mark == nil)
        #expect(first.mark == "7")
        #expect(StepOwner(job: "1", enqueued: nil, flow: nil).mark == "-")
    }
}
