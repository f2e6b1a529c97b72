import JobRunner
import JobRunnerTesting

@testable import JobRunnerCLI

/// Dead jobs as workers leave them.
extension CommandFixture {
    /// Buries a job: its envelope, or any text.
    func bury(
        _ job: String, reason: String = "failed 1 times, last with E: no", at time: Int = 1000,
        queue: String = "default"
    ) async throws {
        _ = try await ask("SADD", "\(prefix):queues", queue)
        let entry = "host-1-a/7 \(reason)\n\(job)"
        _ = try await ask("ZADD", key("dead", of: queue), "\(time)", entry)
    }

    /// Buries a job of that id and name.
    func bury(
        id: String, job: String = "a", reason: String = "failed 1 times, last with E: no",
        at time: Int = 1000, queue: String = "default"
    ) async throws {
        try await bury(
            #"{"id":"\#(id)","job":"\#(job)"}"#, reason: reason, at: time, queue: queue)
    }

    func dead(_ queue: String = "default") async throws -> [String] {
        let reply = try await ask("ZRANGE", key("dead", of: queue), "0", "-1")
        return (reply.array ?? []).compactMap(\.text)
    }
}
