internal import FoundationEssentials

/// What a job tells of itself while it runs, and how it ended.
public enum JobUpdate: Sendable, Equatable {
    /// Its handler said how far it is.
    case progress(JobProgress)
    /// It has ended; nothing comes after it.
    case ended(JobOutcome.State)
}

/// How far a handler said it is.
public struct JobProgress: Sendable, Equatable {
    /// 0 to 1.
    public let fraction: Double
    /// What it said, at most 200 characters.
    public let message: String
    /// When, ms since 1970 by the worker's clock.
    public let at: Int
}

extension JobProgress: Decodable {
    private enum CodingKeys: String, CodingKey {
        case fraction = "progress"
        case message, at
    }

    /// Reads a report as stored; nil when it is none of ours.
    package init?(json: [UInt8]) {
        guard let report = try? JSONDecoder().decode(Self.self, from: Data(json)) else {
            return nil
        }
        self = report
    }
}
