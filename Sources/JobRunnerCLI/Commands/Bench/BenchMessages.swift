internal import FoundationEssentials

/// What the bench tells its worker process first, on its standard input: a password in the URL
/// would be seen by everybody in an argument.
struct BenchWorkerConfig: Codable, Sendable {
    var url: String
    var prefix: String
    var queue: String
    var concurrency: Int
    /// Jobs after whose last one the worker reports `finished`.
    var target: Int
}

/// What the bench tells it then, a line each; the end of the input means stop and exit.
enum BenchOrder: String, Sendable {
    /// Work until `target` jobs ran.
    case go
    /// Answer with `usage`.
    case usage
    /// Give back what is held, then answer `left`; `go` may follow.
    case stop
}

/// What the worker process says, a line of JSON each.
struct BenchReport: Codable, Sendable {
    enum Kind: String, Codable, Sendable {
        /// Waits for `go`.
        case ready
        /// Registered in the queue: it waits for jobs.
        case joined
        /// The last of `target` jobs started.
        case finished
        case usage
        case left
        /// It cannot go on; `text` says why.
        case failed
    }

    var kind: Kind
    /// CPU of the worker process so far, user and system, µs.
    var cpu: Double = 0
    /// Its resident memory, bytes.
    var resident = 0
    /// When the first and the last job's handler started, monotonic ns.
    var first: Int64 = 0
    var last: Int64 = 0
    /// CPU when the first job's handler started, µs.
    var cpuAtFirst: Double = 0
    /// From enqueue to handler, ns, in the order of the runs.
    var samples: [Int64] = []
    /// The worker's id when it joined, or the reason of a failure.
    var text = ""

    var line: String? {
        (try? JSONEncoder().encode(self)).map { String(decoding: $0, as: UTF8.self) + "\n" }
    }

    init(_ kind: Kind, text: String = "") {
        self.kind = kind
        self.text = text
    }

    /// - Returns: Nil for a line that no worker says.
    init?(line: String) {
        guard let report = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else {
            return nil
        }
        self = report
    }
}
