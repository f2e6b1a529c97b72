/// What the commands of `jobrunner dead` have in common: which jobs they mean.
enum DeadOptions {
    static let ids = Argument(
        "id", help: "Which jobs: an id, a beginning that no other has, or queue/id.",
        required: false, repeats: true, read: .text)
    static let queues = Option(
        "queue", short: "q", env: "JOBRUNNER_DEAD_QUEUES", default: nil, placeholder: "NAME",
        help: "Only of this queue; of all when none is named.", repeats: true, read: .name)
    static let job = Option(
        "job", env: "JOBRUNNER_DEAD_JOB", default: nil, placeholder: "NAME",
        help: "Only jobs of this name.", read: .name)
    static let error = Option(
        "error", env: "JOBRUNNER_DEAD_ERROR", default: nil, placeholder: "TEXT",
        help: "Only with this text in the reason or in one of the last errors.", read: .text)
    static let all = Flag(
        "all", env: "JOBRUNNER_DEAD_ALL", help: "All that are dead, however many.")
    static let limit = Option(
        "limit", env: "JOBRUNNER_DEAD_LIMIT", default: nil, placeholder: "N", unit: "jobs",
        help: "At most so many, the newest of each queue first.", read: .int(1...1_000_000))
    static let force = Flag(
        "force", env: "JOBRUNNER_DEAD_FORCE",
        help: "Retry also what is not readable as a job, its bytes as they are.")
    static let file = Option(
        "file", env: "JOBRUNNER_DEAD_FILE", default: nil, placeholder: "FILE",
        help: "Write to this file, not to standard output; it is there when it is whole.",
        read: .path)

    static let selectors: [any AnyOption] = [queues, job, error, all, limit]
}

/// `jobrunner dead`: jobs that were given up.
enum DeadCommand {
    static let spec = CommandSpec(
        name: "dead", abstract: "Look at jobs that were given up, run them again, delete them.",
        subcommands: [
            DeadList.spec, DeadShow.spec, DeadTake.retry, DeadTake.delete, DeadExport.spec,
            DeadImport.spec,
        ])
}
