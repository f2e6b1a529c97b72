internal import RedisLink

extension JobClient {
    /// Writes an outcome for those who wait for a job that another took the place of.
    ///
    /// Lost it is missed by them alone.
    func note(replaced other: String, by draft: Draft) {
        let now = WallClock.milliseconds()
        let json = JobOutcome.ended(
            .cancelled,
            JobFailure(type: "Replaced", message: "job \(draft.job.id) took its place"),
            attempt: 1, started: now, finished: now)
        let key = keys.queue(draft.queue).result(other)
        var words = Arguments()
        for word in ["SET", key] { words.append(word) }
        words.append(json)
        for word in ["NX", "PX", "\(JobOptions().keepResult.milliseconds)"] { words.append(word) }
        router.connection(for: key).submit(Command(name: "SET", words)) { _ in }
    }
}
