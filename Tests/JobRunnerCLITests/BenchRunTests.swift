import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// The executable as the user has it, against a Redis of its own.
@Suite(
    "A run of the bench", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct BenchRunTests {
    @Test func `a small run gives every figure and leaves no key`() async throws {
        let redis = try RedisServer.start()
        defer { redis.stop() }
        let end = try await BuiltExecutable.run(
            [
                "bench", "--jobs", "2000", "--latency-jobs", "50", "--rate", "500",
                "--idle-seconds", "3", "--only",
                BenchSettings.Part.allCases.map(\.rawValue)
                    .joined(separator: ","), "-o", "json", "-u", redis.url,
            ])
        #expect(end.code == 0, "\(end.errors)")
        let document = try JSONDecoder().decode(JSONValue.self, from: Data(end.output.utf8))
        guard case .object(let object) = document else {
            Issue.record("no object: \(end.output)")
            return
        }
        for figure in BenchFigure.allCases {
            let path = figure.rawValue.split(separator: ".").map(String.init)
            var value = object[path[0]]
            if path.count == 2, case .object(let inner) = value { value = inner[path[1]] }
            switch value {
            case .integer(let number): #expect(number > 0, "\(figure)")
            case .number(let number): #expect(number > 0, "\(figure)")
            default: Issue.record("\(figure) is \(String(describing: value))")
            }
        }
        let client = try await JobClient(redis.url)
        let connection = client.router.connection(for: "")
        #expect(try await connection.send(Command("KEYS", "*")) == .array([]))
    }

    @Test func `an interrupted run clears its lists`() async throws {
        let redis = try RedisServer.start()
        defer { redis.stop() }
        let client = try await JobClient(redis.url)
        let connection = client.router.connection(for: "")
        let bench = try BuiltExecutable(
            ["bench", "--jobs", "1000000", "--only", "drain", "-u", redis.url])
        // The first batch is in: it is filling the queue.
        while try await connection.send(Command("DBSIZE")) == .integer(0) {}
        bench.signal(SIGINT)
        let end = await bench.end()
        #expect(end.code == 75)
        #expect(end.errors.contains("interrupted"))
        #expect(try await connection.send(Command("KEYS", "*")) == .array([]))
    }

    @Test func `a killed bench leaves no worker behind`() async throws {
        let redis = try RedisServer.start()
        defer { redis.stop() }
        let client = try await JobClient(redis.url)
        let connection = client.router.connection(for: "")
        let list = Command("CLIENT", "LIST")
        let bench = try BuiltExecutable(
            ["bench", "--jobs", "2000", "--only", "idle", "--idle-seconds", "600", "-u", redis.url])
        while true {
            if try await connection.send(list).text?.contains("jobrunner-worker") == true { break }
        }
        bench.signal(SIGKILL)
        _ = await bench.end()
        while true {
            if try await connection.send(list).text?.contains("jobrunner-worker") == false { break }
        }
        // It gave its jobs back and said goodbye.
        let keys = try await connection.send(Command("KEYS", "*:workers"))
        #expect(keys == .array([]))
    }

    @Test func `a server that is too small is refused`() async throws {
        let redis = try RedisServer.start(arguments: ["--maxmemory", "20mb"])
        defer { redis.stop() }
        let end = try await BuiltExecutable.run(["bench", "--jobs", "100000", "-u", redis.url])
        #expect(end.code == 78)
        #expect(end.errors.contains("maxmemory"))
    }
}
