internal import RedisLink

extension Doctor {
    /// Gives back what is lost beyond doubt: jobs of workers that are gone, jobs in `landing`.
    ///
    /// Safe beside workers: a job moves in one script, and a worker that was only cut off has
    /// stopped its handlers long before. Nothing is deleted.
    ///
    /// - Returns: What was done, one sentence each.
    package func fix() async throws -> [String] {
        let now = try await client.serverTime()
        let names: [String]
        if let asked { names = asked } else { names = try await client.queueNames() }
        var done: [String] = []
        var sound: Set<String> = []
        for queue in try await vitals(of: names, now: now) where queue.foreign.isEmpty {
            let isOurs =
                queue.protocolVersion.map { $0 == QueueStore.protocolVersion } ?? true
            guard isOurs else { continue }
            sound.insert(queue.name)
            for worker in queue.lost(now: now) where isSure(of: worker, in: queue) {
                if let text = try await reap(
                    worker.id, queue.name, isSure: worker.since == nil)
                {
                    done.append(text)
                }
            }
            if !queue.isTended(now: now), queue.landing > 0 {
                let moved = try await drain(queue)
                done.append(
                    "moved \(Finding.jobs(moved)) of '\(queue.name)' from 'landing' to 'ready'")
            }
        }
        var search = OrphanSearch(client: client)
        try await search.run(queues: sound)
        for orphan in search.orphans {
            if let text = try await reap(orphan.worker, orphan.queue, isSure: false) {
                done.append(text)
            }
        }
        var strays = StraySearch(client: client)
        try await strays.run(queues: sound)
        for lost in strays.sortedLost { done.append(try await list(lost, now: now)) }
        return done
    }

    /// Tells the queue of a set of jobs that it does not know; one that is empty by then is struck
    /// from the list again by whoever looks for its jobs.
    private func list(_ lost: StraySearch.Lost, now: Int) async throws(RedisError) -> String {
        let keys = client.keys.queue(lost.queue)
        let index = lost.index == "parked" ? keys.parked : keys.blocked
        _ = try await client.router.connection(for: index)
            .send(Command("ZADD", index, "NX", "\(now)", lost.member)).orThrow()
        return "listed '\(lost.index):\(printable(lost.member))' of '\(lost.queue)' again, with "
            + Finding.jobs(lost.jobs)
    }

    /// After a restart of the server its workers may still be on their way back.
    private func isSure(of worker: QueueVitals.Worker, in queue: QueueVitals) -> Bool {
        if worker.since != nil { return true }
        guard let uptime = Int(info.fields["uptime_in_seconds"] ?? "") else { return false }
        return uptime * 1000 > queue.patience
    }

    private func reap(
        _ worker: String, _ queue: String, isSure: Bool
    ) async throws(RedisError) -> String? {
        let store = QueueStore(client.keys.queue(queue))
        let limit = max(5, WorkerOptions().poisonLimit + 2)
        var (given, buried) = (0, 0)
        var isFirst = true
        while true {
            // Once it is out of `workers` the script needs no word of ours.
            let call = store.reap(worker: worker, isSure: isSure && isFirst, crashes: limit)
            guard let reply = try await client.send(call) else { return nil }
            given += reply.given
            buried += reply.buried
            try await client.tell(reply.dead, .dead, .poison, store)
            isFirst = false
            if reply.left == 0 { break }
        }
        let dead = buried > 0 ? ", and buried \(buried) that were lost too often" : ""
        return "gave back \(Finding.jobs(given)) of \(printable(worker)) in '\(queue)'\(dead)"
    }

    /// As the upkeep does: the newest first, so that the oldest ends up at the fetch end.
    private func drain(_ queue: QueueVitals) async throws(RedisError) -> Int {
        let keys = queue.store.keys
        let connection = client.router.connection(for: keys.ready)
        var moved = 0
        while moved < queue.landing {
            let command = Command("LMOVE", keys.landing, keys.ready, "LEFT", "RIGHT")
            if try await connection.send(command).orThrow() == .null { break }
            moved += 1
        }
        return moved
    }
}
