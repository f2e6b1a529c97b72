internal import RedisLink

/// Jobs in the `active` hash of a worker that no set of its queue knows: a server lost a write.
struct Orphan: Sendable, Equatable {
    let queue: String
    let worker: String
    let jobs: Int
}

/// Looks through the keys for `active` hashes without an owner, a bounded number of keys.
struct OrphanSearch: Sendable {
    /// Keys asked for by one SCAN, and how many of these there are at most.
    static let step = 1000
    static let steps = 200

    let client: JobClient
    private(set) var orphans: [Orphan] = []
    /// False when there were more keys than `step * steps`.
    private(set) var isComplete = false

    init(client: JobClient) {
        self.client = client
    }

    /// - Parameter queues: Only of these.
    mutating func run(queues: Set<String>) async throws(RedisError) {
        let connection = client.router.connection(for: client.keys.queues)
        var cursor = "0"
        for _ in 0..<Self.steps {
            let command = Command(
                "SCAN", cursor, "MATCH", "\(client.keys.prefix):{*}:active:*", "COUNT",
                "\(Self.step)", "TYPE", "hash")
            let reply = try await connection.send(command).orThrow()
            guard let page = reply.array, page.count == 2, let next = page[0].text else {
                throw .unexpectedReply(command: "SCAN", got: reply.kind)
            }
            for key in (page[1].array ?? []).compactMap(\.text) {
                guard let (queue, worker) = parts(of: key), queues.contains(queue) else { continue }
                if let orphan = try await look(queue, worker), !orphans.contains(orphan) {
                    orphans.append(orphan)
                }
            }
            cursor = next
            if cursor == "0" {
                isComplete = true
                return
            }
        }
    }

    /// Queue and worker of `<prefix>:{<queue>}:active:<worker>`.
    func parts(of key: String) -> (queue: String, worker: String)? {
        let start = client.keys.prefix + ":{"
        guard key.hasPrefix(start), let end = key.firstRange(of: "}:active:") else { return nil }
        let queue = String(key[key.index(key.startIndex, offsetBy: start.count)..<end.lowerBound])
        let worker = String(key[end.upperBound...])
        return (try? QueueName(queue)) == nil || worker.isEmpty ? nil : (queue, worker)
    }

    private func look(_ queue: String, _ worker: String) async throws(RedisError) -> Orphan? {
        let store = QueueStore(client.keys.queue(queue))
        guard try await client.send(store.isOwned(worker)) == false else { return nil }
        // Behind that, or a worker that has just left would count.
        let jobs = try await client.send(store.held(worker))
        return jobs > 0 ? Orphan(queue: queue, worker: worker, jobs: jobs) : nil
    }
}

extension QueueStore {
    /// Whether a worker has a lease here, or its jobs are being given back.
    ///
    /// In one command: between two commands it could go from one set to the other.
    func isOwned(_ worker: String) -> Call<Bool> {
        Call(
            key: keys.ready,
            command: Command(
                "ZUNION", "2", keys.workers, keys.reaping)
        ) { ($0.array ?? []).contains { $0.text == worker } }
    }

    /// How many jobs a worker holds.
    func held(_ worker: String) -> Call<Int> {
        Call(key: keys.ready, command: Command("HLEN", keys.active(worker))) { $0.integer ?? 0 }
    }
}
