/// The outcome of a job, as the job that was asked for with `replyTo` brings it.
///
/// On the wire its arguments: `{"id":…,"queue":…,"job":…,"state":…,"attempt":…}` with `value` when
/// the job is done and returned something, or `error` (`type`, `message`).
public struct JobReply<Value: Codable & Sendable>: Codable, Sendable {
    /// The id of the job that ended.
    public let id: String
    /// The queue that it ran in.
    public let queue: String
    /// Its name.
    public let job: String
    /// How it ended.
    public let state: JobOutcome.State
    /// The attempt that ended it, 1 for the first.
    public let attempt: Int
    /// What it returned; nil when it is not done, returned nothing, or `isOmitted`.
    public let value: Value?
    /// What went wrong, unless it is done.
    public let failure: JobFailure?
    /// What it returned is too large for a job: `client.handle(reply.handle)` reads it while it is
    /// kept.
    public let isOmitted: Bool

    /// `queue/id` of the job that ended.
    public var handle: String { "\(queue)/\(id)" }

    private enum CodingKeys: String, CodingKey {
        case id, queue, job, state, attempt, value
        case failure = "error"
        case isOmitted = "omitted"
    }

    /// Reads the arguments of a reply; members that it does not know are passed over.
    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: CodingKeys.self)
        id = try members.decode(String.self, forKey: .id)
        queue = try members.decode(String.self, forKey: .queue)
        job = try members.decode(String.self, forKey: .job)
        state = try members.decode(JobOutcome.State.self, forKey: .state)
        attempt = try members.decode(Int.self, forKey: .attempt)
        value = try members.decodeIfPresent(Value.self, forKey: .value)
        failure = try members.decodeIfPresent(JobFailure.self, forKey: .failure)
        isOmitted = try members.decodeIfPresent(Bool.self, forKey: .isOmitted) ?? false
    }

    /// Writes them.
    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(id, forKey: .id)
        try members.encode(queue, forKey: .queue)
        try members.encode(job, forKey: .job)
        try members.encode(state, forKey: .state)
        try members.encode(attempt, forKey: .attempt)
        try members.encodeIfPresent(value, forKey: .value)
        try members.encodeIfPresent(failure, forKey: .failure)
        if isOmitted { try members.encode(true, forKey: .isOmitted) }
    }
}

/// A kind of job that brings the outcomes of others: its arguments are a `JobReply`.
///
///     struct PriceReply: ReplyJob {
///         static let name = "price.reply"
///         static let options = JobOptions(queue: "shop")
///         let reply: JobReply<Price>
///     }
///
///     try await client.enqueue(Quote(item: 7), replyTo: PriceReply.address())
public protocol ReplyJob: Job {
    /// What the jobs return whose outcomes it brings.
    associatedtype Value: Codable & Sendable

    /// The outcome.
    var reply: JobReply<Value> { get }

    /// Takes it.
    init(reply: JobReply<Value>)
}

extension ReplyJob {
    /// Where a job sends its outcome to have it handled by this kind.
    ///
    /// - Parameter queue: Instead of the one of its options.
    /// - Throws: `NameError`.
    public static func address(queue: String? = nil) throws(NameError) -> ReplyAddress {
        try ReplyAddress(queue: queue ?? options.queue, job: name)
    }

    /// The reply is all of its arguments.
    public init(from decoder: any Decoder) throws {
        self.init(reply: try JobReply(from: decoder))
    }

    /// The reply is all of its arguments.
    public func encode(to encoder: any Encoder) throws { try reply.encode(to: encoder) }
}
