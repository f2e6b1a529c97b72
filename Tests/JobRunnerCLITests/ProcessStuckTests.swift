import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// Swift handlers that no signal moves: the process ends all the same, and says how.
@Suite(
    "work with handlers that do not stop", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessStuckTests {
    private let fixture: CommandFixture

    init() async throws {
        fixture = try CommandFixture()
    }

    /// The worker whose jobs misbehave as they are told.
    private func worker(_ options: String...) throws -> ProcessLive {
        let path = try #require(BuiltExecutable.path)
        let app = URL(filePath: path).deletingLastPathComponent().path + "/FaultWorker"
        return try ProcessLive(
            ["work", "-u", fixture.url, "--prefix", fixture.prefix, "--app", app] + options,
            environment: ["FAULT_LEDGER": fixture.directory + "/ledger"])
    }

    /// Enqueues jobs that block, in one batch.
    private func block(_ count: Int, first: Int, milliseconds: Int) async throws {
        let lines = (first..<first + count).map {
            #"{"job":"block-pool","id":"b\#($0)","args":{"milliseconds":\#(milliseconds)}}"# + "\n"
        }
        let path = try fixture.file("jobs-\(first)", lines.joined())
        try #require(await fixture.run(["enqueue", "--ndjson", path]).exit == .success)
    }

    /// Returns when so many jobs of the worker have begun.
    private func begun(_ count: Int) async throws {
        try await fixture.shell(
            """
            until [ "$(grep -c start "$0/ledger" 2>/dev/null)" -ge \(count) ]; do
                tail -n +1 -F --pid=$$ "$0/ledger" 2>/dev/null | head -n \(count) >/dev/null
            done
            """)
    }

    @Test func `one that blocks the whole pool does not hold up the end`() async throws {
        let worker = try worker("-c", "8", "--drain-timeout", "0s")
        for _ in 0..<8 { try await fixture.enqueue("block-pool", #"{"milliseconds":60000}"#) }
        try await begun(1)
        worker.signal(SIGTERM)
        #expect(await worker.end() == 128 + SIGTERM)
        #expect(!worker.lines.contains { $0.contains(#""event":"stopped""#) })
    }

    @Test func `one that blocks the pool is named, and its lease is kept`() async throws {
        // All at once, and more than the pool has threads.
        try await block(8, first: 0, milliseconds: 1500)
        let worker = try worker("-c", "8", "--visibility-timeout", "3s")
        try await worker.line(#""event":"starved""#, #""job":"block-pool""#, "may block it")
        try await worker.line(#""event":"starved""#, "jobs run again")
        for number in 0..<8 { _ = try await fixture.value("b\(number)") }
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        #expect(!worker.lines.contains { $0.contains("lease_lost") })
    }

    @Test func `one that blocks the pool runs on threads when asked`() async throws {
        try await block(8, first: 0, milliseconds: 1500)
        let worker = try worker("-c", "8", "--move-blocking")
        try await worker.line(#""event":"moved""#, #""job":"block-pool""#)
        for number in 0..<8 { _ = try await fixture.value("b\(number)") }
        let before = worker.lines.count
        // All at once on their threads: the others are not held up.
        try await block(6, first: 8, milliseconds: 1500)
        try await fixture.enqueue("ledger", #"{"milliseconds":0}"#, id: "quick")
        _ = try await fixture.value("quick")
        for number in 8..<14 { _ = try await fixture.value("b\(number)") }
        #expect(!worker.lines.dropFirst(before).contains { $0.contains("may block it") })
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
    }

    @Test func `one that ignores its cancellation is named, and ends the worker with 75`()
        async throws
    {
        let worker = try worker(
            "--stuck-after", "50ms", "--exit-when-stuck", "50ms", "--drain-timeout", "60s")
        try await fixture.enqueue("ignore-cancel", #"{"milliseconds":60000}"#, id: "odd")
        try await worker.line(
            #""event":"stuck""#, "did not stop 50ms after cancel; slot is held", #""id":"odd""#)
        try await worker.line(#""event":"giving_up""#)
        #expect(await worker.end() == 75)
        try await worker.line(
            #""event":"retried","job":"ignore-cancel""#, "did not stop when cancelled")
        #expect(try await fixture.holders() == [])
    }
}
