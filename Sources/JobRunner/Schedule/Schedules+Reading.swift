public import FoundationEssentials
internal import RedisLink

extension Schedules {
    /// All schedules and how they stand, by name.
    ///
    /// Costs a command a queue and two a schedule, in pipelines.
    ///
    /// - Parameter queues: Of which; nil is of all.
    /// - Throws: `JobRunnerError.redis`.
    public func list(queues: [String]? = nil) async throws -> [ScheduleStatus] {
        try await translated {
            let pipeline = Pipeline(router: client.router)
            var names = Set(queues ?? []).sorted()
            if queues == nil { names = try await client.queueNames() }
            let replies = try await pipeline.replies(
                to: names.map { Pipeline.Read("HGETALL", client.keys.queue($0).schedules) })
            var found: [(queue: String, name: String, json: [UInt8])] = []
            for (queue, reply) in zip(names, replies) {
                let words = reply.array ?? []
                for index in stride(from: 0, to: words.count - 1, by: 2) {
                    guard let name = words[index].text, let json = words[index + 1].bytes else {
                        continue
                    }
                    found.append((queue, name, json))
                }
            }
            let reads = found.flatMap { entry in
                let keys = client.keys.queue(entry.queue)
                return [
                    Pipeline.Read("HGETALL", keys.schedule(entry.name)),
                    Pipeline.Read("ZSCORE", keys.ticks, entry.name),
                ]
            }
            let states = try await pipeline.replies(to: reads)
            let now = try await client.serverTime()
            var statuses: [ScheduleStatus] = []
            for (index, entry) in found.enumerated() {
                statuses.append(
                    Self.status(
                        entry.name, entry.queue, entry.json, states[2 * index],
                        states[2 * index + 1], now))
            }
            return statuses.sorted { ($0.name, $0.queue) < ($1.name, $1.queue) }
        }
    }

    /// The server's clock, ms since 1970.
    package func now() async throws -> Int {
        try await translated { try await client.serverTime() }
    }

    /// One schedule and how it stands.
    ///
    /// - Throws: `ScheduleError` when there is none, `JobRunnerError.redis`.
    public func status(of name: String) async throws -> ScheduleStatus {
        let home = try await translated { try await queue(of: name) }
        guard let status = try await list(queues: [home]).first(where: { $0.name == name }) else {
            throw Self.unknown(name)
        }
        return status
    }

    private static func status(
        _ name: String, _ queue: String, _ json: [UInt8], _ state: RedisValue, _ due: RedisValue,
        _ now: Int
    ) -> ScheduleStatus {
        var fields: [String: String] = [:]
        let words = state.array ?? []
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            if let key = words[index].text { fields[key] = words[index + 1].text }
        }
        let date = { (key: String) -> Date? in
            guard let time = fields[key].flatMap({ Int($0) }) else { return nil }
            return StatsReader.date(time)
        }
        let count = { (key: String) -> Int in fields[key].flatMap { Int($0) } ?? 0 }
        let number = due.text.flatMap { Double($0) } ?? .infinity
        let score: Int? = number.magnitude < 1e15 ? Int(number) : nil
        let paused = date("paused")
        var status = ScheduleStatus(
            schedule: nil, name: name, queue: queue, source: .other, revision: 0,
            nextDue: paused == nil ? score.map { StatsReader.date($0) } : nil,
            late: .milliseconds(score.map { max(0, now - $0) } ?? 0), pausedSince: paused,
            pauseReason: fields["reason"] ?? "", lastTick: date("last"), lastJob: fields["job"],
            fired: count("fired"), skipped: count("skipped"), missed: count("missed"),
            merged: count("merged"))
        do throws(ScheduleError) {
            let definition = try Definition(name: name, queue: queue, json: json)
            status.schedule = definition.schedule
            status.source = definition.source
            status.revision = definition.revision
            try definition.schedule.check()
        } catch {
            status.fault = error.description
        }
        return status
    }

    /// When a schedule is due next, jitter included; paused or not.
    ///
    /// - Parameters:
    ///   - count: 1 to 1,000.
    ///   - time: The first is after this; nil is now, by the server's clock.
    /// - Throws: `ScheduleError` when there is none, or it is of no use here;
    ///   `JobRunnerError.redis`.
    public func next(_ name: String, count: Int = 10, after time: Date? = nil) async throws
        -> [Date]
    {
        let status = try await status(of: name)
        guard let schedule = status.schedule else {
            throw ScheduleError(status.fault ?? "it cannot be read")
        }
        let now = try await translated { try await client.serverTime() }
        let start = time.map { Int(min(max($0.timeIntervalSince1970, 0), 1e11) * 1000) } ?? now
        return try Self.next(schedule, count: count, after: start)
    }

    /// The same of a schedule that is nowhere yet.
    ///
    /// - Parameter time: ms since 1970.
    package static func next(_ schedule: Schedule, count: Int, after time: Int) throws -> [Date] {
        let timetable = try schedule.check()
        var tick = time
        var dates: [Date] = []
        while dates.count < min(max(count, 1), 1000), let next = timetable.next(after: tick) {
            dates.append(StatsReader.date(timetable.due(next)))
            tick = next
        }
        return dates
    }

    /// What became of a schedule's last ticks, newest first, at most 100.
    ///
    /// - Throws: `ScheduleError` when there is none, `JobRunnerError.redis`.
    public func history(_ name: String, count: Int = 20) async throws -> [ScheduleRecord] {
        try await translated {
            let queue = try await queue(of: name)
            let store = store(queue)
            let pipeline = Pipeline(router: client.router)
            let last = "\(min(max(count, 1), QueueStore.historyKept) - 1)"
            let lines = try await pipeline.replies(
                to: [Pipeline.Read("LRANGE", store.keys.history(name), "0", last)])
            var records = (lines[0].array ?? []).compactMap(\.text)
                .compactMap { ScheduleRecord($0) }
            let jobs = records.map { Pipeline.Read("GET", store.keys.result($0.job ?? "-")) }
            for (index, reply) in try await pipeline.replies(to: jobs).enumerated() {
                records[index].outcome =
                    reply.bytes.flatMap { JobOutcome(json: $0) }?
                    .state.rawValue
            }
            return records
        }
    }
}
