internal import RedisLink

extension JobClient {
    /// The limits that the code of workers has, by name, and what operators made of them.
    ///
    /// One command, and two more a limit.
    ///
    /// - Throws: `JobRunnerError.redis`.
    public func limits() async throws -> [LimitStats] {
        try await limitReadings().map(\.stats)
    }

    /// Sets a rate instead of the one in the code, at once and for all workers, until `resetLimit`.
    ///
    /// Jobs that were put off get new times by the new rate; see `resetLimit`.
    ///
    /// - Parameter rate: Its name, cost, argument and scope stay those of the code.
    /// - Returns: How many jobs were given an earlier time.
    /// - Throws: `JobRunnerError.invalid` for a limit that no worker has, that has no rate, or
    ///   whose jobs could never start; `redis`.
    @discardableResult
    public func setLimit(_ name: String, rate: RateLimit) async throws -> Int {
        var rate = rate
        rate.cost = 1
        try rate.check()
        let known = try await limitReading(name)
        let costs = known.declarations.compactMap { $0.rate?.cost }
        guard let most = costs.max() else {
            throw JobRunnerError.invalid("limit '\(printable(name))' is not one of a rate")
        }
        guard most <= rate.burst else {
            throw JobRunnerError.invalid("cost \(most) can never fit into burst \(rate.burst)")
        }
        try await write(
            name, "HSET", "each", "\(rate.each)", "burst", "\(rate.burst)", "rate",
            rate.description)
        return try await respace(name)
    }

    /// Sets how many may run at once instead of what the code says, until `resetLimit`.
    ///
    /// What runs goes on; jobs that wait for a place come within seconds.
    ///
    /// - Parameter slots: 1 to 100,000.
    /// - Throws: `JobRunnerError.invalid` for a limit that no worker has, or has no slots; `redis`.
    public func setLimit(_ name: String, slots: Int) async throws {
        try ConcurrencyLimit(slots).check()
        guard try await limitReading(name).declarations.contains(where: { $0.slots != nil }) else {
            throw JobRunnerError.invalid(
                "limit '\(printable(name))' does not count jobs that run")
        }
        try await write(name, "HSET", "slots", "\(slots)")
    }

    /// Lets nothing start under a rate limit for some time, in the whole fleet: somebody said 429.
    ///
    /// - Parameter time: 1 ms to 10 years, by the server's clock.
    /// - Throws: `JobRunnerError.invalid` for a limit that no worker has, or that has no rate;
    ///   `redis`.
    public func closeLimit(_ name: String, for time: Duration) async throws {
        guard (.milliseconds(1)...Due.longest).contains(time) else {
            throw JobRunnerError.invalid("a limit is closed for 1 ms to 10 years, got \(time)")
        }
        guard try await limitReading(name).declarations.contains(where: { $0.rate != nil }) else {
            throw JobRunnerError.invalid("limit '\(printable(name))' is not one of a rate")
        }
        let now: Int
        do { now = try await serverTime() } catch { throw JobRunnerError.redis(error) }
        try await write(name, "HSET", "closed", "\(now + time.milliseconds)")
    }

    /// Lets jobs start under it again.
    ///
    /// - Returns: How many jobs were given an earlier time.
    /// - Throws: `JobRunnerError.invalid` for a limit that no worker has; `redis`.
    @discardableResult
    public func openLimit(_ name: String) async throws -> Int {
        guard try await limitReading(name).closed != nil else { return 0 }
        try await write(name, "HDEL", "closed")
        return try await respace(name)
    }

    /// Goes back to what the code says.
    ///
    /// Jobs that were put off have times that were reckoned by the old rate. They are looked
    /// for among what is scheduled in all queues, and up to 100,000 of them get the times that
    /// the rate now in force has for them, if those are earlier.
    ///
    /// - Returns: How many jobs were given an earlier time.
    /// - Throws: `JobRunnerError.invalid` for a limit that no worker has; `redis`.
    @discardableResult
    public func resetLimit(_ name: String) async throws -> Int {
        _ = try await limitReading(name)
        try await write(name, "DEL")
        return try await respace(name)
    }

    // MARK: Parts

    private func limitReadings() async throws -> [LimitReading] {
        do {
            let declared = try await router.connection(for: keys.limits)
                .send(Command("HGETALL", keys.limits)).orThrow()
            return try await LimitReading.read(declared, self, now: serverTime())
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    private func limitReading(_ name: String) async throws -> LimitReading {
        guard let known = try await limitReadings().first(where: { $0.name == name }) else {
            throw JobRunnerError.invalid(
                "there is no limit '\(printable(name))': no worker has one of that name")
        }
        return known
    }

    private func write(_ name: String, _ verb: String, _ words: String...) async throws {
        let key = keys.limit(name).rule
        do {
            let command = Command([verb, key] + words)
            _ = try await router.connection(for: key).send(command).orThrow()
        } catch {
            throw JobRunnerError.redis(error)
        }
    }

    private func respace(_ name: String) async throws -> Int {
        let limit = try await limitReading(name)
        do {
            return try await LimitRespacer(client: self, limit: limit).run()
        } catch {
            throw JobRunnerError.redis(error)
        }
    }
}

extension LimitReading {
    /// Asks for the rules of all limits.
    ///
    /// - Parameter declared: What `limits` holds.
    static func read(
        _ declared: RedisValue, _ client: JobClient, now: Int
    ) async throws(RedisError) -> [LimitReading] {
        var limits = all(declared, client.keys, now: now)
        let replies = try await Pipeline(router: client.router).replies(
            to: limits.flatMap(\.reads))
        for index in limits.indices { limits[index].take(replies[2 * index..<2 * index + 2]) }
        return limits
    }
}
