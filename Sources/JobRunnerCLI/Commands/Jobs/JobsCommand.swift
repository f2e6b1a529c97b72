internal import JobRunner

/// `jobrunner jobs`: what is known of single jobs.
enum JobsCommand {
    static let spec = CommandSpec(
        name: "jobs", aliases: ["j"],
        abstract: "Look at jobs, wait for them, move, cancel or pause them.",
        subcommands: [
            JobsGet.spec, JobsWait.spec, JobsCancel.spec, JobsReschedule.spec, JobsPause.pause,
            JobsPause.resume, JobsForget.spec,
        ])
}

extension ValueReader where Value == JobHandleID {
    /// `queue/id`, or an id alone for the queue `default`.
    static var handle: ValueReader<JobHandleID> {
        ValueReader(
            describe: "queue/id or id, each of 1 to 64 of A-Z a-z 0-9 . _ -",
            show: { $0.description }
        ) { text throws(InvalidValue) in
            guard let handle = try? JobHandleID(text) else { throw InvalidValue() }
            return handle
        }
    }
}
