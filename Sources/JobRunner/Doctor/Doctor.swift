package import RedisLink

/// Looks for what keeps jobs from running, or could lose them; mends what is safe to mend.
package struct Doctor: Sendable {
    let client: JobClient
    let info: ServerInfo
    /// The queues that were asked for; nil is all that were ever used.
    let asked: [String]?

    package init(client: JobClient, info: ServerInfo, queues: [String]?) {
        self.client = client
        self.info = info
        asked = queues.map { Set($0).sorted() }
    }

    /// Everything there is to say, in the order of the checks.
    ///
    /// A check that this user may not do says so.
    ///
    /// Costs about 60 small commands, some 50 a queue, two SCANs of at most 200,000 keys, and
    /// two small commands for each key of a queue among these.
    ///
    /// - Parameter format: Writes a time, ms since 1970.
    /// - Throws: `RedisError` when Redis is away.
    package func examine(
        url: RedisURL, isRoot: Bool, format: (Int) -> String
    ) async throws -> [Finding] {
        var found = ServerChecks(info).all
        found += [HostChecks.login(url), HostChecks.user(isRoot: isRoot)]
        var now = WallClock.milliseconds()
        found += try await guarded("clock") {
            now = try await client.serverTime()
            let here = WallClock.milliseconds()
            return [HostChecks.clock(server: now, here: here, format: format)]
        }
        var names: [String]?
        let unlisted = try await guarded("queues") {
            if let asked { names = asked } else { names = try await client.queueNames() }
            return []
        }
        found += try await guarded("rights") {
            let queue = names?.first ?? QueueName.default.description
            return [try await client.examineRights(queue: queue)]
        }
        guard let names else { return found + unlisted }
        return found + (try await examineQueues(names, now: now, format: format))
    }

    private func examineQueues(
        _ names: [String], now: Int, format: (Int) -> String
    ) async throws -> [Finding] {
        var sound = names
        var found = try await guarded("keys") {
            let vitals = try await vitals(of: names, now: now)
            sound = vitals.filter { $0.foreign.isEmpty }.map(\.name)
            return vitals.flatMap { $0.findings(now: now, format: format) }
        }
        found += try await guarded("workers") {
            try await examineWork(sound, now: now, format: format)
        }
        found += try await guarded("parked") { try await examineParked(sound) }
        found += try await guarded("active") { try await examineOrphans(sound) }
        found += try await guarded("strays") { try await examineStrays(sound) }
        if !found.contains(where: { $0.verdict != .ok }) {
            let text = names.isEmpty ? "none was ever used" : "\(names.count) in order"
            found.append(Finding(.ok, "queues", text))
        }
        return found
    }

    // MARK: Steps

    func vitals(of names: [String], now: Int) async throws(RedisError) -> [QueueVitals] {
        let pipeline = Pipeline(router: client.router)
        var vitals = names.map { QueueVitals(QueueStore(client.keys.queue($0))) }
        var types = try await pipeline.replies(to: vitals.flatMap(\.readsOfTypes))[...]
        for index in vitals.indices {
            let count = vitals[index].readsOfTypes.count
            vitals[index].takeTypes(types.prefix(count))
            types = types.dropFirst(count)
        }
        var replies = try await pipeline.replies(to: vitals.flatMap(\.reads))[...]
        for index in vitals.indices {
            let count = vitals[index].reads.count
            vitals[index].take(replies.prefix(count))
            replies = replies.dropFirst(count)
        }
        for index in vitals.indices where !vitals[index].isTended(now: now) {
            let ids = vitals[index].workers.map(\.id)
            let words = try await pipeline.replies(
                to: ids.map { id in
                    Pipeline.Read("EXISTS", client.keys.worker(WorkerIdentity.first(of: id)))
                })
            for (id, word) in zip(ids, words) where word.integer == 0 {
                vitals[index].silent.insert(id)
            }
        }
        return vitals
    }

    /// What `stats` tells.
    private func examineWork(
        _ names: [String], now: Int, format: (Int) -> String
    ) async throws -> [Finding] {
        guard !names.isEmpty else { return [] }
        var found: [Finding] = []
        let stats = try await client.stats(queues: names)
        for queue in stats.queues where !queue.isKnown {
            found.append(
                Finding(
                    .warn, "queues", queue: queue.name, "it has never been used",
                    remedy: "see jobrunner stats for the names"))
        }
        for queue in stats.queues {
            for fault in queue.faults {
                found.append(Finding(.skipped, "keys", queue: queue.name, fault))
            }
        }
        return found + WorkChecks.closedLimits(stats, now: now, format: format)
            + WorkChecks.findings(stats)
    }

    private func examineParked(_ names: [String]) async throws -> [Finding] {
        var found: [Finding] = []
        for parked in try await client.parked(in: names) where parked.workers.isEmpty {
            found.append(
                Finding(
                    .warn, "parked", queue: parked.queue,
                    "\(Finding.jobs(parked.count)) of \(parked.kind), which no live worker knows",
                    remedy: "start a worker that knows it, or run: jobrunner parked discard "
                        + "\(parked.kind) -q \(parked.queue)"))
        }
        return found
    }

    private func examineOrphans(_ names: [String]) async throws(RedisError) -> [Finding] {
        var search = OrphanSearch(client: client)
        try await search.run(queues: Set(names))
        var found = search.orphans.map { orphan in
            Finding(
                .problem, "active", queue: orphan.queue,
                "\(printable(orphan.worker)) holds \(Finding.jobs(orphan.jobs)), has no lease, and "
                    + "is not being reaped",
                remedy: "jobrunner doctor --fix")
        }
        if !search.isComplete {
            let most = OrphanSearch.step * OrphanSearch.steps
            found.append(
                Finding(
                    .skipped, "active",
                    "only \(grouped(most)) keys were looked at for jobs without an owner"))
        }
        return found
    }

    private func examineStrays(_ names: [String]) async throws(RedisError) -> [Finding] {
        var search = StraySearch(client: client)
        try await search.run(queues: Set(names))
        return search.findings
    }

    // MARK: Errors

    /// What the server refuses is a finding; what the next command would meet as well is thrown.
    private func guarded(
        _ check: String, _ body: () async throws -> [Finding]
    ) async throws -> [Finding] {
        do {
            return try await body()
        } catch {
            let cause: RedisError
            switch error {
            case let error as RedisError: cause = error
            case JobRunnerError.redis(let error): cause = error
            default: throw error
            }
            return [try Self.finding(check, cause)]
        }
    }

    private static func finding(_ check: String, _ error: RedisError) throws -> Finding {
        let text = printable(error.description, limit: 300)
        switch error {
        case .unexpectedReply: return Finding(.skipped, check, text)
        case .server(let refusal):
            switch refusal.code {
            case .NOAUTH, .WRONGPASS: throw error
            case .WRONGTYPE:
                return Finding(.problem, check, text, remedy: "use another --prefix")
            case let code where code.isTransient: throw error
            default: return Finding(.skipped, check, text)
            }
        default: throw error
        }
    }
}
