/// Collects what a worker can do, before it starts.
public struct WorkerBuilder: Sendable {
    package private(set) var handlers: [String: Handler] = [:]
    /// Names that were registered twice; an error when the worker starts.
    package private(set) var repeated: [String] = []
    /// What is to be enqueued again and again, in the order it was said.
    package private(set) var schedules: [DeclaredSchedule] = []
    /// Schedules whose arguments have no JSON form; an error when the worker starts.
    private var unencodable: [any Error] = []

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

    /// Registers the handler of a kind of job that takes what the step before it returned.
    @_disfavoredOverload
    public mutating func handle<J: Job>(
        _ type: J.Type,
        _ handler:
            @escaping @Sendable (_ job: J, _ input: J.Input, _ context: JobContext)
            async throws -> J.Output
    ) {
        add(Handler(type, execution: .task, run: handler))
    }

    /// Registers the handler of a kind of job that takes something and returns nothing.
    public mutating func handle<J: Job>(
        _ type: J.Type,
        _ handler:
            @escaping @Sendable (_ job: J, _ input: J.Input, _ context: JobContext)
            async throws -> Void
    ) where J.Output == NoOutput {
        add(
            Handler(type, execution: .task) { job, input, context in
                try await handler(job, input, context)
                return NoOutput()
            })
    }

    /// Registers a handler that blocks, and takes what the step before it returned.
    public mutating func handleBlocking<J: Job>(
        _ type: J.Type,
        _ handler:
            @escaping @Sendable (_ job: J, _ input: J.Input, _ context: JobContext)
            throws -> J.Output
    ) {
        add(
            Handler(type, execution: .thread) { job, input, context in
                try await context.engine.threads.run { try handler(job, input, context) }
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

    // MARK: Periodic jobs

    /// Enqueues a job every so often, 1 s to 366 days apart.
    ///
    ///     worker.every(.seconds(30), Cleanup())
    ///
    /// Kept in Redis when the worker starts, for all of them: each tick is enqueued once, however
    /// many processes say so. What is wrong with it is an error of the worker's start.
    ///
    /// - Parameters:
    ///   - offset: Moves the grid, which is counted from 1970; less than the interval.
    ///   - jitter: Each tick is put off by up to this, the same time in every process.
    ///   - name: The job's unless given; two schedules of one job need names.
    ///   - queue: Instead of the one of the job's options.
    ///   - missed: What becomes of ticks while no process runs.
    ///   - overlap: What a tick does while an earlier one's job waits or runs.
    public mutating func every<J: Job>(
        _ interval: Duration, offset: Duration = .zero, jitter: Duration = .zero,
        name: String? = nil, queue: String? = nil, missed: Schedule.Missed = .once,
        overlap: Schedule.Overlap = .allow, _ job: J
    ) {
        declare {
            try Schedule(
                .every(interval, offset: offset), job, name: name, queue: queue, jitter: jitter,
                missed: missed, overlap: overlap)
        }
    }

    /// Enqueues a job at the times of a cron expression.
    ///
    ///     worker.cron("0 3 * * *", timeZone: "Europe/London", NightlyReport())
    ///
    /// - Parameters:
    ///   - expression: Minute, hour, day of the month, month, day of the week; or `@daily` and the
    ///     like.
    ///   - timeZone: Whose clock it is, as `Europe/London`.
    ///   - jitter, name, queue, missed, overlap: As of `every`.
    public mutating func cron<J: Job>(
        _ expression: String, timeZone: String = "UTC", jitter: Duration = .zero,
        name: String? = nil, queue: String? = nil, missed: Schedule.Missed = .once,
        overlap: Schedule.Overlap = .allow, _ job: J
    ) {
        declare {
            try Schedule(
                .cron(expression, timeZone: timeZone), job, name: name, queue: queue,
                jitter: jitter, missed: missed, overlap: overlap)
        }
    }

    /// Keeps a schedule that is known only at run time, when the worker starts.
    public mutating func schedule(_ schedule: Schedule) {
        declare(schedule, source: .code)
    }

    /// - Parameter isEnabled: What a file says of it; nil leaves a pause as it is.
    package mutating func declare(
        _ schedule: Schedule, source: Schedule.Source, isEnabled: Bool? = nil
    ) {
        schedules.append(
            DeclaredSchedule(schedule: schedule, source: source, isEnabled: isEnabled))
    }

    private mutating func declare(_ make: () throws -> Schedule) {
        do { schedule(try make()) } catch { unencodable.append(error) }
    }

    /// Looks at all schedules.
    ///
    /// - Throws: The first thing that is wrong with one: `ScheduleError`, or
    ///   `JobRunnerError.unencodable`.
    package func checkSchedules() throws {
        if let error = unencodable.first { throw error }
        var names = Set<String>()
        for schedule in schedules.map(\.schedule) {
            try schedule.check()
            guard names.insert(schedule.name).inserted else {
                throw ScheduleError(
                    "two schedules are named '\(printable(schedule.name))'; give each a name")
            }
        }
    }
}

/// A schedule that is kept when a worker starts.
package struct DeclaredSchedule: Sendable {
    package var schedule: Schedule
    package var source: Schedule.Source
    /// What a file says of it; nil leaves a pause as it is.
    package var isEnabled: Bool?
}
