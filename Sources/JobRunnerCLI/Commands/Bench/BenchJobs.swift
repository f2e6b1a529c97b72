internal import FoundationEssentials
internal import JobRunner

/// A no-op job whose outcome is kept.
struct BenchJob: PaddedJob {
    static let name = "b"
    static let options = JobOptions(results: .kept(for: BenchSettings.kept))
    var pad: String
}

/// A no-op job that leaves nothing behind.
struct SilentJob: PaddedJob {
    static let name = "s"
    static let options = JobOptions(results: .ignored)
    var pad: String
}

/// A job that carries the time at which its enqueue began.
struct LatencyJob: Job {
    static let name = "l"
    static let options = JobOptions(results: .ignored)
    /// Monotonic ns, the same clock in all processes of a machine; 0 is not measured.
    var at: Int64
}

/// A job that answers with what it was called with.
struct CallJob: Job {
    static let name = "c"
    static let options = JobOptions(results: .kept(for: BenchSettings.kept))
    var at: Int64

    struct Output: Codable, Sendable {
        let at: Int64
        /// The job's: whose keys are to be deleted.
        let id: String
    }
}

/// A job that is as large as is asked for.
protocol PaddedJob: Job where Input == NoInput {
    var pad: String { get }
    init(pad: String)
}

extension PaddedJob {
    /// One whose envelope has that many bytes, or as few as an envelope can have.
    static func ofSize(_ bytes: Int, queue: String) throws -> Self {
        let empty = try Self(pad: "").envelope(queue: queue).count
        return Self(pad: String(repeating: "x", count: max(0, bytes - empty)))
    }

    /// The bytes that Redis holds of it.
    func envelope(queue: String) throws -> [UInt8] {
        let arguments = [UInt8](try JSONEncoder().encode(self))
        return try Draft(
            name: Self.name, arguments: arguments, options: Self.options, queue: queue, id: nil,
            maxBytes: 65_536
        ).job.json
    }
}
