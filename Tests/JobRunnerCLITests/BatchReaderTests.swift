import Foundation
import JobRunner
import Testing

@testable import JobRunnerCLI

/// Batches that are read ahead of who sends them.
@Suite(.timeLimit(.minutes(1))) struct BatchReaderTests {
    /// Ends a stream when the reader's thread lets go of it.
    private final class Held: Sendable {
        let released: AsyncStream<Void>.Continuation

        init(_ released: AsyncStream<Void>.Continuation) {
            self.released = released
        }

        deinit { released.finish() }
    }

    @Test func `one that is stopped half-way goes without taking the process along`() async throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "jobrunner-batches-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(String(repeating: "1\n", count: 5000).utf8).write(to: URL(filePath: path))
        for _ in 0..<20 {
            let (gone, released) = AsyncStream<Void>.makeStream()
            let first = try await firstBatch(of: path, Held(released))
            #expect(first.drafts.count == 1000)
            #expect(first.end == .open)
            for await _ in gone {}
        }
    }

    /// Reads one batch of several, and stops.
    private func firstBatch(of path: String, _ held: Held) async throws -> LineBatch {
        let file = try InputFile(path, standardInput: 0)
        let interrupts = try Interrupts()
        let reader = BatchReader(interrupts: interrupts) {
            LineBatcher(
                file, interrupts: interrupts, maxJobBytes: 65_536, skip: 0, skipsBad: false
            ) { line throws(EnvelopeError) in
                _ = held
                let writer = EnvelopeWriter(
                    id: JobID.generate(now: 0), job: "a", queue: .default, arguments: line,
                    enqueued: 0)
                return try Draft(writer, hasOwnID: false, maxBytes: 65_536)
            }
        }
        defer { reader.stop() }
        return await reader.next()
    }
}
