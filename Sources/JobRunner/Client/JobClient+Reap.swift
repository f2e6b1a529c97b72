internal import RedisLink

extension JobClient {
    /// Gives back the jobs of a worker in one queue, by the word of somebody who knows that it is
    /// dead: at once, not after the visibility timeout.
    ///
    /// All its lives at once: a worker that lost its lease goes on under another id. Each is in
    /// `workers` or in `reaping` for as long as it holds a job. Cost: O(workers of the queue).
    ///
    /// - Parameters:
    ///   - worker: The id it had first.
    ///   - isCounted: What it ran may have brought it down.
    ///   - poisonLimit: As the workers'.
    /// - Returns: Jobs that were given back, and jobs that were buried.
    /// - Throws: `RedisError`; what was not given back is so by a sweep of others. May be repeated.
    package func reap(
        worker: String, queue: String, isCounted: Bool, poisonLimit: Int
    ) async throws(RedisError) -> (given: Int, buried: Int) {
        Failpoint.reapingDead.pass()
        let store = QueueStore(keys.queue(queue))
        let connection = router.connection(for: store.keys.ready)
        var lives = Set<String>()
        for key in [store.keys.workers, store.keys.reaping] {
            for id in try await connection.send(store.members(of: key))
            where WorkerIdentity.first(of: id) == worker { lives.insert(id) }
        }
        var sum = (given: 0, buried: 0)
        for life in lives {
            // Twice the limit workers go by: see `reap.lua`.
            let call = store.reap(
                worker: life, isSure: true, crashes: isCounted ? max(5, poisonLimit + 2) : 0)
            while let counts = try await connection.send(call) {
                sum.given += counts.given
                sum.buried += counts.buried
                try await tell(counts.dead, .dead, .poison, store)
                if counts.left == 0 { break }
            }
        }
        var counts = Counts()
        counts.reaped = sum.given
        counts.buried = sum.buried
        let minute = WallClock.milliseconds() / 60_000
        if let command = store.count(counts.fields, waiting: nil, minute: minute) {
            _ = try? await connection.send(command)
        }
        return sum
    }

    /// Tells who waits for jobs that a script took away; may be called again.
    ///
    /// - Throws: `RedisError`; a full server keeps no outcomes, which is none.
    func tell(
        _ jobs: [[UInt8]], _ state: JobOutcome.State, _ failure: JobFailure, _ store: QueueStore
    ) async throws(RedisError) {
        let connection = router.connection(for: store.keys.ready)
        for job in jobs {
            try await end(job, in: store.keys.name, state, failure)
            for command in store.afterlife(of: job, state, failure) {
                do throws(RedisError) { _ = try await connection.send(command) } catch {
                    guard case .server(let refusal) = error, refusal.code == .OOM else {
                        throw error
                    }
                }
            }
        }
    }

    /// Removes what a dead worker said of itself, which `stats` would show until it lapses.
    ///
    /// - Throws: `RedisError`.
    package func forget(worker: String) async throws(RedisError) {
        let key = keys.worker(worker)
        _ = try await router.connection(for: key).send(Command("DEL", key))
    }
}
