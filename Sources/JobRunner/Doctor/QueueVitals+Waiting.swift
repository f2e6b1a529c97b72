/// What waits in a queue for somebody who is not there.
extension QueueVitals {
    /// Ticks are carried out within a second or two; this is no hiccup any more, ms.
    private static let tickPatience = 60_000

    /// Whether a worker has a lease here, as far as anybody can tell.
    private var hasWorker: Bool {
        workers.contains { $0.since == nil && !silent.contains($0.id) }
    }

    /// Jobs without a worker.
    func unattended(now: Int) -> [Finding] {
        let count = ready + scheduled
        guard count > 0, !hasWorker else { return [] }
        return [
            Finding(
                .warn, "waiting", queue: name,
                "\(Finding.jobs(count)) \(count == 1 ? "waits" : "wait"), and no worker has this "
                    + "queue",
                remedy: "start one: jobrunner work -q \(name)")
        ]
    }

    /// Schedules that nobody carries out.
    func late(now: Int, format: (Int) -> String) -> [Finding] {
        let late = ticks.filter { now - $0.due > Self.tickPatience }
        guard let first = late.first else { return [] }
        let more = late.count > 1 ? " and \(late.count - 1) more" : ""
        let remedy =
            hasWorker
            ? "jobrunner schedules show \(printable(first.schedule)); its job may not be done yet, "
                + "or the workers run with --no-scheduler: start jobrunner scheduler"
            : "start one: jobrunner work -q \(name), or jobrunner scheduler"
        return [
            Finding(
                .warn, "schedules", queue: name,
                "\(printable(first.schedule))\(more): due since \(format(first.due)), and no "
                    + "process has enqueued the job",
                remedy: remedy)
        ]
    }
}
