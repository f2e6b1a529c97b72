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

    /// What it takes from the step before it in a workflow; `NoInput` when it takes nothing.
    associatedtype Input: Codable & Sendable = NoInput

    /// Names this kind on the wire: 1 to 64 of `A-Z a-z 0-9 . _ -`; never change it.
    static var name: String { get }

    /// How jobs of this kind are queued, retried and kept.
    static var options: JobOptions { get }

    /// The version of the arguments' form, 1 to 1,000,000: raise it with a change that older code
    /// cannot decode. Their workers park such jobs for yours, so deploy in any order.
    static var version: Int { get }

    /// Brings the arguments of an older version into this one's form.
    ///
    /// - Parameter version: What they were enqueued as, below `Self.version`.
    /// - Throws: What makes the attempt fail.
    static func upgrade(_ arguments: JSONValue, from version: Int) throws -> JSONValue

    /// How long to wait before the next attempt, from what went wrong.
    ///
    /// - Parameter attempt: The one that failed, from 1.
    /// - Returns: 0 or more; nil for the options' `retryDelay`. A `JobError.retry` has its own.
    static func retryDelay(after error: any Error, attempt: Int) -> Duration?

    /// Names this kind had before: jobs of those names go to its handler as well.
    static var aliases: [String] { get }
}

extension Job {
    /// The defaults.
    public static var options: JobOptions { JobOptions() }

    /// 1.
    public static var version: Int { 1 }

    /// Leaves them as they are: for versions that only added what has a default.
    public static func upgrade(_ arguments: JSONValue, from version: Int) throws -> JSONValue {
        arguments
    }

    /// The options'.
    public static func retryDelay(after error: any Error, attempt: Int) -> Duration? { nil }

    /// None.
    public static var aliases: [String] { [] }
}

/// The input of a job that takes nothing from a step before it.
public struct NoInput: Codable, Sendable, Equatable {
    /// Nothing.
    public init() {}
}

/// The output of a job that has none.
public struct NoOutput: Codable, Sendable, Equatable {
    /// Nothing.
    public init() {}
}
