internal import RedisLink

/// What stands in `dead`, as the server gave it.
package struct DeadEntry: Sendable {
    /// `<worker>/<tag> <reason>`, newline, job; the head of it when that is too long.
    package let text: [UInt8]
    /// Bytes of the whole.
    package let size: Int
    /// Server ms.
    package let diedAt: Int
}

/// A part of the dead, newest first.
package struct DeadPage: Sendable {
    package let entries: [DeadEntry]
    /// Where the next page starts; nil: this was the last.
    package let below: Int?
}

/// Bounds of one page of the dead.
package struct DeadBounds: Sendable {
    package var jobs = 100
    /// Of a page with more than one job.
    package var bytes = 8 << 20
    /// Of one job: a reply may have 64 MiB, and a job that came to the dead unread 512.
    package var bytesOfJob = 48 << 20

    package init() {}
}

/// What becomes of dead jobs.
package enum DeadMove: String, Sendable {
    /// Ready again.
    case retry
    /// Gone.
    case delete
}

extension QueueStore {
    static let deadMoveJobs = 100
    /// Bytes that one call moves, if they are of more than one job.
    static let deadMoveBytes = 8 << 20

    /// `dead_page.lua`: reads the dead, newest first.
    ///
    /// - Parameter below: What the page before said; nil starts with the newest.
    package func deadPage(below: Int?, _ bounds: DeadBounds = DeadBounds()) -> Call<DeadPage> {
        var words = Arguments(calling: Scripts.deadPage, keys: [keys.dead])
        words.append(below.map { "\($0)" } ?? "")
        words.append(bounds.jobs, bounds.bytes, bounds.bytesOfJob)
        return Call(key: keys.ready, command: Command(script: Scripts.deadPage, words)) {
            value throws(RedisError) in
            guard let reply = value.array, let below = reply.first?.integer else {
                throw .unexpectedReply(command: "dead_page", got: value.kind)
            }
            var entries: [DeadEntry] = []
            for index in stride(from: 1, to: reply.count - 2, by: 3) {
                guard let text = reply[index].bytes, let size = reply[index + 1].integer else {
                    throw .unexpectedReply(command: "dead_page", got: reply[index].kind)
                }
                // A score is a double; ours are whole, a stranger's may be anything.
                let time = reply[index + 2].text.flatMap { Double($0) } ?? 0
                let bounded = time.isNaN ? 0 : min(max(time, 0), 1e15)
                entries.append(DeadEntry(text: text, size: size, diedAt: Int(bounded)))
            }
            return DeadPage(entries: entries, below: below > 0 ? below : nil)
        }
    }

    /// `dead.lua`: runs dead jobs again; those that are there still.
    ///
    /// - Parameter jobs: At most 1,000: what stands in `dead`, the bytes to run, and the id that
    ///   an outcome would have.
    /// - Returns: How many were there.
    package func retryDead(_ jobs: [(entry: [UInt8], job: [UInt8], id: String)]) -> Call<Int> {
        var words = Arguments(
            calling: Scripts.dead,
            keys: [keys.dead, keys.ready] + jobs.map { keys.result($0.id) })
        words.append(DeadMove.retry.rawValue)
        for job in jobs {
            words.append(job.entry)
            words.append(job.job)
        }
        return moved(words)
    }

    /// `dead.lua`: deletes dead jobs; those that are there still.
    ///
    /// - Parameter entries: At most 1,000, as they stand in `dead`.
    /// - Returns: How many were there.
    package func deleteDead(_ entries: [[UInt8]]) -> Call<Int> {
        var words = Arguments(calling: Scripts.dead, keys: [keys.dead, keys.ready])
        words.append(DeadMove.delete.rawValue)
        for entry in entries { words.append(entry) }
        return moved(words)
    }

    private func moved(_ words: Arguments) -> Call<Int> {
        Call(key: keys.ready, command: Command(script: Scripts.dead, words)) {
            value throws(RedisError) in
            guard let moved = value.integer else {
                throw .unexpectedReply(command: "dead", got: value.kind)
            }
            return moved
        }
    }

    /// Puts jobs among the dead; those that are there already stay as they are.
    ///
    /// - Returns: How many were not there.
    package func addDead(_ entries: [(entry: [UInt8], diedAt: Int)]) -> Call<Int> {
        var words = Arguments()
        words.append("ZADD")
        words.append(keys.dead)
        words.append("NX")
        for (entry, diedAt) in entries {
            words.append(diedAt)
            words.append(entry)
        }
        return Call(key: keys.ready, command: Command(name: "ZADD", words)) { $0.integer ?? 0 }
    }

    /// How many jobs are dead.
    package func deadCount() -> Call<Int> {
        Call(key: keys.ready, command: Command("ZCARD", keys.dead)) { $0.integer ?? 0 }
    }
}
