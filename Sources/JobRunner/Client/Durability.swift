internal import RedisLink
internal import Synchronization

/// How safe a job must be before `enqueue` returns.
public enum Durability: Sendable, Hashable {
    /// The server has it, as safe as its persistence is.
    case server
    /// So many replicas have it in memory too (`WAIT`), 1 or more: a failover to one of them keeps
    /// it. At most 60 s are waited for that.
    case replicas(Int, within: Duration)
    /// The server has it on its disk (`WAITAOF`): Redis 7.2 or later with `appendonly yes`. At most
    /// 60 s are waited for that.
    case fsynced(within: Duration)
}

extension JobClient {
    /// Enqueues a job and returns when it is as safe as asked for.
    ///
    /// - Throws: `notDurable` when it was accepted and is not that safe in time; else as `enqueue`.
    func enqueueDurably(_ draft: Draft, due: Due, _ durability: Durability) async throws
        -> Acceptance
    {
        let wait = try await check(durability)
        guard let wait else { return try await enqueueAlone(draft, due: due) }
        let connection = try durableConnection()
        let acceptance = try await enqueueAlone(draft, due: due, over: connection)
        guard acceptance == .accepted || acceptance == .duplicate else { return acceptance }
        let handle = "\(draft.queue)/\(draft.job.id)"
        let count: Int
        do throws(RedisError) { count = try await confirm(draft, wait, connection) } catch {
            throw JobRunnerError.notDurable(handle: handle, reason: "\(error)")
        }
        guard count >= wait.needed else {
            throw JobRunnerError.notDurable(
                handle: handle,
                reason: "\(count) of \(wait.needed) \(wait.noun) had it after \(wait.patience)")
        }
        return acceptance
    }

    /// What is sent behind the job.
    private struct Wait {
        var command: Command
        var needed: Int
        var patience: Duration
        var noun: String
    }

    private func check(_ durability: Durability) async throws -> Wait? {
        func checked(_ patience: Duration) throws -> String {
            guard options.deduplication > .zero else {
                throw JobRunnerError.invalid("durability needs deduplication, which is off")
            }
            // 0 would wait for ever.
            guard patience >= .milliseconds(1), patience <= .seconds(60) else {
                throw JobRunnerError.invalid("durability waits for 1 ms to 60 s, got \(patience)")
            }
            return "\(patience.milliseconds)"
        }
        switch durability {
        case .server:
            return nil
        case .replicas(let count, let patience):
            guard count > 0 else { throw JobRunnerError.invalid("durability of 0 replicas") }
            let command = Command("WAIT", "\(count)", try checked(patience))
            return Wait(command: command, needed: count, patience: patience, noun: "replicas")
        case .fsynced(let patience):
            let time = try checked(patience)
            // Asked before the job is sent: afterwards it would be too late to refuse.
            let known = try await durableConnection().send(
                Command("COMMAND", "INFO", "WAITAOF")
            ).array
            guard known?.first != .null else {
                let version = try await serverInfo().version
                throw JobRunnerError.invalid(
                    "durability .fsynced needs Redis 7.2 or later; this server is \(version)")
            }
            let info = try await durableConnection().send(Command("INFO", "persistence"))
            guard info.text?.contains("aof_enabled:1") ?? false else {
                throw JobRunnerError.invalid(
                    "durability .fsynced needs a server with 'appendonly yes'")
            }
            return Wait(
                command: Command("WAITAOF", "1", "0", time), needed: 1, patience: patience,
                noun: "disks")
        }
    }

    /// How many replicas, or disks, have the job.
    ///
    /// `WAIT` answers for what its own connection wrote last: so a write goes right before it,
    /// which the replicas get after the job, and both must have gone over one connection.
    private func confirm(_ draft: Draft, _ wait: Wait, _ connection: Connection)
        async throws(RedisError) -> Int
    {
        let window = draft.hasOwnID ? options.deduplicationOfOwnIDs : options.deduplication
        let key = keys.queue(draft.queue).seen(draft.job.id)
        let mark = Command("SET", key, "1", "PX", "\(window.milliseconds)")
        var last = RedisError.stopped
        for _ in 0..<5 {
            let before = connection.clientID
            do throws(RedisError) {
                _ = try await connection.send(mark)
                let reply = try await connection.send(
                    wait.command, timeout: wait.patience + options.commandTimeout)
                if before != nil, before == connection.clientID {
                    return reply.integer ?? reply.array?.first?.integer ?? 0
                }
                last = .closed(
                    address: router.address, reason: "it broke before the replicas answered")
            } catch {
                guard error.mayBeResent else { throw error }
                last = error
            }
        }
        throw last
    }
}
