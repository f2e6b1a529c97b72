internal import FoundationEssentials

/// The code for one name of job: takes the arguments' bytes, returns the output's.
package struct Handler: Sendable {
    /// Where a handler runs.
    package enum Execution: Sendable {
        /// In a task, on Swift's cooperative pool: it must not block.
        case task
        /// On a thread of its own: it may block.
        case thread
    }

    package let name: String
    package let options: JobOptions
    package let execution: Execution
    /// The newest version of arguments that it takes.
    package let version: Int
    /// Further names that it is registered under.
    package let aliases: [String]
    /// Decodes the arguments as a run would; nil when there is nothing to decode.
    package let check: (@Sendable (Envelope) throws -> Void)?
    /// A wait of the kind's own before the next attempt; nil for the options'.
    package let retryDelay: (@Sendable (any Error, _ attempt: Int) -> Duration?)?
    /// Runs a job; nil is no output.
    package let run: @Sendable (Envelope, JobContext) async throws -> [UInt8]?

    /// Redis is asked whether a job may start.
    var isLimited: Bool { options.rateLimit != nil || options.concurrencyLimit != nil }

    package init(
        name: String, options: JobOptions, execution: Execution = .task, version: Int = .max,
        aliases: [String] = [], check: (@Sendable (Envelope) throws -> Void)? = nil,
        retryDelay: (@Sendable (any Error, _ attempt: Int) -> Duration?)? = nil,
        run: @escaping @Sendable (Envelope, JobContext) async throws -> [UInt8]?
    ) {
        self.name = name
        self.options = options
        self.execution = execution
        self.version = version
        self.aliases = aliases
        self.check = check
        self.retryDelay = retryDelay
        self.run = run
    }

    /// A handler of a job type that takes nothing.
    init<J: Job>(
        _ type: J.Type, execution: Execution,
        run: @escaping @Sendable (J, JobContext) async throws -> J.Output
    ) {
        self.init(type, execution: execution) { job, _, context in try await run(job, context) }
    }

    /// A handler of a job type: arguments and input decoded, output encoded.
    init<J: Job>(
        _ type: J.Type, execution: Execution,
        run: @escaping @Sendable (J, J.Input, JobContext) async throws -> J.Output
    ) {
        self.init(
            name: J.name, options: J.options, execution: execution, version: J.version,
            aliases: J.aliases, check: { _ = try Self.decode(J.self, from: $0) },
            retryDelay: { J.retryDelay(after: $0, attempt: $1) }
        ) { envelope, context in
            let job = try Self.decode(J.self, from: envelope)
            let output = try await run(job, Self.input(of: J.self, from: envelope), context)
            if J.Output.self == NoOutput.self { return nil }
            do {
                return [UInt8](try encoder.encode(output))
            } catch {
                throw HandlerFault.unencodable(job: J.name, reason: encodingReason(error))
            }
        }
    }

    /// - Throws: `JobError.bury`: no further attempt would find another input.
    private static func input<J: Job>(of type: J.Type, from envelope: Envelope) throws -> J.Input {
        if J.Input.self == NoInput.self, let none = NoInput() as? J.Input { return none }
        guard let json = envelope.input else {
            throw JobError.bury("'\(J.name)' takes an input and was enqueued without one")
        }
        do {
            return try decoder.decode(J.Input.self, from: Data(json))
        } catch {
            throw JobError.bury(
                "what '\(J.name)' takes does not fit: \(decodingReason(error))")
        }
    }

    /// - Throws: `HandlerFault.undecodable`, or what an upgrade of older arguments throws.
    private static func decode<J: Job>(_ type: J.Type, from envelope: Envelope) throws -> J {
        do {
            guard envelope.version < J.version else {
                return try decoder.decode(J.self, from: envelope.argumentsData)
            }
            let old = try decoder.decode(JSONValue.self, from: envelope.argumentsData)
            let new = try J.upgrade(old, from: envelope.version)
            return try decoder.decode(J.self, from: encoder.encode(new))
        } catch let error as DecodingError {
            throw HandlerFault.undecodable(job: J.name, reason: decodingReason(error))
        }
    }
}

private let decoder = JSONDecoder()
private let encoder = JSONEncoder()

/// Why a value cannot be encoded, without the value.
package func encodingReason(_ error: any Error) -> String {
    guard case EncodingError.invalidValue(_, let context) = error else {
        return "\(type(of: error))"
    }
    let path = context.codingPath.map(\.stringValue).joined(separator: ".")
    return path.isEmpty ? "it has no JSON form" : "'\(printable(path))' has no JSON form"
}

/// A job that failed before or after its handler.
package enum HandlerFault: Error, CustomStringConvertible {
    case undecodable(job: String, reason: String)
    case unencodable(job: String, reason: String)
    case tooLarge(job: String, bytes: Int, limit: Int)
    case outOfTime(Duration)
    case stuck(Duration)

    /// The text that is kept with the job: names and paths, never a value.
    package var description: String {
        switch self {
        case .undecodable(let job, let reason): "args of '\(job)': \(reason)"
        case .unencodable(let job, let reason): "result of '\(job)' cannot be stored: \(reason)"
        case .tooLarge(let job, let bytes, let limit):
            "result of '\(job)' cannot be stored: \(grouped(bytes)) bytes, limit \(grouped(limit))"
        case .outOfTime(let limit): "ran longer than \(limit); cancelled"
        case .stuck(let limit): "ran longer than \(limit); did not stop when cancelled"
        }
    }
}
