internal import FoundationEssentials

/// A job of a workflow, before it has a place in one.
package struct FlowJob: Sendable {
    package let name: String
    var version = 1
    /// JSON of a trusted encoder; what could not be encoded is an error when it is started.
    var arguments: Result<[UInt8], JobRunnerError>
    package var options: JobOptions
    /// What people call the step; nil is the job's name.
    package var label: String?
    /// It takes what the step before it returned.
    package var takesInput = false
    /// Its attempts were named: as many as the default are written, too, over the handler's own.
    package var namesAttempts = false
    /// What it takes instead, JSON.
    var input: Result<[UInt8], JobRunnerError>?

    init<J: Job>(_ job: J, queue: String?, label: String?) {
        name = J.name
        version = J.version
        arguments = Self.encode(job, J.name)
        options = J.options
        if let queue { options.queue = queue }
        self.label = label
        takesInput = J.Input.self != NoInput.self
    }

    /// A job known only at run time: whether it takes an input, its caller knows.
    package init(
        name: String, arguments: [UInt8], options: JobOptions, label: String?, takesInput: Bool
    ) {
        self.name = name
        self.arguments = .success(arguments)
        self.options = options
        self.label = label
        self.takesInput = takesInput
    }

    /// It asks for nothing but to be run.
    var isPlain: Bool { options.priority == 0 && options.fairBy == nil }

    static func encode(_ value: some Encodable, _ job: String) -> Result<[UInt8], JobRunnerError> {
        Result { [UInt8](try JSONEncoder().encode(value)) }
            .mapError { .unencodable(job: job, reason: encodingReason($0)) }
    }
}

/// What a group needs of its members.
package enum FlowRule: Sendable, Hashable, CustomStringConvertible {
    /// All done: the first failure is the group's, and the others are cancelled.
    case all
    /// All done; the result is that of its one member.
    case one
    /// All ended: failures are among the results.
    case each
    /// So many done: the others are cancelled.
    case some(Int)
    /// All that come while it is open; it fails when one did, once all have ended.
    case many

    /// The end of one member leads to nothing while others are waited for.
    var waitsForAll: Bool {
        switch self {
        case .all, .one, .each: true
        case .some, .many: false
        }
    }

    /// As `advance.lua` has it.
    package var description: String {
        switch self {
        case .all: "all"
        case .one: "one"
        case .each: "each"
        case .some(let count): "\(count)"
        case .many: "many"
        }
    }
}

/// A workflow as it is written down: jobs, one after another or beside each other.
package indirect enum FlowNode: Sendable {
    case job(FlowJob)
    case chain([FlowNode])
    case group([FlowNode], FlowRule)
    /// Jobs that start when the first one fails.
    case guarded(FlowNode, onFailure: [FlowJob])
    case graph([GraphStep], result: Int?)
}

/// A step that waits for others, named by their place in the list.
package struct GraphStep: Sendable {
    var job: FlowJob
    /// Steps before it, all of lower numbers.
    var after: [Int]
    var input: GraphInput?

    package init(job: FlowJob, after: [Int], input: GraphInput? = nil) {
        self.job = job
        self.after = after
        self.input = input
    }
}

/// What a step of a graph takes.
package enum GraphInput: Sendable {
    case value(of: Int)
    case list([Int])
    case object([(name: String, step: Int)])
}
