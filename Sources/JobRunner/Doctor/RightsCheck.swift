internal import RedisLink

/// What a worker's Redis user must be allowed to do.
enum RightsCheck {
    /// Commands with arguments of the right number, on keys of a queue.
    static func commands(_ keys: Keys, queue: String) -> [[String]] {
        let queue = keys.queue(queue)
        let (list, set, hash) = (queue.ready, queue.scheduled, queue.meta)
        let text = queue.result("1")
        let limit = keys.limit("x")
        return [
            ["EVALSHA", "0", "1", list], ["SCRIPT", "LOAD", "return 1"], ["INFO"], ["TIME"],
            ["CLIENT", "UNBLOCK", "1"], ["SADD", keys.queues, "q"], ["SMEMBERS", keys.queues],
            ["TYPE", list], ["LPUSH", list, "x"], ["RPUSH", list, "x"], ["LLEN", list],
            ["LRANGE", list, "0", "0"], ["LTRIM", list, "0", "0"],
            ["LMOVE", queue.landing, list, "LEFT", "RIGHT"],
            ["BRPOPLPUSH", list, queue.landing, "1"], ["BLPOP", queue.bell, "1"],
            ["HSET", hash, "f", "v"], ["HSETNX", hash, "f", "v"], ["HGET", hash, "f"],
            ["HMGET", hash, "f"],
            ["HGETALL", hash], ["HEXISTS", hash, "f"], ["HDEL", hash, "f"], ["HLEN", hash],
            ["HKEYS", hash], ["HINCRBY", hash, "f", "1"], ["HRANDFIELD", hash, "1"],
            ["ZADD", set, "1", "x"], ["ZREM", set, "x"], ["ZCARD", set], ["ZSCORE", set, "x"],
            ["ZMSCORE", set, "x"], ["ZCOUNT", set, "0", "1"], ["ZRANGE", set, "0", "1"],
            ["ZRANGEBYSCORE", set, "0", "1"], ["ZREMRANGEBYSCORE", set, "0", "1"],
            ["ZREMRANGEBYRANK", set, "0", "1"], ["SET", text, "x"], ["GET", text],
            ["DEL", text], ["EXISTS", text], ["EXPIRE", text, "1"], ["PTTL", text],
            ["PEXPIRE", limit.tokens("all"), "1"], ["HMGET", limit.rule, "f"],
            ["HSET", limit.tokens("all"), "f", "v"], ["ZADD", limit.running("all"), "1", "x"],
            ["HSET", keys.limits, "f", "v"],
            ["SET", keys.worker("1"), "x"], ["GET", keys.worker("1")],
        ] + workflows(queue)
    }

    private static func workflows(_ queue: QueueKeys) -> [[String]] {
        let flow = queue.flow("1")
        let wait = flow + ":wait:0"
        return [
            ["HMGET", flow, "f"], ["HSET", flow, "f", "v"], ["PEXPIRE", flow, "1"],
            ["SADD", wait, "x"], ["SREM", wait, "x"], ["SCARD", wait], ["SISMEMBER", wait, "x"],
        ]
    }

    /// What waiting for results without polling takes beside.
    static func waiting(_ keys: Keys, queue: String) -> [[String]] {
        let text = keys.queue(queue).result("1")
        return [
            ["CLIENT", "TRACKING", "ON"], ["CLIENT", "CACHING", "YES"],
            ["SUBSCRIBE", "__redis__:invalidate"], ["GETRANGE", text, "0", "0"],
            ["SUBSCRIBE", keys.answers("1")], ["PUBLISH", keys.answers("1"), ""],
        ]
    }

    /// - Parameters:
    ///   - refused: The commands that this user may not run.
    ///   - waiting: Those of them that only who waits for results needs.
    ///   - user: Its name; nil when it may not ask for that.
    static func finding(refused: [String], waiting: [String] = [], user: String?) -> Finding {
        let name = user.map { "user '\(printable($0))'" } ?? "this user"
        guard !refused.isEmpty else {
            guard waiting.isEmpty else {
                return Finding(
                    .warn, "rights",
                    "\(name) may do all that a worker does, but results are asked for again and "
                        + "again, or answers to calls come late: it may not run "
                        + waiting.joined(separator: ", "),
                    remedy: "redis-cli ACL SETUSER, with +subscribe +publish +getrange "
                        + "+client|tracking +client|caching &__redis__:invalidate and "
                        + "&PREFIX:answers:*")
            }
            return Finding(
                .ok, "rights", "\(name) may do all that a worker does, and wait for results")
        }
        let shown = refused.prefix(8).joined(separator: ", ")
        let more = refused.count > 8 ? " and \(refused.count - 8) more" : ""
        return Finding(
            .problem, "rights", "\(name) may not run \(shown)\(more)",
            remedy: "redis-cli ACL SETUSER, with these commands and the keys of the prefix")
    }
}

extension JobClient {
    /// Asks what this user may do, by `ACL DRYRUN`, or else by calls that change nothing.
    func examineRights(queue: String) async throws(RedisError) -> Finding {
        guard let user = try await answer(to: ["ACL", "WHOAMI"]) else {
            return try await tryCalls(queue)
        }
        guard
            let refused = try await refused(RightsCheck.commands(keys, queue: queue), to: user),
            let waiting = try await self.refused(RightsCheck.waiting(keys, queue: queue), to: user)
        else { return try await tryCalls(queue, user: user) }
        return RightsCheck.finding(refused: refused, waiting: waiting, user: user)
    }

    /// The names of the commands that a user may not run; nil when that may not be asked.
    private func refused(_ commands: [[String]], to user: String) async throws(RedisError)
        -> [String]?
    {
        var refused: [String] = []
        for words in commands {
            guard let answer = try await answer(to: ["ACL", "DRYRUN", user] + words) else {
                return nil
            }
            let name = words[0] == "CLIENT" ? words[0] + " " + words[1] : words[0]
            if answer != "OK", !refused.contains(name) { refused.append(name) }
        }
        return refused
    }

    /// Nil when it is refused.
    private func answer(to words: [String]) async throws(RedisError) -> String? {
        do throws(RedisError) {
            return try await router.connection(for: keys.queues).send(Command(words)).text
        } catch {
            guard case .server(let refusal) = error, refusal.code == .NOPERM else { throw error }
            return nil
        }
    }

    /// What `work` does at its start: a worker without a name holds nothing and takes nothing.
    private func tryCalls(
        _ queue: String, user: String? = nil
    ) async throws(RedisError) -> Finding {
        let store = QueueStore(keys.queue(queue))
        do throws(RedisError) {
            _ = try await send(store.cycle(worker: "", want: 0, acks: []))
            return Finding(
                .skipped, "rights",
                "scripts may be called; of the rest ACL DRYRUN would tell, which is refused")
        } catch {
            guard case .server(let refusal) = error, refusal.code == .NOPERM else { throw error }
            return RightsCheck.finding(refused: ["the scripts of a worker"], user: user)
        }
    }
}
