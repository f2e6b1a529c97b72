import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

private struct Greeting: Job {
    static let name = "greeting"
    static let version = 2
    var names: [String]

    static func upgrade(_ arguments: JSONValue, from version: Int) throws -> JSONValue {
        guard case .object(let old) = arguments, let name = old["name"] else { return arguments }
        return .object(["names": .array([name])])
    }
}

/// `check`: a new binary looks at the old one's jobs before it is deployed.
@Suite("check", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(1)))
struct CheckCommandTests {
    private let fixture: CommandFixture

    init() throws {
        fixture = try CommandFixture()
    }

    private func check(_ words: String...) async -> CommandFixture.Ran {
        await fixture.run(["check"] + words) { builder in
            builder.handle(Greeting.self) { _, _ in }
        }
    }

    private func enqueue(_ lines: String...) async throws {
        let path = try fixture.file("jobs", lines.map { $0 + "\n" }.joined())
        try #require(await fixture.run(["enqueue", "--ndjson", path]).exit == .success)
    }

    @Test func `it lists handlers`() async {
        let ran = await check()
        #expect(ran.exit == .success)
        #expect(ran.out == "greeting\n")
        let none = await fixture.run("check -o json")
        #expect(none.out == #"{"version":1,"handlers":[]}"# + "\n")
    }

    @Test func `what would run is fine, an empty Redis too`() async throws {
        let empty = await check("--backlog")
        #expect(empty.exit == .success)
        #expect(empty.out == "0 of 0 sampled jobs would not run; 0 wait\n")
        try await enqueue(
            #"{"job":"greeting","args":{"name":"ada"}}"#,
            #"{"job":"greeting","v":2,"args":{"names":[]}}"#)
        _ = await fixture.run(#"enqueue greeting {"name":"bo"} --in 1h"#)
        let ran = await check("--backlog")
        #expect(ran.exit == .success)
        #expect(ran.out == "0 of 3 sampled jobs would not run; 3 wait\n")
    }

    @Test func `what would not is told, and nothing is changed`() async throws {
        try await enqueue(
            #"{"job":"greeting","v":3,"id":"new"}"#, #"{"job":"greeting","v":3,"id":"new2"}"#,
            #"{"job":"other","id":"o"}"#, #"{"job":"greeting","v":2,"id":"bad","args":{}}"#)
        let store = QueueStore(Keys(prefix: fixture.prefix).queue("default"))
        let connection = fixture.client.router.connection(for: store.keys.ready)
        _ = try await connection.send(Command("LPUSH", store.keys.ready, "nonsense"))
        let ran = await check("--backlog")
        #expect(ran.exit == .no)
        #expect(
            ran.lines == [
                "default: no job: 1 would be buried: not a JSON object: byte 0 is 'n'",
                "default: greeting@2: 1 would fail: args of 'greeting': key 'names' is missing "
                    + "(such as bad)",
                "default: greeting@3: 2 would be parked: the handler knows up to version 2 "
                    + "(such as new)",
                "default: other@1: 1 would be parked: no handler of that name (such as o)",
                "5 of 5 sampled jobs would not run; 5 wait",
            ])
        #expect(try await connection.send(Command("LLEN", store.keys.ready)) == .integer(5))
        let other = await check("--backlog", "--allow-unknown", "-o", "json")
        #expect(other.exit == .no)
        #expect(other.out.contains(#""sampled":5,"waiting":5,"findings":[{"queue":"default""#))
        #expect(!other.out.contains("other@1"))
        let one = await check("--backlog", "--sample", "1", "-q", "default")
        #expect(one.lines.last == "1 of 1 sampled jobs would not run; 5 wait")
    }
}
