import Crypto
import Foundation
import JobRunner
import JobRunnerCLI

/// What is asked: shared by who enqueues and who works.
struct DigestFile: Job {
    static let name = "file.digest"
    static let options = JobOptions(maxAttempts: 3, retryDelay: .fixed(.seconds(1)))

    /// Relative to the worker's working directory.
    var path: String

    /// SHA-256 in hex, and the number of newlines, as `sha256sum` and `wc -l` print them.
    struct Output: Codable, Sendable {
        var sha256: String
        var lines: Int
    }
}

/// `checksums work` runs `file.digest` here, and `--handlers` adds programs beside it.
@main
struct Checksums: JobRunnerApp {
    func register(on worker: inout WorkerBuilder) async throws {
        // Reading a file blocks: this handler gets a thread, not a task.
        worker.handleBlocking(DigestFile.self) { job, context in
            let bytes = try Data(contentsOf: URL(fileURLWithPath: job.path))
            let digest = SHA256.hash(data: bytes)
            return DigestFile.Output(
                sha256: digest.map { String(format: "%02x", $0) }.joined(),
                lines: bytes.count { $0 == UInt8(ascii: "\n") })
        }
    }
}
