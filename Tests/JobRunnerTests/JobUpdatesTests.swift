import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

private struct Resize: Job {
    static let name = "resize"
    static let options = JobOptions(queue: "q")
    typealias Output = Int
}

/// What a job tells as it goes on.
@Suite(.timeLimit(.minutes(1))) struct JobUpdatesTests {
    private func report(_ queue: QueueFixture, _ fraction: Double) async throws {
        let json = Array(#"{"progress":\#(fraction),"at":7,"message":"m"}"#.utf8)
        try await queue.send(queue.store.setProgress("1", json, keep: .seconds(60)))
    }

    private func update(_ fraction: Double) -> JobUpdate {
        .progress(JobProgress(fraction: fraction, message: "m", at: 7))
    }

    @Test func `a handler's report is told, then the end`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let seen = Latch()
        let fixture = try WorkerFixture(queue) { builder in
            builder.handle(Resize.self) { _, context in
                await context.progress(0.4, "resizing")
                await seen.wait()
                return 1
            }
        }
        try await fixture.run { _ in
            let handle = try await client.enqueue(Resize())
            var updates: [JobUpdate] = []
            for try await update in handle.updates() {
                updates.append(update)
                if case .progress(let progress) = update {
                    #expect(progress.fraction == 0.4)
                    #expect(progress.message == "resizing")
                    #expect(progress.at > 1_600_000_000_000)
                    seen.open()
                }
            }
            #expect(updates.count == 2)
            #expect(updates.last == .ended(.done))
        }
        #expect(client.watch.count == 0)
    }

    @Test func `each report is told to one who keeps up, and none is asked for`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        var updates = try client.handle("q/1").updates().makeAsyncIterator()
        for step in 1...50 {
            try await report(queue, Double(step) / 100)
            let eachUpdate = try await updates.next()
            #expect(eachUpdate == update(Double(step) / 100))
        }
        let failure = JobFailure(type: "Cancelled", message: "cancelled")
        let json = JobOutcome.ended(.cancelled, failure, attempt: 1, started: 1, finished: 2)
        try await queue.redis("SET", queue.keys.result("1"), String(decoding: json, as: UTF8.self))
        let end = try await updates.next()
        #expect(end == .ended(.cancelled))
        let over = try await updates.next()
        #expect(over == nil)
        #expect(client.watch.count == 0)
    }

    @Test func `a slow reader gets the newest, and the end`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        var updates = try client.handle("q/1").updates().makeAsyncIterator()
        try await report(queue, 0.1)
        let first = try await updates.next()
        #expect(first == update(0.1))
        for step in 2...90 { try await report(queue, Double(step) / 100) }
        var last = 0.1
        while last < 0.9, case .progress(let progress) = try await updates.next() {
            #expect(progress.fraction > last)
            last = progress.fraction
        }
        #expect(last == 0.9)
    }

    @Test func `it ends when its time is up, or its reader leaves`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let error = await #expect(throws: JobRunnerError.self) {
            for try await _ in try client.handle("q/1").updates(timeout: .milliseconds(20)) {}
        }
        guard case .timedOut("q/1", after: .milliseconds(20)) = error else {
            return #expect(Bool(false), "\(error.debug)")
        }
        #expect(client.watch.count == 0)
        try await report(queue, 0.5)
        let started = Latch()
        let reading = Task {
            for try await _ in try client.handle("q/1").updates() { started.open() }
        }
        await started.wait()
        #expect(client.watch.count == 2)
        reading.cancel()
        try await reading.value
        #expect(client.watch.count == 0)
    }

    @Test func `what is no report is passed over`() async throws {
        let queue = try QueueFixture()
        let client = try queue.client()
        let handle = try client.handle("q/1")
        for text in ["", "1", "{}", #"{"progress":"x"}"#] {
            try await queue.redis("SET", queue.keys.progress("1"), text)
            #expect(try await handle.progress() == nil)
        }
        var updates = handle.updates().makeAsyncIterator()
        try await report(queue, 0.2)
        let second = try await updates.next()
        #expect(second == update(0.2))
    }
}
