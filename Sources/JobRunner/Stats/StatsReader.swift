internal import FoundationEssentials
internal import RedisLink

/// Reads a snapshot in six steps, each a few pipelines: what to look at, the queues, their
/// workers, the jobs set aside, the oldest jobs, the limits.
struct StatsReader {
    let client: JobClient
    private let pipeline: Pipeline

    init(client: JobClient) {
        self.client = client
        pipeline = Pipeline(router: client.router)
    }

    func read(_ asked: [String]?) async throws -> Stats {
        let (now, server) = try await look()
        var names: [String]
        if let asked { names = asked } else { names = try await self.names() }
        names = Set(names).sorted()
        var queues = try await read(
            names.map { QueueReading($0, client.keys, now: now) }, areAsked: asked != nil)
        let workers = try await readWorkers(of: &queues, now: now)
        try await readParked(of: &queues)
        try await readAges(of: &queues, now: now)
        let limits = try await readLimits(now: now)
        let stats = queues.map(\.stats)
        return Stats(
            time: Self.date(now), prefix: client.keys.prefix, server: server, queues: stats,
            workers: workers, jobs: Self.jobs(queues, workers), limits: limits)
    }

    // MARK: 1. What to look at

    private func look() async throws -> (now: Int, ServerStats) {
        let connection = client.router.connection(for: client.keys.queues)
        let info = try await client.serverInfo()
        let sent = monotonicNanoseconds()
        let time = try await connection.send(Command("TIME"))
        let roundTrip = monotonicNanoseconds() - sent
        let parts = (time.array ?? []).compactMap(\.integer)
        guard parts.count == 2 else {
            throw RedisError.unexpectedReply(command: "TIME", got: time.kind)
        }
        let server = ServerStats(
            version: info.version, address: client.router.address, usedBytes: info.usedMemory,
            maxBytes: info.maxMemory, evictionPolicy: info.evictionPolicy,
            roundTrip: .nanoseconds(roundTrip))
        return (parts[0] * 1000 + parts[1] / 1000, server)
    }

    private func names() async throws -> [String] {
        let key = client.keys.queues
        let reply = try await pipeline.replies(to: [Pipeline.Read("SMEMBERS", key)])[0]
        if case .error(let error) = reply {
            guard error.code == .WRONGTYPE else { throw RedisError.server(error) }
            throw ForeignKey(key: key)
        }
        return (reply.array ?? []).compactMap(\.text)
    }

    // MARK: 2. The queues

    private func read(_ queues: [QueueReading], areAsked: Bool) async throws -> [QueueReading] {
        var queues = queues
        let reads = queues.map(\.reads)
        let replies = try await pipeline.replies(to: reads.flatMap { $0 })
        var next = 0
        for index in queues.indices {
            let end = next + reads[index].count
            queues[index].take(Array(replies[next..<end]))
            next = end
            if !areAsked { queues[index].stats.isKnown = true }
        }
        return queues
    }

    // MARK: 3. Their workers

    private func readWorkers(of queues: inout [QueueReading], now: Int) async throws
        -> [WorkerStats]
    {
        let counts = try await pipeline.replies(to: queues.flatMap(\.readsOfWorkers))
        var seen: [String: WorkerReading] = [:]
        var next = 0
        for index in queues.indices {
            let members = queues[index].members
            for (member, reply) in zip(members, counts[next...]) {
                let held = queues[index].holds(member, reply)
                let id = WorkerIdentity.first(of: member.id)
                seen[id, default: WorkerReading(id: id)].note(
                    member, in: queues[index].stats, held: held)
            }
            next += members.count
        }
        let ids = seen.keys.sorted()
        let infos = try await pipeline.replies(
            to: ids.flatMap { id in
                let key = client.keys.worker(id)
                return [Pipeline.Read("GET", key), Pipeline.Read("PTTL", key)]
            })
        var workers: [WorkerStats] = []
        for (index, id) in ids.enumerated() {
            guard let reading = seen[id] else { continue }
            workers.append(
                reading.stats(info: infos[2 * index], ttl: infos[2 * index + 1], now: now))
        }
        return workers.sorted { ($0.host, $0.pid ?? 0, $0.id) < ($1.host, $1.pid ?? 0, $1.id) }
    }

    // MARK: 4. The jobs set aside

    private func readParked(of queues: inout [QueueReading]) async throws {
        let reads = queues.map(\.readsOfParked)
        guard reads.contains(where: { !$0.isEmpty }) else { return }
        var rest = try await pipeline.replies(to: reads.flatMap { $0 })[...]
        for (index, reads) in zip(queues.indices, reads) {
            queues[index].takeParked(rest.prefix(reads.count))
            rest = rest.dropFirst(reads.count)
        }
    }

    // MARK: 5. The oldest jobs

    /// Last and in small batches: a job may be large, and one of 64 MB, which only a stranger
    /// could have put there, ends the connection.
    private func readAges(of queues: inout [QueueReading], now: Int) async throws {
        let waiting = queues.indices.filter { queues[$0].stats.ready > 0 }
        var small = pipeline
        small.batch = 32
        do {
            let jobs = try await small.replies(to: waiting.map { queues[$0].readOfOldest })
            for (index, job) in zip(waiting, jobs) { queues[index].takeOldest(job, now: now) }
        } catch {
            // Not `catch RedisError.protocolViolation`: Swift 6.3.1 crashes on it.
            guard case .protocolViolation = error else { throw error }
            for index in waiting where queues[index].stats.faults.isEmpty {
                queues[index].stats.faults = ["the oldest job could not be read: it is too large"]
            }
        }
    }

    // MARK: 6. The limits

    private func readLimits(now: Int) async throws -> [LimitStats] {
        let key = client.keys.limits
        let declared = try await pipeline.replies(to: [Pipeline.Read("HGETALL", key)])[0]
        if case .error(let error) = declared {
            guard error.code == .WRONGTYPE else { throw RedisError.server(error) }
            throw ForeignKey(key: key)
        }
        return try await LimitReading.read(declared, client, now: now).map(\.stats)
    }

    // MARK: Kinds of jobs

    private static func jobs(_ queues: [QueueReading], _ workers: [WorkerStats]) -> [JobStats] {
        var counts: [String: CountWindow.OfJob] = [:]
        for queue in queues {
            for (name, count) in queue.window.jobs {
                counts[name, default: CountWindow.OfJob()].done &+= count.done
                counts[name, default: CountWindow.OfJob()].failed &+= count.failed
                counts[name, default: CountWindow.OfJob()].microseconds &+= count.microseconds
            }
        }
        var handling: [String: Int] = [:]
        for worker in workers where worker.state != .lapsed {
            for name in Set(worker.handlers) { handling[name, default: 0] += 1 }
        }
        var jobs: [JobStats] = []
        for name in Set(counts.keys).union(handling.keys).sorted() {
            let count = counts[name] ?? CountWindow.OfJob()
            let runs = count.done &+ count.failed
            jobs.append(
                JobStats(
                    name: name, done: count.done, failed: count.failed,
                    meanRunTime: runs > 0 ? .microseconds(count.microseconds / runs) : nil,
                    workers: handling[name] ?? 0))
        }
        return jobs
    }

    /// A time that somebody else wrote: held within the years that RFC 3339 can write.
    static func date(_ milliseconds: Int) -> Date {
        let clamped = min(max(milliseconds, 0), 253_402_300_799_999)
        return Date(timeIntervalSince1970: Double(clamped) / 1000)
    }
}
