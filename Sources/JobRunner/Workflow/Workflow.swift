internal import FoundationEssentials

/// Jobs that start one after another, or beside each other, and have one result.
///
///     let thumbnails = Workflow(Fetch(url: url))
///         .then(.group([.init(Resize(width: 100)), .init(Resize(width: 800))]))
///         .then(Publish())
///         .onFailure(TellUploader(id: 7))
///     let handle = try await client.start(thumbnails)
///
/// A value: nothing is sent before it is started. What a step takes is what the one before it
/// returned; whether the two fit, the compiler checks.
public typealias Workflow<Output: Codable & Sendable> = WorkflowPart<NoInput, Output>

/// A part of a workflow that takes what the step before it returned.
public struct WorkflowPart<Input: Codable & Sendable, Output: Codable & Sendable>: Sendable {
    let node: FlowNode

    init(node: FlowNode) { self.node = node }

    /// One job.
    ///
    /// - Parameters:
    ///   - queue: Instead of the one of the job's options.
    ///   - label: What people call the step, for `flows show`; the job's name unless given.
    public init<J: Job>(_ job: J, queue: String? = nil, label: String? = nil)
    where J.Input == Input, J.Output == Output {
        node = .job(FlowJob(job, queue: queue, label: label))
    }

    /// One job, with what it takes.
    public init<J: Job>(_ job: J, input: J.Input, queue: String? = nil, label: String? = nil)
    where Input == NoInput, J.Output == Output {
        var job = FlowJob(job, queue: queue, label: label)
        job.input = FlowJob.encode(input, J.name)
        node = .job(job)
    }

    // MARK: One after another

    /// Then a job that takes what this returns.
    public func then<J: Job>(_ job: J, queue: String? = nil, label: String? = nil)
        -> WorkflowPart<Input, J.Output> where J.Input == Output
    {
        then(WorkflowPart<Output, J.Output>(job, queue: queue, label: label))
    }

    /// Then a job that takes nothing.
    @_disfavoredOverload
    public func then<J: Job>(_ job: J, queue: String? = nil, label: String? = nil)
        -> WorkflowPart<Input, J.Output> where J.Input == NoInput
    {
        then(Workflow<J.Output>(job, queue: queue, label: label))
    }

    /// Then a part that takes what this returns: a group gives it to each member.
    public func then<Next>(_ part: WorkflowPart<Output, Next>) -> WorkflowPart<Input, Next> {
        .init(node: .chain([node, part.node]))
    }

    /// Then a part that takes nothing.
    @_disfavoredOverload
    public func then<Next>(_ part: Workflow<Next>) -> WorkflowPart<Input, Next> {
        .init(node: .chain([node, part.node]))
    }

    /// A job that starts when this fails, and takes how; it is no step on the way to the result.
    ///
    /// Without an end of its own: what it returns, or that it fails, changes nothing.
    public func onFailure<J: Job>(_ job: J, queue: String? = nil, label: String? = nil) -> Self
    where J.Input == WorkflowFailure {
        guarded(by: FlowJob(job, queue: queue, label: label))
    }

    /// A job that starts when this fails.
    @_disfavoredOverload
    public func onFailure<J: Job>(_ job: J, queue: String? = nil, label: String? = nil) -> Self
    where J.Input == NoInput {
        guarded(by: FlowJob(job, queue: queue, label: label))
    }

    private func guarded(by job: FlowJob) -> Self {
        guard case .guarded(let node, let jobs) = node else {
            return .init(node: .guarded(node, onFailure: [job]))
        }
        return .init(node: .guarded(node, onFailure: jobs + [job]))
    }

    // MARK: Beside each other

    /// Parts beside each other; the results in their order.
    ///
    /// - Parameter need: How many must be done. With fewer than all, the results are of those that
    ///   are, in their order, and the others are cancelled; so they are at a failure of one too
    ///   many.
    public static func group<Member>(
        _ parts: [WorkflowPart<Input, Member>], need: GroupNeed = .all
    ) -> WorkflowPart where Output == [Member] {
        .init(node: .group(parts.map(\.node), need.rule))
    }

    /// Parts beside each other, all of which run to an end: a failure is a result.
    public static func attempts<Member>(
        _ parts: [WorkflowPart<Input, Member>]
    ) -> WorkflowPart where Output == [Attempted<Member>] {
        .init(node: .group(parts.map(\.node), .each))
    }

    /// Parts of different results beside each other.
    public static func all<each Member: Codable & Sendable>(
        _ part: repeat WorkflowPart<Input, each Member>
    ) -> WorkflowPart where Output == Results<repeat each Member> {
        var nodes: [FlowNode] = []
        for part in repeat each part { nodes.append(part.node) }
        return .init(node: .group(nodes, .all))
    }
}

/// How many members of a group must be done.
public struct GroupNeed: Sendable, Hashable {
    let rule: FlowRule

    /// Every one; the first failure is the group's.
    public static let all = GroupNeed(rule: .all)

    /// So many, the fastest: 1 to as many as there are.
    public static func first(_ count: Int) -> GroupNeed { GroupNeed(rule: .some(count)) }

    /// The same by the name that voting has for it.
    public static func quorum(_ count: Int) -> GroupNeed { first(count) }
}

/// What became of a member of `attempts`.
public enum Attempted<Value: Codable & Sendable>: Codable, Sendable {
    /// It returned this.
    case value(Value)
    /// It was given up, cancelled or skipped.
    case failure(WorkflowFailure)

    private enum CodingKeys: CodingKey { case value, error }

    /// `{"value": …}` or `{"error": …}`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if container.contains(.error) {
            self = .failure(try container.decode(WorkflowFailure.self, forKey: .error))
        } else if Value.self == NoOutput.self, let none = NoOutput() as? Value {
            self = .value(none)
        } else {
            self = .value(try container.decode(Value.self, forKey: .value))
        }
    }

    /// `{"value": …}` or `{"error": …}`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .value(let value): try container.encode(value, forKey: .value)
        case .failure(let failure): try container.encode(failure, forKey: .error)
        }
    }
}

/// How a step failed, for those who are told of it.
public struct WorkflowFailure: Codable, Sendable, Equatable {
    /// The workflow, `queue/id`.
    public var flow: String
    /// The number of the step, as `flows show` has it.
    public var step: String
    /// The job's name.
    public var job: String
    /// How it ended: `dead`, `discarded`, `expired`, `cancelled`.
    public var state: String
    /// The error's type, such as `MailerError`.
    public var type: String
    /// Its text, cut to 500 characters.
    public var message: String
}

/// Results of different types, in order: a JSON list.
public struct Results<each Value: Codable & Sendable>: Codable, Sendable {
    /// One a member.
    public let values: (repeat each Value)

    /// Puts them together.
    public init(_ value: repeat each Value) { values = (repeat each value) }

    /// Reads a list of exactly these.
    public init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        values = (repeat try Self.next(from: &list, as: (each Value).self))
    }

    private static func next<V: Codable>(
        from list: inout any UnkeyedDecodingContainer, as type: V.Type
    ) throws -> V {
        if type == NoOutput.self, let none = NoOutput() as? V {
            _ = try list.decodeNil()
            return none
        }
        return try list.decode(V.self)
    }

    /// Writes a list.
    public func encode(to encoder: any Encoder) throws {
        var list = encoder.unkeyedContainer()
        for value in repeat each values { try list.encode(value) }
    }
}
