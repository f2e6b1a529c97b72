internal import JobRunner

/// The options of `dev`: its own, and those it hands on to its worker.
enum DevOptions {
    static let directory = Option(
        "directory", short: "d", env: "JOBRUNNER_DEV_DIRECTORY", default: ".jobrunner",
        placeholder: "DIR", help: "Where Redis keeps its data; made if it is not there.",
        read: .path)
    static let port = Option<Int>(
        "port", env: "JOBRUNNER_DEV_PORT", default: nil, placeholder: "PORT",
        help: "Let Redis listen on this port of 127.0.0.1 too; else on a Unix socket alone.",
        read: .int(1...65_535))
    static let interval = Option(
        "interval", env: "JOBRUNNER_DEV_INTERVAL", default: .seconds(1), placeholder: "DURATION",
        help: "From one look at the queues to the next.",
        read: .duration(.milliseconds(200) ... .seconds(3600)))

    static let all: [any AnyOption] =
        [directory, port, interval] + [
            WorkOptions.queues, WorkOptions.concurrency, WorkOptions.visibilityTimeout,
            WorkOptions.drainTimeout, WorkOptions.stuckAfter, WorkOptions.exitWhenStuck,
            WorkOptions.parkedAge, WorkOptions.moveBlocking, WorkOptions.handlers,
            WorkOptions.passedVariables,
            WorkOptions.programTimeLimit, WorkOptions.schedule, WorkOptions.app,
            WorkOptions.maxJobSize,
            WorkOptions.logFormat,
            WorkOptions.logLevel,
        ]

    /// The worker's command line: what was typed here.
    ///
    /// What a variable says, it inherits.
    static func work(_ invocation: Invocation) -> [String] {
        var words = ["work"]
        words += given(WorkOptions.queues, invocation)
        words += given(WorkOptions.concurrency, invocation)
        words += given(WorkOptions.visibilityTimeout, invocation)
        words += given(WorkOptions.drainTimeout, invocation)
        words += given(WorkOptions.stuckAfter, invocation)
        words += given(WorkOptions.exitWhenStuck, invocation)
        words += given(WorkOptions.parkedAge, invocation)
        if invocation[WorkOptions.moveBlocking] { words.append("--move-blocking") }
        words += given(WorkOptions.handlers, invocation)
        words += given(WorkOptions.passedVariables, invocation)
        words += given(WorkOptions.programTimeLimit, invocation)
        words += given(WorkOptions.schedule, invocation)
        words += given(WorkOptions.app, invocation)
        words += given(WorkOptions.maxJobSize, invocation)
        words += given(WorkOptions.logLevel, invocation)
        words += given(GlobalOptions.prefix, invocation)
        // Its log is a file, but people read it.
        words +=
            invocation.origin(of: WorkOptions.logFormat) == .default
            ? ["--log-format=text"] : given(WorkOptions.logFormat, invocation)
        return words
    }

    private static func given<V>(_ option: Option<V>, _ invocation: Invocation) -> [String] {
        guard invocation.origin(of: option) == .flag else { return [] }
        return invocation.all(option).map { "\(option.info.name)=\(option.reader.show($0))" }
    }
}
