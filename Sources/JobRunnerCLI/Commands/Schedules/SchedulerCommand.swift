internal import JobRunner

/// `jobrunner scheduler`: carries out schedules and runs no jobs.
enum SchedulerCommand {
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_QUEUES", default: nil, placeholder: "NAME",
        help: "Only the schedules of these queues, by commas or repeated; of all if unset.",
        repeats: true, read: .text)

    static let spec = CommandSpec(
        name: "scheduler", abstract: "Enqueue periodic jobs when they are due; run none.",
        discussion: """
            Every worker does this for its queues. Run it apart where workers have --no-scheduler, \
            or for queues that have no worker all the time. Any number of both may run: each tick \
            is enqueued once.

            TERM and INT stop it at once: there is nothing to finish. Exit codes: 0 stopped, \
            69 Redis was away for --exit-when-unreachable, 77 Redis refused, 78 configuration.
            """,
        options: [
            queues, WorkOptions.exitWhenUnreachable, WorkOptions.logFormat, WorkOptions.logLevel,
        ]
    ) { invocation in
        let log = WorkLog(
            LogWriter(invocation[WorkOptions.logFormat], level: invocation[WorkOptions.logLevel]))
        let patience = invocation.optional(WorkOptions.exitWhenUnreachable)
        let names = invocation.all(queues)
            .flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }.map(String.init)
        let end = SchedulerEnd()
        do {
            let url = try RedisURL(invocation[GlobalOptions.redisURL])
            for name in names { _ = try QueueName(name) }
            end.listen()
            let server = try await WorkCommand.look(url, invocation, log)
            let service = try SchedulerService(
                url: url, prefix: invocation[GlobalOptions.prefix],
                queues: names.isEmpty ? nil : names
            ) { event in
                log.note(event)
                if let patience, log.unreachableFor > patience { end.giveUp() }
            }
            end.start(service)
            log.write(
                .info, "scheduling", "",
                [
                    ("version", .text(JobRunner.version)),
                    ("queues", .text(names.isEmpty ? "all" : names.joined(separator: ","))),
                    ("redis", .text("\(url.displayAddress) \(server.version)")),
                    ("prefix", .text(invocation[GlobalOptions.prefix])),
                ])
            try await service.run()
            log.write(.info, "stopped")
            return end.exitCode
        } catch {
            throw CommandFailure(error)
        }
    }
}
