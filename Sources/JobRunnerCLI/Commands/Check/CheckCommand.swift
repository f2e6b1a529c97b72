internal import JobRunner

/// `myapp check`: whether this binary could take over what waits, before it is deployed.
enum CheckCommand {
    static let backlog = Flag(
        "backlog", env: "JOBRUNNER_CHECK_BACKLOG",
        help: "Decode a sample of the jobs that wait as this binary's handlers would.")
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_CHECK_QUEUES", default: nil, placeholder: "NAME",
        help: "Only this queue; every one that was ever used if unset.", repeats: true, read: .name)
    static let sample = Option(
        "sample", env: "JOBRUNNER_CHECK_SAMPLE", default: 1000, placeholder: "N", unit: "jobs",
        help: "Most jobs of a queue to look at: ready, scheduled, and of each parked kind.",
        read: .int(1...100_000))
    static let allowUnknown = Flag(
        "allow-unknown", env: "JOBRUNNER_CHECK_ALLOW_UNKNOWN",
        help: "Names without a handler here are fine: another app's workers have them.")

    static func spec(register: @escaping Registration) -> CommandSpec {
        CommandSpec(
            name: "check", abstract: "Check that this binary could run the jobs that wait.",
            discussion: """
                Without --backlog it registers the handlers and lists them. With it, jobs that \
                wait are decoded and none is run or changed: a name or a newer version that no \
                handler here knows would be parked, arguments that do not decode would fail.

                Exit codes: 0 all would run, 1 some would not, 69 Redis is away, 78 the handlers \
                could not be registered.
                """,
            options: [
                backlog, queues, sample, allowUnknown, WorkOptions.handlers, OutputFormat.option,
            ]
        ) { invocation in
            var builder = WorkerBuilder()
            do {
                try await register(&builder)
            } catch {
                throw CommandFailure(
                    "the app could not register its handlers: \(error)", exit: .configuration)
            }
            if let directory = invocation.optional(WorkOptions.handlers) {
                do {
                    try ProgramHandlers(
                        directory: directory, concurrency: 1,
                        environment: invocation.environment, passing: []
                    ) { _ in }.register(on: &builder, timeLimit: nil)
                } catch {
                    throw CommandFailure("\(error)", exit: .configuration)
                }
            }
            if let name = builder.repeated.first {
                throw CommandFailure(
                    "two handlers are registered for '\(escaped(name))'", exit: .configuration)
            }
            return invocation[backlog]
                ? try await check(invocation, builder) : list(invocation, builder)
        }
    }

    private static func list(_ invocation: Invocation, _ builder: WorkerBuilder) -> ExitCode {
        let names = builder.handlers.keys.sorted()
        if invocation[OutputFormat.option].isJSON {
            var object = JSONObject.versioned
            let texts = names.map { TerminalJSON.string($0) }
            object.set("handlers", raw: "[" + texts.joined(separator: ",") + "]")
            invocation.console.print(object.text)
        } else if names.isEmpty {
            invocation.console.print("no handlers")
        } else {
            for name in names { invocation.console.print(name) }
        }
        return .success
    }

    private static func check(_ invocation: Invocation, _ builder: WorkerBuilder) async throws
        -> ExitCode
    {
        let session = try await Session.open(invocation)
        defer { session.client.close() }
        let names = invocation.all(queues)
        do { try await QueuesCommand.check(names, session.client) } catch {
            throw CommandFailure(error)
        }
        let report: BacklogReport
        do throws(RedisError) {
            report = try await session.client.checkBacklog(
                names.isEmpty ? nil : names, handlers: builder.handlers,
                sample: invocation[sample])
        } catch {
            throw CommandFailure(error)
        }
        let findings = report.findings.filter {
            !(invocation[allowUnknown] && $0.problem == .unknownName)
        }
        if invocation[OutputFormat.option].isJSON {
            invocation.console.print(object(report, findings).text)
        } else {
            for finding in findings { invocation.console.print(line(finding)) }
            let broken = findings.reduce(0) { $0 + $1.jobs }
            invocation.console.print(
                "\(broken) of \(report.sampled) sampled jobs would not run; \(report.waiting) wait")
        }
        return findings.isEmpty ? .success : .no
    }

    private static func line(_ finding: BacklogReport.Finding) -> String {
        let kind = finding.kind.isEmpty ? "no job" : finding.kind
        let example = finding.example.isEmpty ? "" : " (such as \(finding.example))"
        return "\(finding.queue): \(kind): \(finding.jobs) \(text(finding.problem))\(example)"
    }

    private static func text(_ problem: BacklogReport.Problem) -> String {
        switch problem {
        case .unknownName: "would be parked: no handler of that name"
        case .newer(let known): "would be parked: the handler knows up to version \(known)"
        case .undecodable(let reason): "would fail: \(escaped(reason, limit: 300))"
        case .unreadable(let reason): "would be buried: \(escaped(reason, limit: 300))"
        }
    }

    private static func object(
        _ report: BacklogReport, _ findings: [BacklogReport.Finding]
    ) -> JSONObject {
        var object = JSONObject.versioned
        object.set("sampled", report.sampled)
        object.set("waiting", report.waiting)
        let texts = findings.map { finding in
            var object = JSONObject()
            object.set("queue", finding.queue)
            object.set("kind", finding.kind)
            object.set("jobs", finding.jobs)
            object.set("problem", text(finding.problem))
            object.set("example", finding.example)
            return object.text
        }
        object.set("findings", raw: "[" + texts.joined(separator: ",") + "]")
        return object
    }
}
