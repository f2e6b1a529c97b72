internal import RedisLink

/// Where a job was found.
package struct Located: Sendable {
    /// Of a sorted set: its due time or since when it stands there, server ms.
    package let score: Int?
    /// Its JSON; empty when that is longer than a MiB.
    package let job: [UInt8]
}

extension QueueStore {
    /// `locate.lua`: looks for a job by its id in a page of a place.
    ///
    /// - Parameters:
    ///   - key: A list, sorted set or hash of jobs.
    ///   - limit: Jobs in a page, at most 1,000.
    /// - Returns: How many were looked at, and the job when it is among them.
    package func locate(_ id: String, in key: String, from rank: Int, limit: Int)
        -> Call<(looked: Int, found: Located?)>
    {
        var words = Arguments(calling: Scripts.locate, keys: [key])
        words.append(rank, limit)
        words.append(id)
        return Call(key: keys.ready, command: Command(script: Scripts.locate, words)) {
            value throws(RedisError) in
            guard let reply = value.array, let looked = reply.first?.integer, reply.count >= 2
            else { throw .unexpectedReply(command: "locate", got: value.kind) }
            guard reply[1].integer == 1, reply.count == 4 else { return (looked, nil) }
            let score = Double(reply[2].text ?? "").flatMap { Int(exactly: $0.rounded()) }
            return (looked, Located(score: score, job: reply[3].bytes ?? []))
        }
    }

    /// Whether the outcome of a job is kept.
    package func hasResult(_ id: String) -> Call<Bool> {
        Call(key: keys.ready, command: Command("EXISTS", keys.result(id))) { $0.integer == 1 }
    }

    /// Drops what is kept of a job's end and progress.
    ///
    /// - Returns: How many of the two there were.
    package func forgetResult(_ id: String) -> Call<Int> {
        Call(
            key: keys.ready, command: Command("UNLINK", keys.result(id), keys.progress(id))
        ) { $0.integer ?? 0 }
    }
}
