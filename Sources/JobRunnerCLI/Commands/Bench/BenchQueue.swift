internal import JobRunner

/// The bench's own queue, under a prefix that nothing else uses: filled, and cleared by name.
final class BenchQueue: Sendable {
    let client: JobClient
    let name: String
    let keys: Keys
    /// Where plain commands go.
    let connection: Connection

    init(_ client: JobClient, name: String) {
        self.client = client
        self.name = name
        keys = client.keys
        connection = client.router.connection(for: client.keys.queues)
    }

    /// Keys of the queue that live as long as it does.
    private var lasting: [String] {
        let queue = keys.queue(name)
        return [
            queue.ready, queue.landing, queue.workers, queue.reaping, queue.scheduled, queue.dead,
            queue.crashes, queue.cancelled, queue.meta, queue.flows, plainActive, keys.queues,
        ]
    }

    /// The list that the plain protocol of the yardstick moves jobs to.
    var plainActive: String { keys.queue(name).base + "plain" }
    func plainResult(_ number: Int) -> String { keys.queue(name).base + "plain:\(number)" }

    /// - Throws: `CommandFailure` when a key is there already.
    func requireEmpty() async throws {
        let found = try await connection.send(Command(["EXISTS"] + lasting)).integer ?? 0
        guard found == 0 else {
            throw CommandFailure(
                "the bench's prefix '\(escaped(keys.prefix))' holds data", exit: .temporary)
        }
    }

    /// Should the bench be killed, its lists go by themselves; an hour is longer than any part.
    func expire(_ list: String) async throws {
        _ = try await connection.send(Command("EXPIRE", list, "3600"))
    }

    /// Deletes the outcomes of jobs, and that their ids were accepted.
    func forget(_ ids: [String]) async throws {
        let queue = keys.queue(name)
        try await unlink(count: ids.count) { queue.seen(ids[$0]) }
        try await unlink(count: ids.count) { queue.result(ids[$0]) }
    }

    /// Deletes what workflows left, each of so many jobs.
    func forgetFlows(_ ids: [String], steps: Int) async throws {
        let queue = keys.queue(name)
        try await unlink(count: ids.count * steps) {
            queue.seen("\(ids[$0 / steps]).\($0 % steps)")
        }
        try await unlink(count: ids.count) { queue.result(ids[$0]) }
        for part in ["", ":wait:\(steps)"] {
            try await unlink(count: ids.count) { queue.flow(ids[$0]) + part }
        }
    }

    /// Deletes keys by name, 1,000 a command.
    func unlink(count: Int, _ key: @Sendable (Int) -> String) async throws {
        for start in stride(from: 0, to: count, by: 16_000) {
            let commands = stride(from: start, to: min(count, start + 16_000), by: 1000).map {
                first in
                Command(["UNLINK"] + (first..<min(count, first + 1000)).map(key))
            }
            try await connection.pipeline(commands)
        }
    }

    /// Deletes what is not of a single job, and waits until the server has freed it: its
    /// background thread would be in the next part's CPU.
    ///
    /// - Parameter minutes: Since 1970, those that workers counted in.
    func clear(workers: [String] = [], minutes: ClosedRange<Int>) async throws {
        let queue = keys.queue(name)
        let first = workers.map(WorkerIdentity.first)
        let names =
            lasting + workers.map(queue.active) + first.map(keys.worker)
            + minutes.map(queue.count)
        _ = try await connection.send(Command(["UNLINK"] + names))
        var pending = 1
        while pending > 0 {
            let text = try await connection.send(Command("INFO", "memory")).text ?? ""
            pending = Int(ServerInfo(text).fields["lazyfree_pending_objects"] ?? "") ?? 0
            if pending > 0 { try await Task.sleep(for: .milliseconds(5)) }
        }
    }
}

extension Connection {
    /// Sends commands as one pipeline and returns when the last is answered.
    ///
    /// - Throws: The last one's error; those before it are of the same kind.
    func pipeline(_ commands: [Command]) async throws {
        guard let last = commands.last else { return }
        for command in commands.dropLast() { submit(command) { _ in } }
        _ = try await send(last)
    }
}
