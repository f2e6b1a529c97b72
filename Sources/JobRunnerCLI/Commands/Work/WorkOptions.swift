internal import JobRunner

/// The options of `work`, and what they add up to.
enum WorkOptions {
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_QUEUES", default: "default",
        placeholder: "NAME[=WEIGHT]",
        help:
            "Queues, by commas or repeated: the first is always asked first, or by weight (1-100).",
        repeats: true, read: .text)
    static let concurrency = Option(
        "concurrency", short: "c", env: "JOBRUNNER_CONCURRENCY", default: 10...10,
        placeholder: "N[..MAX]", unit: "jobs",
        help: "Jobs at the same time; 2..8 opens as many slots as help while jobs wait.",
        read: .span(1...1024))
    static let visibilityTimeout = Option(
        "visibility-timeout", env: "JOBRUNNER_VISIBILITY_TIMEOUT", default: .seconds(30),
        placeholder: "DURATION",
        help: "How long a dead worker's jobs wait; the same for all workers of a queue.",
        read: .duration(.seconds(3) ... .seconds(3600)))
    static let drainTimeout = Option(
        "drain-timeout", env: "JOBRUNNER_DRAIN_TIMEOUT", default: .seconds(25),
        placeholder: "DURATION",
        help: "How long running jobs may go on after TERM; then they have 2s to clean up.",
        read: .duration(.zero ... .seconds(86_400)))
    static let stuckAfter = Option(
        "stuck-after", env: "JOBRUNNER_STUCK_AFTER", default: .seconds(10),
        placeholder: "DURATION",
        help: "Report a handler that goes on so long after it was cancelled.",
        read: .duration(.milliseconds(10) ... .seconds(86_400)))
    static let exitWhenStuck = Option(
        "exit-when-stuck", env: "JOBRUNNER_EXIT_WHEN_STUCK", default: .seconds(30),
        placeholder: "DURATION",
        help:
            "Then wait so long and exit with 75; 0s is never. With --processes at once, if unset.",
        read: .duration(.zero ... .seconds(86_400)))
    static let processes = Option<Int>(
        "processes", env: "JOBRUNNER_PROCESSES", default: nil, placeholder: "N",
        help: "Start so many such workers, each with its slots, and keep them running.",
        read: .int(1...64))
    static let maxJobsPerChild = Option<Int>(
        "max-jobs-per-child", env: "JOBRUNNER_MAX_JOBS_PER_CHILD", default: nil, placeholder: "N",
        unit: "jobs",
        help: "With --processes: replace a process that has run so many.",
        read: .int(1...1_000_000_000))
    static let maxMemoryPerChild = Option<Int>(
        "max-memory-per-child", env: "JOBRUNNER_MAX_MEMORY_PER_CHILD", default: nil,
        placeholder: "SIZE",
        help: "With --processes: replace a process that holds more resident memory.",
        read: .size(1 << 20...1 << 40))
    static let parkedAge = Option(
        "parked-age", env: "JOBRUNNER_PARKED_AGE", default: .seconds(7 * 86_400),
        placeholder: "DURATION",
        help: "Bury a job of a name or version that no worker knows after this.",
        read: .duration(.seconds(1) ... .seconds(365 * 86_400)))
    static let moveBlocking = Flag(
        "move-blocking", env: "JOBRUNNER_MOVE_BLOCKING",
        help: "Run Swift handlers that block the thread pool on threads from then on.")
    static let handlers = Option<String>(
        "handlers", env: "JOBRUNNER_HANDLERS", default: nil, placeholder: "DIR",
        help: "Run the executable of this directory that is named after the job.", read: .path)
    static let passedVariables = Option<String>(
        "pass-env", env: "JOBRUNNER_PASS_ENV", default: nil, placeholder: "NAME",
        help: "A variable that programs of --handlers get too.", repeats: true, read: .text)
    static let programTimeLimit = Option<Duration>(
        "program-time-limit", env: "JOBRUNNER_PROGRAM_TIME_LIMIT", default: nil,
        placeholder: "DURATION",
        help: "Kill a program of --handlers after this; no limit if unset.",
        read: .duration(.milliseconds(1) ... .seconds(30 * 86_400)))
    static let schedule = Option<String>(
        "schedule", env: "JOBRUNNER_SCHEDULE", default: nil, placeholder: "FILE",
        help: "Make these schedules, from a file such as jobrunner.schedule.json, at the start.",
        read: .path)
    static let noScheduler = Flag(
        "no-scheduler", env: "JOBRUNNER_NO_SCHEDULER",
        help: "Leave the ticks of schedules to other workers, or 'jobrunner scheduler'.")
    static let app = Option<String>(
        "app", env: "JOBRUNNER_APP", default: nil, placeholder: "PATH",
        help: "Execute this app's own 'work' with the same options instead.", read: .path)
    static let maxJobSize = Option(
        "max-job-size", env: "JOBRUNNER_MAX_JOB_SIZE", default: 65_536, placeholder: "SIZE",
        help: "Largest job; the same for producers and workers.", read: .size(1024...16 << 20))
    static let allowEviction = Flag(
        "allow-eviction", env: "JOBRUNNER_ALLOW_EVICTION",
        help: "Use Redis although it may evict jobs (maxmemory-policy).")
    static let exitWhenUnreachable = Option<Duration>(
        "exit-when-unreachable", env: "JOBRUNNER_EXIT_WHEN_UNREACHABLE", default: nil,
        placeholder: "DURATION",
        help: "Exit with 69 when Redis is away for so long; never if unset.",
        read: .duration(.seconds(1) ... .seconds(86_400)))
    static let logFormat = Option(
        "log-format", env: "JOBRUNNER_LOG_FORMAT", default: LogFormat.auto, placeholder: "FORMAT",
        help: "text, json, or auto: text on a terminal, JSON elsewhere.", read: .choice())
    static let logLevel = Option(
        "log-level", env: "JOBRUNNER_LOG_LEVEL", default: LogLevel.info, placeholder: "LEVEL",
        help: "Least severe lines to write.", read: .choice())

    static let all: [any AnyOption] = [
        queues, concurrency, processes, maxJobsPerChild, maxMemoryPerChild, visibilityTimeout,
        drainTimeout, stuckAfter, exitWhenStuck, parkedAge, moveBlocking, handlers, passedVariables,
        programTimeLimit, schedule, noScheduler, app, maxJobSize, allowEviction,
        exitWhenUnreachable, logFormat, logLevel,
    ]

    /// The worker's options.
    ///
    /// - Parameter isChild: Of a supervisor, which replaces it when it is stuck: unless told
    ///   otherwise it does not wait before it says so.
    /// - Throws: `CommandFailure` with exit code 64 for a bad queue, 78 when a variable named it.
    static func worker(_ invocation: Invocation, isChild: Bool = false) throws -> WorkerOptions {
        var options = WorkerOptions()
        let slots = invocation[concurrency]
        options.concurrency = slots.lowerBound
        options.maxConcurrency = slots.count > 1 ? slots.upperBound : nil
        options.memoryLimit = invocation.optional(maxMemoryPerChild)
        options.visibilityTimeout = invocation[visibilityTimeout]
        options.drainTimeout = invocation[drainTimeout]
        options.parkedAge = invocation[parkedAge]
        options.movesBlocking = invocation[moveBlocking]
        options.stuckAfter = invocation[stuckAfter]
        options.exitWhenStuck =
            invocation[exitWhenStuck] == .zero ? nil : invocation[exitWhenStuck]
        if isChild, invocation.origin(of: exitWhenStuck) == .default {
            options.exitWhenStuck = .zero
        }
        options.maxJobBytes = invocation[maxJobSize]
        options.runsSchedules = !invocation[noScheduler]
        return try withQueues(options, invocation)
    }

    /// The queues that were named, and a look at the whole.
    ///
    /// - Throws: As `worker`.
    static func withQueues(_ worker: WorkerOptions, _ invocation: Invocation) throws
        -> WorkerOptions
    {
        var options = worker
        do {
            options.queues = try invocation.all(queues)
                .flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
                .map { try queue(String($0)) }
            try options.check()
        } catch {
            let isVariable = invocation.origin(of: queues) == .environment
            throw CommandFailure(
                "\(error)", hint: "See '\(invocation.executable) work --help'.",
                exit: isVariable ? .configuration : .usage)
        }
        return options
    }

    /// A number of slots, or the fewest and the most, as logs have it.
    static func shown(_ slots: ClosedRange<Int>) -> LogLine.Value {
        slots.count == 1 ? .number(slots.lowerBound) : .text(concurrency.reader.show(slots))
    }

    /// How many processes to start; nil when this one is to work.
    ///
    /// - Throws: `CommandFailure` for options that only mean something with several.
    static func supervised(_ invocation: Invocation) throws -> Int? {
        if let count = invocation.optional(processes) {
            if invocation.optional(maxMemoryPerChild) != nil, ProcessMemory.resident() == 0 {
                throw CommandFailure(
                    "--max-memory-per-child: this system does not say what a process holds",
                    exit: .usage)
            }
            return count
        }
        for option in [maxJobsPerChild, maxMemoryPerChild]
        where invocation.optional(option) != nil {
            throw CommandFailure(
                "\(invocation.variable(of: option) ?? option.info.name) needs --processes",
                hint: "One process has nobody to replace it: use --processes 1.", exit: .usage)
        }
        return nil
    }

    /// `mail`, or `mail=5`.
    private static func queue(_ text: String) throws -> WorkerOptions.Queue {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard parts.count == 2 else { return WorkerOptions.Queue(name) }
        guard let weight = Int(parts[1]), (1...100).contains(weight) else {
            throw JobRunnerError.invalid(
                "the weight of queue '\(escaped(name))' must be 1 to 100, "
                    + "got '\(escaped(parts[1]))'"
            )
        }
        return WorkerOptions.Queue(name, weight: weight)
    }
}

/// How log lines look.
enum LogFormat: String, CaseIterable, Sendable {
    case auto
    case text
    case json
}
