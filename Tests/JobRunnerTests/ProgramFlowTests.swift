import Synchronization
import Testing

@testable import JobRunner

/// Runs in a program: counts the words of a text.
private struct Words: Job {
    static let name = "words"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Output = [String: Int]
    var text: String
}

/// Takes what that returned.
private struct Most: Job {
    static let name = "most"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = [String: Int]
    typealias Output = String
    var shout = false
}

/// The same in a program that is kept running.
private struct Kept: Job {
    static let name = "keeper"
    static let options = JobOptions(queue: "q", maxAttempts: 1)
    typealias Input = String
    typealias Output = String
    var greeting: String
}

/// Steps of workflows that are programs.
@Suite(.timeLimit(.minutes(2))) struct ProgramFlowTests {
    private func run(_ body: (JobClient, WorkerFixture) async throws -> Void) async throws {
        let programs = try ProgramFixture()
        _ = try await programs.python(
            "words",
            """
            import collections, json, sys
            print(json.dumps(collections.Counter(json.load(sys.stdin)["text"].split())))
            """)
        _ = try await programs.python(
            "most",
            """
            import json, sys
            args = json.load(sys.stdin)
            word = max(args["input"], key=args["input"].get)
            print(json.dumps(word.upper() if args["shout"] else word))
            """)
        _ = try await programs.keeper(
            #"answer(result=args["greeting"] + ", " + job["input"] + "!")"#)
        let handlers = try ProgramHandlers(
            directory: programs.path, concurrency: 4, environment: ["PATH": "/usr/bin:/bin"],
            passing: []
        ) { _ in }
        let queue = try QueueFixture()
        let worker = try WorkerFixture(queue) {
            handlers.register(on: &$0, timeLimit: nil)
        }
        let client = try queue.client()
        try await worker.run { try await body(client, $0) }
        await handlers.shutdown()
    }

    @Test func `a chain of programs: each gets what the one before printed`() async throws {
        try await run { client, _ in
            let flow = Workflow(Words(text: "to be or not to be to"))
                .then(Most(shout: true)).then(Kept(greeting: "Hello"))
            let value = try await client.start(flow).value()
            #expect(value == "Hello, TO!")
        }
    }

    @Test func `arguments that leave no room for an input bury the job`() async throws {
        try await run { client, worker in
            let options = JobOptions(queue: "q")
            for arguments in ["[1]", #"{"input":1,"shout":false}"#] {
                let job = FlowJob(
                    name: "most", arguments: Array(arguments.utf8), options: options, label: nil,
                    takesInput: true)
                let flow = Workflow<String>(
                    node: .chain([Workflow(Words(text: "a")).node, .job(job)]))
                let handle = try await client.start(flow)
                await #expect(throws: JobRunnerError.self) { try await handle.value() }
            }
            let reasons = worker.log.ends.filter { $0.verdict == .buried }.map(\.reason)
            #expect(
                reasons
                    == Array(
                        repeating: "'most' takes an input as the member 'input' of its arguments: "
                            + "they must be an object without such a member", count: 2))
        }
    }

    @Test(arguments: [
        ("{}", "[1]", #"{"input":[1]}"#), (#" {"a": 1 } "#, "2", #"{"a": 1 ,"input":2}"#),
    ])
    func `the input is one more member`(_ arguments: String, _ input: String, _ document: String) {
        let invocation = ProgramInvocation(
            id: "1", job: "a", attempt: 1, queue: "q", fence: 1, deadline: nil,
            arguments: Array(arguments.utf8), input: Array(input.utf8))
        #expect(invocation.document.map { String(decoding: $0, as: UTF8.self) } == document)
    }

    @Test func `a line holds the input behind the arguments, in one line`() {
        let invocation = ProgramInvocation(
            id: "1", job: "a", attempt: 1, queue: "q", fence: 1, deadline: nil,
            arguments: Array("[1]".utf8), input: Array("{\n\"b\":2}".utf8))
        let line = String(decoding: invocation.line ?? [], as: UTF8.self)
        #expect(line.hasSuffix(#","args":[1],"input":{ "b":2}}"# + "\n"))
        #expect(line.split(separator: "\n").count == 1)
    }
}
