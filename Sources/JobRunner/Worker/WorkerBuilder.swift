/// Collects what a worker can do, before it starts.
public struct WorkerBuilder: Sendable {
    package private(set) var handlers: [String: Handler] = [:]
    /// Names that were registered twice; an error when the worker starts.
    package private(set) var repeated: [String] = []

    /// Nothing registered yet.
    public init() {}

    /// Registers the handler of a kind of job.
    ///
    /// It runs in a task and must not block its thread: `handleBlocking` is for that. Its task
    /// is cancelled at the time limit, at the drain deadline and when the lease is lost. Throw
    /// a `JobError` to say what becomes of the job; any other error is a failed attempt.
    /// (Disfavoured, so that a closure of several statements without a value is not ambiguous.)
    @_disfavoredOverload
    public mutating func handle<J: Job>(
        _ type: J.Type,
        _ handler: @escaping @Sendable (_ job: J, _ context: JobContext) async throws -> J.Output
    ) {
        add(Handler(type, execution: .task, run: handler))
    }

    /// Registers the handler of a kind of job that returns nothing.
    public mutating func handle<J: Job>(
        _ type: J.Type,
        _ handler: @escaping @Sendable (_ job: J, _ context: JobContext) async throws -> Void
    ) where J.Output == NoOutput {
        add(
            Handler(type, execution: .task) { job, context in
                try await handler(job, context)
                return NoOutput()
            })
    }

    /// Registers a handler that blocks and returns nothing.
    public mutating func handleBlocking<J: Job>(
        _ type: J.Type,
        _ handler: @escaping @Sendable (_ job: J, _ context: JobContext) throws -> Void
    ) where J.Output == NoOutput {
        add(
            Handler(type, execution: .thread) { job, context in
                try await context.engine.threads.run { try handler(job, context) }
                return NoOutput()
            })
    }

    /// Registers a handler that blocks: it gets a thread, one a slot at most.
    @_disfavoredOverload
    public mutating func handleBlocking<J: Job>(
        _ type: J.Type,
        _ handler: @escaping @Sendable (_ job: J, _ context: JobContext) throws -> J.Output
    ) {
        add(
            Handler(type, execution: .thread) { job, context in
                try await context.engine.threads.run { try handler(job, context) }
            })
    }

    /// Registers a handler for a name that is known only at run time.
    package mutating func add(_ handler: Handler) {
        for name in [handler.name] + handler.aliases
        where handlers.updateValue(handler, forKey: name) != nil {
            repeated.append(name)
        }
    }
}
