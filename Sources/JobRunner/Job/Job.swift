/// A kind of job: its name, its options and, as stored properties, its arguments.
///
/// Shared by the app that enqueues it and the worker that runs it. The arguments are
/// encoded as one JSON object; the handler is registered at the worker.
///
///     struct WelcomeEmail: Job {
///         static let name = "email.welcome"
///         static let options = JobOptions(queue: "high", maxAttempts: 5)
///         var userID: Int
///         typealias Output = Receipt
///     }
public protocol Job: Codable, Sendable {
    /// What the handler returns; `NoOutput` when nobody waits for anything.
    associatedtype Output: Codable & Sendable = NoOutput

    /// Names this kind on the wire: 1 to 64 of `A-Z a-z 0-9 . _ -`; never change it.
    static var name: String { get }

    /// How jobs of this kind are queued, retried and kept.
    static var options: JobOptions { get }
}

extension Job {
    /// The defaults.
    public static var options: JobOptions { JobOptions() }
}

/// The output of a job that has none.
public struct NoOutput: Codable, Sendable, Equatable {
    /// Nothing.
    public init() {}
}
