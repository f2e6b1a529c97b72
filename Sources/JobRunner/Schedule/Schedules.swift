internal import RedisLink

extension JobClient {
    /// The schedules of periodic jobs, at run time.
    public var schedules: Schedules { Schedules(client: self) }
}

/// The schedules under one prefix: what there is, and how to change it.
///
///     try await client.schedules.add(
///         Schedule(.every(.seconds(30)), job: "cleanup", overlap: .skip))
///     try await client.schedules.pause("cleanup", reason: "provider is down")
///
/// Every worker of the queue that a schedule's job goes to carries it out, within a second or two
/// of a change, unless it was started with `--no-scheduler`.
public struct Schedules: Sendable {
    let client: JobClient

    /// What adding a schedule came to.
    @nonexhaustive
    public enum Addition: String, Sendable {
        /// There was none of that name.
        case added
        /// There was another of that name.
        case changed
        /// There was the same.
        case unchanged
    }

    /// Adds a schedule, or changes the one of its name.
    ///
    /// One whose times are the same stays at the tick it stands at; with other times it is due
    /// next as those say, counted from now. A paused one stays paused. One of that name in another
    /// queue is removed there.
    ///
    /// - Throws: `ScheduleError` for what is wrong with it, `JobRunnerError.redis`.
    @discardableResult
    public func add(_ schedule: Schedule) async throws -> Addition {
        try await put(schedule, source: .client)
    }

    package func put(_ schedule: Schedule, source: Schedule.Source) async throws -> Addition {
        try await translated {
            let addition = try await put(schedule, source, attempts: 10)
            for queue in try await queues(with: schedule.name) where queue != schedule.queue {
                try await change(schedule.name, in: queue) { _, _ in .remove }
            }
            return addition
        }
    }

    private func put(
        _ schedule: Schedule, _ source: Schedule.Source, attempts: Int
    ) async throws -> Addition {
        let timetable = try schedule.check(maxBytes: client.options.maxJobBytes)
        let store = store(schedule.queue)
        let note = Command("SADD", client.keys.queues, schedule.queue)
        _ = try await client.router.connection(for: client.keys.queues).send(note).orThrow()
        for _ in 0..<attempts {
            let json = try await client.send(store.definition(schedule.name))
            let old = json.flatMap {
                try? Definition(name: schedule.name, queue: schedule.queue, json: $0)
            }
            if old?.schedule.text == schedule.text { return .unchanged }
            let new = Definition(schedule, source: source, revision: (old?.revision ?? 0) + 1)
            let next = timetable.next(after: try await client.serverTime())
            let hasItsTimes =
                old?.schedule.timing == schedule.timing && old?.schedule.jitter == schedule.jitter
            let change = store.change(
                schedule.name, from: json ?? [],
                .put(
                    new.json, next: next, due: next.map { timetable.due($0) } ?? 0,
                    keep: hasItsTimes))
            if try await client.send(change) != nil { return json == nil ? .added : .changed }
        }
        throw ScheduleError("schedule '\(printable(schedule.name))': others change it all the time")
    }

    /// Removes a schedule; jobs that it enqueued stay.
    ///
    /// - Throws: `ScheduleError` when there is none, `JobRunnerError.redis`.
    public func remove(_ name: String) async throws {
        try await translated {
            let queues = try await queues(with: name)
            if queues.isEmpty { throw Self.unknown(name) }
            for queue in queues { try await change(name, in: queue) { _, _ in .remove } }
        }
    }

    /// Pauses a schedule: nothing is enqueued until it is resumed, by whoever starts meanwhile.
    ///
    /// - Parameter reason: Why, for people: one line of at most 200 characters.
    /// - Returns: False when it was paused already; the reason is the new one.
    /// - Throws: As `remove`; `JobRunnerError.invalid` for a reason that is none.
    @discardableResult
    public func pause(_ name: String, reason: String = "") async throws -> Bool {
        try PauseReason.check(reason)
        return try await translated {
            try await change(name, in: queue(of: name)) { _, _ in .pause(reason: reason) }
        }
    }

    /// Resumes a schedule; it is due next as its times say, and what it missed is not made up for.
    ///
    /// - Returns: False when it was not paused.
    /// - Throws: As `remove`; `ScheduleError` also when its definition is of no use here.
    @discardableResult
    public func resume(_ name: String) async throws -> Bool {
        try await translated {
            try await change(name, in: queue(of: name)) { schedule, now in
                let timetable = try schedule.check()
                let next = timetable.next(after: now)
                return .resume(next: next, due: next.map { timetable.due($0) } ?? 0)
            }
        }
    }

    /// Enqueues the job of a schedule now, paused or not; its ticks stay as they are.
    ///
    /// - Throws: As `remove`; `ScheduleError` also while an earlier job is not done and the
    ///   schedule's do not overlap.
    public func run(_ name: String) async throws -> JobHandle<JSONValue> {
        try await translated {
            let queue = try await queue(of: name)
            guard let json = try await client.send(store(queue).definition(name)) else {
                throw Self.unknown(name)
            }
            let schedule = try Definition(name: name, queue: queue, json: json).schedule
            let now = try await client.serverTime()
            let job = TickJob(schedule, tick: now)
            let id = JobID.generate(now: Int64(now)).description
            let bytes = try job.json(now: now, id: id)
            let firing = Firing(
                name: name, definition: json, expected: nil, tick: now, next: nil, nextDue: 0,
                missed: 0, id: id, json: bytes, overlap: job.overlap,
                lock: try job.lock()?.atEnqueue)
            switch try await client.send(store(queue).fire(firing)) {
            case .fired:
                return JobHandle(
                    id: id, queue: queue, isDuplicate: false, isKnown: true, client: client)
            case .skipped, .waits:
                throw ScheduleError(
                    "schedule '\(printable(name))': its last job is not done, and they do not "
                        + "overlap")
            default: throw Self.unknown(name)
            }
        }
    }

    /// What a pause says that came of `"enabled": false` in a file.
    package static let disabledReason = "disabled in the schedule file"

    /// Does what a file says of a schedule; an operator's pause is not a file's business.
    package func enable(_ name: String, _ isEnabled: Bool) async throws {
        guard isEnabled else {
            _ = try await translated {
                try await change(name, in: queue(of: name)) { _, _ in
                    .pause(reason: Self.disabledReason, anew: false)
                }
            }
            return
        }
        try await translated {
            let queue = try await queue(of: name)
            let reason = try await client.send(store(queue).pauseReason(name))
            if reason == Self.disabledReason { try await resume(name) }
        }
    }

    // MARK: Parts

    func store(_ queue: String) -> QueueStore { QueueStore(client.keys.queue(queue)) }

    static func unknown(_ name: String) -> ScheduleError {
        ScheduleError("there is no schedule '\(printable(name))'")
    }

    /// The queues that have a schedule of that name: one, unless one is being moved.
    func queues(with name: String) async throws -> [String] {
        let queues = try await client.queueNames()
        let reads = queues.map {
            Pipeline.Read("HEXISTS", client.keys.queue($0).schedules, name)
        }
        let replies = try await Pipeline(router: client.router).replies(to: reads)
        return zip(queues, replies).filter { $1.integer == 1 }.map(\.0)
    }

    func queue(of name: String) async throws -> String {
        guard let queue = try await queues(with: name).first else { throw Self.unknown(name) }
        return queue
    }

    /// Changes what is there, whatever that is by the time.
    @discardableResult
    private func change(
        _ name: String, in queue: String,
        _ what: (_ schedule: Schedule, _ now: Int) throws -> ScheduleChange
    ) async throws -> Bool {
        for _ in 0..<10 {
            guard let json = try await client.send(store(queue).definition(name)) else {
                return false
            }
            let now = try await client.serverTime()
            let definition = try? Definition(name: name, queue: queue, json: json)
            // One that cannot be read can be removed and paused all the same.
            let schedule = definition?.schedule ?? Schedule(.every(.zero), job: "", name: name)
            let change = store(queue).change(name, from: json, try what(schedule, now))
            if let isDone = try await client.send(change) { return isDone }
        }
        throw ScheduleError("schedule '\(printable(name))': others change it all the time")
    }

    func translated<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as RedisError {
            throw JobRunnerError.redis(error)
        }
    }
}
