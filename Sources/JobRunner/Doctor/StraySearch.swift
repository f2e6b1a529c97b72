internal import RedisLink

/// Looks for keys of queues that nobody will find or clear, among a bounded number of keys: a set
/// of jobs that its index does not have, what should lapse and never does, what was left of a
/// schedule.
struct StraySearch: Sendable {
    /// Jobs that wait in a set of their own, of which the queue knows nothing.
    struct Lost: Sendable, Hashable {
        let queue: String
        /// `parked` or `blocked`.
        let index: String
        /// Its name there.
        let member: String
        let jobs: Int
    }

    /// Keys of one kind that stay for ever.
    struct Endless: Sendable, Hashable {
        let queue: String
        /// As in `result`.
        let kind: String
    }

    /// What should have a time to live.
    private static let mortal: Set = ["result", "progress", "seen", "unique", "once", "count"]
    /// What goes with its schedule.
    private static let ofSchedule: Set = ["schedule", "history"]

    let client: JobClient
    private(set) var lost: Set<Lost> = []
    /// How many, and one of them.
    private(set) var endless: [Endless: (keys: Set<String>, count: Int)] = [:]

    init(client: JobClient) {
        self.client = client
    }

    /// A key of a queue, in its parts.
    private struct Found {
        let key: String
        let queue: String
        let kind: String
        let rest: String
    }

    /// - Parameter queues: Only of these.
    mutating func run(queues: Set<String>) async throws(RedisError) {
        let connection = client.router.connection(for: client.keys.queues)
        var cursor = "0"
        for _ in 0..<OrphanSearch.steps {
            let command = Command(
                "SCAN", cursor, "MATCH", "\(client.keys.prefix):{*}:*", "COUNT",
                "\(OrphanSearch.step)")
            let reply = try await connection.send(command).orThrow()
            guard let page = reply.array, page.count == 2, let next = page[0].text else {
                throw .unexpectedReply(command: "SCAN", got: reply.kind)
            }
            var found: [Found] = []
            for key in (page[1].array ?? []).compactMap(\.text) {
                if let parts = parts(of: key), queues.contains(parts.queue) { found.append(parts) }
            }
            try await look(found)
            cursor = next
            if cursor == "0" { return }
        }
    }

    /// Those of `<prefix>:{<queue>}:<kind>:<rest>`.
    private func parts(of key: String) -> Found? {
        let start = client.keys.prefix + ":{"
        guard key.hasPrefix(start), let end = key.firstRange(of: "}:") else { return nil }
        let queue = String(key[key.index(key.startIndex, offsetBy: start.count)..<end.lowerBound])
        let name = key[end.upperBound...]
        guard (try? QueueName(queue)) != nil, let colon = name.firstIndex(of: ":") else {
            return nil
        }
        let rest = String(name[name.index(after: colon)...])
        return rest.isEmpty
            ? nil : Found(key: key, queue: queue, kind: String(name[..<colon]), rest: rest)
    }

    private mutating func look(_ keys: [Found]) async throws(RedisError) {
        var looked: [Found] = []
        var reads: [Pipeline.Read] = []
        for found in keys {
            let queue = client.keys.queue(found.queue)
            switch found.kind {
            case "parked", "blocked":
                let index = found.kind == "parked" ? queue.parked : queue.blocked
                // In this order: what has just been emptied is no finding.
                reads.append(Pipeline.Read("ZSCORE", index, found.rest))
                reads.append(Pipeline.Read("ZCARD", found.key))
            case let kind where Self.mortal.contains(kind):
                reads.append(Pipeline.Read("PTTL", found.key))
                reads.append(Pipeline.Read("EXISTS", found.key))
            case let kind where Self.ofSchedule.contains(kind):
                reads.append(Pipeline.Read("HEXISTS", queue.schedules, found.rest))
                reads.append(Pipeline.Read("EXISTS", found.key))
            default: continue
            }
            looked.append(found)
        }
        let replies = try await Pipeline(router: client.router).replies(to: reads)
        for (index, found) in looked.enumerated() {
            judge(found, replies[2 * index], replies[2 * index + 1])
        }
    }

    private mutating func judge(_ found: Found, _ first: RedisValue, _ second: RedisValue) {
        let count = second.integer ?? 0
        guard count > 0 else { return }
        switch found.kind {
        case "parked", "blocked":
            guard first == .null else { return }
            lost.insert(
                Lost(queue: found.queue, index: found.kind, member: found.rest, jobs: count))
        case let kind where Self.mortal.contains(kind):
            if first.integer == -1 { note(found) }
        default:
            if first.integer == 0 { note(found) }
        }
    }

    private mutating func note(_ found: Found) {
        let kind = Endless(queue: found.queue, kind: found.kind)
        var (keys, count) = endless[kind] ?? ([], 0)
        // SCAN may tell of one twice: so many are told apart.
        if keys.count < 1000 {
            count += keys.insert(found.key).inserted ? 1 : 0
        } else {
            count += 1
        }
        endless[kind] = (keys, count)
    }

    // MARK: What follows

    var findings: [Finding] {
        var found = sortedLost.map { lost in
            Finding(
                .problem, lost.index, queue: lost.queue,
                "'\(lost.index):\(printable(lost.member))' holds \(Finding.jobs(lost.jobs)), and "
                    + "'\(lost.index)' does not list it: no worker will find them",
                remedy: "jobrunner doctor --fix")
        }
        for kind in endless.keys.sorted(by: { ($0.queue, $0.kind) < ($1.queue, $1.kind) }) {
            guard let (keys, count) = endless[kind], let key = keys.min() else { continue }
            let isOfSchedule = Self.ofSchedule.contains(kind.kind)
            let what =
                isOfSchedule
                ? "left of schedules that there are no more" : "without a time to live"
            let command = isOfSchedule ? "UNLINK '\(key)'" : "EXPIRE '\(key)' 86400"
            found.append(
                Finding(
                    .warn, "keys", queue: kind.queue,
                    "\(grouped(count)) '\(kind.kind):…' \(count == 1 ? "key" : "keys") \(what): "
                        + "nothing clears them away",
                    remedy: "redis-cli \(printable(command, limit: 300))"
                        + (count > 1 ? ", and so the others" : "")))
        }
        return found
    }

    /// In an order that does not depend on the server's.
    var sortedLost: [Lost] {
        lost.sorted { ($0.queue, $0.index, $0.member) < ($1.queue, $1.index, $1.member) }
    }
}
