internal import RedisLink

/// What an operator does to a queue and to the jobs that wait in it.
extension QueueStore {
    /// `pause.lua`: stops handing out jobs, or goes on.
    ///
    /// - Parameters:
    ///   - milliseconds: For how long; 0 is until somebody says so.
    ///   - reason: One line, for people.
    /// - Returns: False when it was so.
    package func setPaused(_ isPaused: Bool, milliseconds: Int = 0, reason: String = "")
        -> Call<Bool>
    {
        pause("queue", isPaused, milliseconds, reason, "")
    }

    /// The same for one kind of jobs, always until somebody says so.
    package func setMuted(_ isMuted: Bool, job: String, reason: String = "") -> Call<Bool> {
        pause("job", isMuted, 0, reason, job)
    }

    private func pause(
        _ what: String, _ isOn: Bool, _ milliseconds: Int, _ reason: String, _ name: String
    ) -> Call<Bool> {
        var words = Arguments(calling: Scripts.pause, keys: [keys.meta])
        words.append(what)
        words.append(isOn ? 1 : 0, milliseconds)
        words.append(reason)
        words.append(name)
        return Call(key: keys.ready, command: Command(script: Scripts.pause, words)) {
            $0.integer == 1
        }
    }

    /// Limits how many jobs of the queue are handed out in a time; nil takes the limit away.
    package func setRate(_ rate: RateLimit?) -> Call<Void> {
        let command =
            rate.map {
                Command(
                    "HSET", keys.meta, "limit", "\($0.each) \($0.burst)", "rate", $0.description)
            } ?? Command("HDEL", keys.meta, "limit", "tat", "rate")
        return Call(key: keys.ready, command: command) { _ in }
    }

    /// Which of the jobs that wait.
    package enum Waiting: String, Sendable {
        case ready, scheduled
    }

    /// `purge.lua`: takes jobs out, the oldest first.
    ///
    /// - Parameter limit: 1 to 1,000.
    /// - Returns: Their bytes; none when nothing is left.
    package func purge(_ which: Waiting, limit: Int) -> Call<[[UInt8]]> {
        var words = Arguments(
            calling: Scripts.purge, keys: [keys.ready, keys.landing, keys.ordered, keys.scheduled])
        words.append(which.rawValue)
        words.append(limit)
        return Call(key: keys.ready, command: Command(script: Scripts.purge, words)) {
            ($0.array ?? []).compactMap(\.bytes)
        }
    }

    /// Drops what was counted against some ids, and the marks of cancels.
    ///
    /// - Parameter ids: At least one.
    package func forget(_ ids: [String]) -> [Command] {
        [Command(["HDEL", keys.crashes] + ids), Command(["ZREM", keys.cancelled] + ids)]
    }

    /// `find.lua`: looks for jobs by their ids in one page of what is scheduled.
    ///
    /// - Parameter limit: Jobs in a page, at most 1,000.
    /// - Returns: How many were looked at, and those that were found.
    package func find(_ ids: [String], from rank: Int, limit: Int)
        -> Call<(looked: Int, found: [(job: [UInt8], due: Int)])>
    {
        var words = Arguments(calling: Scripts.find, keys: [keys.scheduled])
        words.append(rank, limit)
        for id in ids { words.append(id) }
        return Call(key: keys.ready, command: Command(script: Scripts.find, words)) {
            value throws(RedisError) in
            let reply = value.array ?? []
            guard let looked = reply.first?.integer else {
                throw .unexpectedReply(command: "find", got: value.kind)
            }
            return (looked, Self.timed(Array(reply.dropFirst())))
        }
    }

    /// Jobs, each followed by its time, server ms.
    static func timed(_ reply: [RedisValue]) -> [(job: [UInt8], due: Int)] {
        stride(from: 0, to: reply.count - 1, by: 2).compactMap { index in
            guard let job = reply[index].bytes,
                let due = reply[index + 1].integer
                    ?? Double(reply[index + 1].text ?? "").flatMap({ Int(exactly: $0.rounded()) })
            else { return nil }
            return (job, due)
        }
    }

    /// `reschedule.lua`: gives scheduled jobs another time.
    ///
    /// - Parameter jobs: At most 500, with the time, server ms; 0 takes the job out.
    /// - Returns: How many were there.
    package func reschedule(_ jobs: [(job: [UInt8], due: Int)]) -> Call<Int> {
        var words = Arguments(calling: Scripts.reschedule, keys: [keys.scheduled])
        for (job, due) in jobs {
            words.append(due)
            words.append(job)
        }
        return Call(key: keys.ready, command: Command(script: Scripts.reschedule, words)) {
            $0.integer ?? 0
        }
    }
}
