internal import RedisLink

/// A lock between runs that somebody holds.
package struct LockStatus: Sendable, Equatable {
    package let name: String
    /// The worker whose run holds it.
    package let worker: String
    /// When it is free unless it is renewed, server ms.
    package let until: Int
}

extension JobClient {
    /// The locks that runs hold, by name.
    ///
    /// Locks are in no list: it is a SCAN of at most a million keys, and a small command a lock.
    ///
    /// - Throws: `JobRunnerError.redis`.
    package func locks() async throws -> [LockStatus] {
        do throws(RedisError) {
            let pattern = keys.lock("*")
            let found = try await KeyScan(client: self, pattern: pattern, type: "zset").all()
            let (start, end) = (keys.lock("").dropLast(), "}")
            let now = try await serverTime()
            let reads = found.map { key in
                Pipeline.Read(
                    "ZRANGE", key, "(\(now)", "+inf", "BYSCORE", "LIMIT", "0", "10", "WITHSCORES")
            }
            var locks: [LockStatus] = []
            for (key, reply) in zip(found, try await Pipeline(router: router).replies(to: reads)) {
                guard key.hasPrefix(start), key.hasSuffix(end) else { continue }
                let name = String(key.dropFirst(start.count).dropLast(end.count))
                let words = reply.array ?? []
                for index in stride(from: 0, to: words.count - 1, by: 2) {
                    guard let holder = words[index].text,
                        let until = words[index + 1].text.flatMap({ Double($0) }),
                        until.magnitude < 1e15
                    else { continue }
                    // `<worker>/<one use of it>`.
                    let worker = holder.split(separator: "/").first.map(String.init) ?? holder
                    locks.append(LockStatus(name: name, worker: worker, until: Int(until)))
                }
            }
            return locks.sorted { ($0.name, $0.worker) < ($1.name, $1.worker) }
        } catch {
            throw JobRunnerError.redis(error)
        }
    }
}
