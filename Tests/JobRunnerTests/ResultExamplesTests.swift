import JobRunnerTesting
import Synchronization
import Testing

@testable import JobRunner

/// What `Results.md` shows, word for word; each is run below.
private enum Examples {
    // example: results
    struct Resize: Job {
        static let name = "resize"
        static let options = JobOptions(results: .kept(for: .seconds(600)))
        var image: String
        typealias Output = String
    }

    struct Sweep: Job {
        static let name = "sweep"
        static let options = JobOptions(results: .onlyErrors(for: .seconds(86_400)))
    }
    // end

    static func register(on worker: inout WorkerBuilder, _ seen: Latch) {
        @Sendable func resized(_ image: String) async throws -> String {
            await seen.wait()
            return "small-" + image
        }

        // example: report
        worker.handle(Resize.self) { job, context in
            await context.progress(0.4, "resizing")
            return try await resized(job.image)
        }
        // end
        worker.handle(Sweep.self) { _, _ in }
    }

    static func call(_ jobs: JobClient) async throws -> String {
        // example: call
        let path = try await jobs.call(Resize(image: "a.png"), timeout: .seconds(5))
        // end
        return path
    }

    static func follow(_ jobs: JobClient, _ show: (String) -> Void) async throws {
        // example: updates
        let handle = try await jobs.enqueue(Resize(image: "a.png"))
        for try await update in handle.updates(timeout: .seconds(60)) {
            switch update {
            case .progress(let progress): show("\(progress.fraction) \(progress.message)")
            case .ended(let state): show(state.rawValue)
            }
        }
        let path = try await handle.value()
        try await handle.forget()
        // end
        show(path)
    }
}

/// The examples of the page on results do what it says.
@Suite("Results.md", .timeLimit(.minutes(1))) struct ResultExamplesTests {
    @Test func `a job is called, followed and forgotten`() async throws {
        let queue = try QueueFixture(queue: "default")
        let jobs = try queue.client()
        let seen = Latch()
        let fixture = try WorkerFixture(queue) { Examples.register(on: &$0, seen) }
        try await fixture.run { _ in
            var lines: [String] = []
            try await Examples.follow(jobs) { line in
                lines.append(line)
                seen.open()
            }
            #expect(lines == ["0.4 resizing", "done", "small-a.png"])
            let path = try await Examples.call(jobs)
            #expect(path == "small-a.png")
            let sweep = try await jobs.enqueue(Examples.Sweep())
            await #expect(throws: JobRunnerError.self) { try await sweep.value() }
        }
    }
}
