import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

private struct Urgent: Job {
    static let name = "urgent"
    static let options = JobOptions(queue: "q", priority: 9)
    typealias Output = String
}

private struct Long: Job {
    static let name = "long"
    static let options = JobOptions(queue: "q")
    var letters: Int
    typealias Output = String
}

/// Calls: a job's outcome comes to its caller as a message, and is looked for when it does not.
@Suite(.timeLimit(.minutes(2))) struct CallTests {
    private struct Oops: Error, CustomStringConvertible { let description = "it broke" }

    private func worker(_ queue: QueueFixture) throws -> WorkerFixture {
        try WorkerFixture(queue) { builder in
            builder.handle(Doubling.self) { job, _ in
                guard job.number >= 0 else { throw Oops() }
                return job.number * 2
            }
            builder.handle(Urgent.self) { _, _ in "now" }
            builder.handle(Long.self) { job, _ in String(repeating: "x", count: job.letters) }
        }
    }

    /// Returns when the client hears messages.
    private func listening(_ client: JobClient, _ queue: QueueFixture) async throws {
        #expect(client.watch.caller == nil)
        #expect(try await client.call(Doubling(number: 1)) == 2)
        while client.watch.caller == nil { try await queue.pass(0.005) }
    }

    @Test func `answers come as messages, and nothing is left to wait for`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        try await worker(queue).run { _ in
            try await listening(client, queue)
            let before = try await queue.calls("publish")
            for number in 0..<20 {
                #expect(try await client.call(Doubling(number: number)) == number * 2)
            }
            #expect(try await queue.calls("publish") - before == 20)
            // Its place is not that of plain jobs, its answer comes the same way.
            #expect(try await client.call(Urgent()) == "now")
            #expect(try await queue.calls("publish") - before == 21)
            #expect(client.watch.count == 0)
            #expect(client.watch.caller != nil)
        }
    }

    @Test func `a call has its own answer, however many there are`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        let fixture = try WorkerFixture(queue, { $0.reportsJobs = false }) { builder in
            builder.handle(Doubling.self) { job, _ in job.number * 2 }
        }
        try await fixture.run { _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<50 {
                    group.addTask {
                        for number in 0..<40 {
                            let number = task * 40 + number
                            let answer = try await client.call(Doubling(number: number))
                            #expect(answer == number * 2)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(client.watch.count == 0)
    }

    @Test func `an outcome is kept as well, and one that is no value says why`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        try await worker(queue).run { _ in
            try await listening(client, queue)
            let error = await #expect(throws: JobRunnerError.self) {
                try await client.call(Doubling(number: -1))
            }
            guard case .failed(let handle, let failure) = error else {
                return #expect(Bool(false), "\(error.debug)")
            }
            #expect(failure == JobFailure(type: "Oops", message: "it broke"))
            let kept = try await client.handle(handle).outcome()
            #expect(kept?.state == .dead)
        }
    }

    @Test(arguments: [60_000, 70_000, 900_000])
    func `a long answer is read`(letters: Int) async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        try await worker(queue).run { _ in
            try await listening(client, queue)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<5 {
                    group.addTask { try await client.call(Long(letters: letters)).count }
                }
                for try await count in group { #expect(count == letters) }
            }
            // That they were read says nothing against messages.
            #expect(client.watch.caller != nil)
        }
    }

    @Test func `one that may not publish is answered all the same`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try await queue.restrictedClient("&*")
        try await queue.redis("ACL", "SETUSER", "default", "resetchannels")
        try await worker(queue).run { _ in
            try await listening(client, queue)
            var number = 0
            // Answers that do not come are not waited for again and again.
            while client.watch.caller != nil {
                #expect(try await client.call(Doubling(number: number)) == number * 2)
                number += 1
            }
            #expect(number <= 3)
            #expect(try await client.call(Doubling(number: 7)) == 14)
        }
    }

    @Test func `one that may hear of changes alone is answered by them`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try await queue.restrictedClient("&__redis__:invalidate")
        try await worker(queue).run { _ in
            for number in 0..<20 {
                let answer = try await client.call(Doubling(number: number))
                #expect(answer == number * 2)
            }
            #expect(client.watch.isTracking)
            #expect(client.watch.caller == nil)
        }
    }

    @Test func `answers come while the listening connection is cut again and again`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        try await worker(queue).run { _ in
            try await listening(client, queue)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<4 {
                    group.addTask {
                        for number in 0..<50 {
                            let number = task * 50 + number
                            let answer = try await client.call(Doubling(number: number))
                            #expect(answer == number * 2)
                        }
                    }
                }
                for _ in 0..<10 {
                    try await queue.redis("CLIENT", "KILL", "TYPE", "pubsub")
                    try await queue.pass(0.01)
                }
                try await group.waitForAll()
            }
        }
        #expect(client.watch.count == 0)
    }

    @Test func `a call that ends by its time or its task leaves nothing behind`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client()
        try await worker(queue).run { _ in try await listening(client, queue) }
        let error = await #expect(throws: JobRunnerError.self) {
            try await client.call(Doubling(number: 1), timeout: .milliseconds(50))
        }
        guard case .timedOut(_, after: .milliseconds(50)) = error else {
            return #expect(Bool(false), "\(error.debug)")
        }
        let call = Task { try await client.call(Doubling(number: 1)) }
        while client.watch.count == 0 { try await queue.pass(0.005) }
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(client.watch.count == 0)
        // Both were accepted, and go on.
        while try await queue.integer("LLEN", queue.keys.ready) < 2 { try await queue.pass(0.005) }
    }

    @Test func `a call waits for room in its queue, then for its answer`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client {
            $0.maxLengths = ["q": 1]
            $0.enqueueTimeout = .milliseconds(1)
            $0.waitWhenFull = .seconds(60)
        }
        try await worker(queue).run { _ in try await listening(client, queue) }
        try await queue.push("1")
        // Its own time begins when it is accepted: until then it has that of the queue.
        let call = Task { try await client.call(Doubling(number: 4), timeout: .seconds(30)) }
        while client.watch.count == 0 { try await queue.pass(0.005) }
        try await queue.pass(0.1)
        #expect(client.watch.count == 1)
        try await queue.redis("DEL", queue.keys.ready)
        try await worker(queue).run { _ in
            let answer = try await call.value
            #expect(answer == 8)
        }
    }

    @Test func `what is not accepted is said at once`() async throws {
        let queue = try QueueFixture(try .start())
        let client = try queue.client {
            $0.maxLengths = ["q": 1]
            $0.enqueueTimeout = .milliseconds(100)
        }
        try await worker(queue).run { _ in try await listening(client, queue) }
        try await queue.push("1")
        let full = await #expect(throws: JobRunnerError.self) {
            try await client.call(Doubling(number: 1))
        }
        guard case .queueFull = full else { return #expect(Bool(false), "\(full.debug)") }
        try await queue.redis("DEL", queue.keys.ready)
        try await queue.redis("SET", queue.keys.ready, "no list")
        let refused = await #expect(throws: JobRunnerError.self) {
            try await client.call(Doubling(number: 1))
        }
        guard case .redis(.server(let server)) = refused else {
            return #expect(Bool(false), "\(refused.debug)")
        }
        #expect(server.code == .WRONGTYPE)
        #expect(client.watch.count == 0)
    }

    @Test func `a name that is none is refused on the wire`() throws {
        for text in ["", "a b", "a:b", String(repeating: "x", count: 65)] {
            #expect(throws: EnvelopeError.self) {
                try Envelope(Array(#"{"job":"a","answer":"\#(text)"}"#.utf8))
            }
        }
        let job = try Envelope(Array(#"{"job":"a","answer":"01JH"}"#.utf8))
        #expect(job.answer == "01JH")
        #expect(!job.isTied)
    }
}
