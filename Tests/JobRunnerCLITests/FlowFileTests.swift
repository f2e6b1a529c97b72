import Foundation
import Testing

@testable import JobRunner
@testable import JobRunnerCLI

@Suite("The workflow file") struct FlowFileTests {
    /// As `WorkflowFile.md` has it.
    static let example = """
        {
          "name": "order 7",
          "chain": [
            {"job": "order.load", "args": {"id": 7}, "label": "load"},
            {"group": [
              {"job": "stock.reserve", "input": true, "queue": "stock", "maxAttempts": 3},
              {"job": "card.charge", "input": true, "timeLimit": "30s", "priority": 5,
               "onFailure": {"job": "card.alert"}}
            ]},
            {"job": "order.ship", "input": true, "expires": "2h"}
          ],
          "onFailure": [{"job": "order.apologise", "input": true}]
        }
        """

    /// As `WorkflowFile.md` has it, too.
    static let graph = """
        {
          "steps": {
            "ship": {"job": "order.ship", "input": {"stock": "stock", "card": "card"}},
            "stock": {"job": "stock.reserve", "input": "order"},
            "card": {"job": "card.charge", "input": "order", "after": "stock"},
            "order": {"job": "order.load"}
          },
          "result": "ship"
        }
        """

    @Test func `the page shows them`() throws {
        let source = URL(filePath: #filePath)
        let page = try String(
            contentsOf: source.deletingLastPathComponent().appending(
                path: "../../Sources/JobRunner/JobRunner.docc/WorkflowFile.md"), encoding: .utf8)
        for text in [Self.example, Self.graph] { #expect(page.contains(text)) }
    }

    private func read(_ text: String) throws(CommandFailure) -> FlowFile {
        try FlowFile(Array(text.utf8), name: "f.json")
    }

    private func chart(_ text: String) throws -> FlowChart {
        FlowChart(try FlowPlan(read(text).node))
    }

    @Test func `the example is what it says`() throws {
        let file = try read(Self.example)
        #expect(file.name == "order 7")
        let plan = try FlowPlan(file.node)
        let chart = FlowChart(plan)
        #expect(
            chart.steps.map(\.label) == [
                "load", "stock.reserve", "card.charge", "card.alert", "group", "order.ship",
                "order.apologise",
            ])
        #expect(chart.steps.map(\.after) == [[], [0], [0], [], [1, 2], [4], []])
        #expect(chart.steps.map(\.onFailureOf) == [nil, nil, nil, 2, nil, nil, 5])
        #expect(chart.steps[4].needs == "all")
        #expect(plan.steps.map { $0.input?.description } == [nil, "0", "0", nil, nil, "4", "!5"])
        let jobs = plan.steps.map(\.job)
        #expect(try jobs[0]?.arguments.get() == Array(#"{"id": 7}"#.utf8))
        #expect(jobs[1]?.options.queue == "stock" && jobs[1]?.options.maxAttempts == 3)
        #expect(jobs[2]?.options.timeLimit == .seconds(30) && jobs[2]?.options.priority == 5)
        #expect(jobs[5]?.options.expires == .seconds(7200))
    }

    @Test func `steps by name, in any order`() throws {
        let plan = try FlowPlan(read(Self.graph).node)
        let chart = FlowChart(plan)
        #expect(chart.steps.map(\.label) == ["order", "stock", "card", "ship"])
        #expect(chart.steps.map(\.after) == [[], [0], [0, 1], [1, 2]])
        #expect(plan.steps.map { $0.input?.description } == [nil, "0", "0", "{stock:1,card:2}"])
        #expect(chart.root == 3)
    }

    @Test func `lists, numbers and words`() throws {
        let list = try chart(
            #"{"steps": {"a": {"job": "a"}, "b": {"job": "b", "input": ["a"], "after": ["a"]}}}"#)
        #expect(list.steps.map(\.after) == [[], [0], [1]])
        let some = try chart(#"{"group": [{"job": "a"}, {"job": "b"}], "need": 1}"#)
        #expect(some.steps[2].needs == "1")
        let each = try chart(#"{"group": [{"chain": [{"job": "a"}]}], "need": "each"}"#)
        #expect(each.steps[1].needs == "each")
        #expect(try chart(#"{"job": "alone", "args": [1, 2]}"#).steps.map(\.job) == ["alone"])
        #expect(try chart(#"{"chain": [{"group": []}, {"job": "a", "input": true}]}"#).root == 1)
    }

    /// As many attempts as the default are said all the same: a handler may have others.
    @Test(arguments: [(#","maxAttempts":10"#, #""maxAttempts":10"#), ("", nil)])
    func `attempts that were named are written`(member: String, expected: String?) throws {
        let plan = try FlowPlan(read(#"{"job":"a"\#(member)}"#).node)
        let opening = try FlowOpening(
            plan, id: JobID("f"), name: "", keep: .seconds(1), maxBytes: 1000)
        let json = String(decoding: opening.store.fields[0].value, as: UTF8.self)
        #expect(json.contains("maxAttempts") == (expected != nil))
        if let expected { #expect(json.contains(expected)) }
    }

    @Test(arguments: [
        ("[1]", "must be an object, got [1]"),
        (#"{"chain": [{"job": "a"}"#, "JSON ends inside an array at byte 23"),
        (#"{"name": "x"}"#, "one of the keys 'job', 'chain', 'group', 'steps' is needed"),
        (
            #"{"chian": []}"#,
            "one of the keys 'job', 'chain', 'group', 'steps' is needed; 'chian' is unknown, "
                + "did you mean 'chain'?"
        ),
        (#"{"chain": []}"#, "chain: needs at least one step"),
        (#"{"chain": 1}"#, "chain: must be an array, got 1"),
        (#"{"job": "a", "chain": []}"#, "key 'chain' cannot go with 'job'"),
        (
            #"{"chain": [{"job": "a", "ags": {}}]}"#,
            "chain[0]: key 'ags' is unknown; did you mean 'args'?"
        ),
        (
            #"{"chain": [{"job": "a"}], "colour": 1}"#,
            "key 'colour' is unknown; use chain, onFailure, name"
        ),
        (#"{"job": "a", "job": "b"}"#, "key 'job' is there twice"),
        (#"{"job": "a", "name": 1}"#, "name: must be text, got 1"),
        (
            #"{"chain": [{"group": [{"job": "a b"}]}]}"#,
            "chain[0].group[0].job: job name 'a b' is not allowed: "
                + "use 1 to 64 of A-Z a-z 0-9 . _ -"
        ),
        (
            #"{"job": "a", "queue": ""}"#,
            "queue: queue name '' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"
        ),
        (
            #"{"chain": [{"job": "a", "input": true}]}"#,
            "chain[0].input: there is no step before it whose result it could take"
        ),
        (#"{"job": "a", "input": "x"}"#, #"input: must be true or false, got "x""#),
        (#"{"job": "a", "maxAttempts": 0}"#, "maxAttempts: must be a number from 1 to 1000, got 0"),
        (#"{"job": "a", "priority": 10}"#, "priority: must be a number from 0 to 9, got 10"),
        (
            #"{"job": "a", "timeLimit": 5}"#,
            #"timeLimit: must be a duration such as "30s", "5m" or "2h", to 30d, got 5"#
        ),
        (
            #"{"group": [{"job": "a"}], "need": 2}"#,
            #"need: must be "all", "each" or a number from 1 to 1, got 2"#
        ),
        (
            #"{"group": [{"job": "a"}], "need": "any"}"#,
            #"need: must be "all", "each" or a number from 1 to 1, got "any""#
        ),
        (
            #"{"job": "a", "onFailure": [{"job": "b"}, {"chain": []}]}"#,
            "onFailure[1]: key 'job' is missing"
        ),
        (
            #"{"job": "a", "onFailure": {"job": "b", "onFailure": {}}}"#,
            "onFailure: key 'onFailure' is unknown; use job, queue, args, label, maxAttempts, "
                + "timeLimit, expires, priority, input"
        ),
        (#"{"steps": {}}"#, "steps: needs at least one step"),
        (#"{"steps": []}"#, "steps: must be an object of steps by their names, got []"),
        (
            #"{"steps": {"fetch": {"job": "a"}, "b": {"job": "b", "after": "fecth"}}}"#,
            "steps.b.after: there is no step 'fecth'; did you mean 'fetch'?"
        ),
        (
            #"{"steps": {"a": {"job": "a"}, "b": {"job": "b", "input": {"x": "zzz"}}}}"#,
            "steps.b.input.x: there is no step 'zzz'"
        ),
        (
            #"{"steps": {"a": {"job": "a"}, "b": {"job": "b", "after": ["a", 1]}}}"#,
            "steps.b.after[1]: must be the name of a step, got 1"
        ),
        (
            #"{"steps": {"a": {"job": "a", "input": true}}}"#,
            "steps.a.input: must be the name of a step, an array of names, or an object of them, "
                + "got true"
        ),
        (#"{"steps": {"a": {"job": "a"}, "a": {"job": "b"}}}"#, "steps: step 'a' is there twice"),
        (
            #"{"steps": {"a": {"job": "a"}}, "result": "b"}"#,
            "result: there is no step 'b'; did you mean 'a'?"
        ),
        (
            #"{"steps": {"z": {"job": "a"}, "a": {"job": "a", "after": "c"}, "#
                + #""b": {"job": "a", "after": "a"}, "c": {"job": "a", "input": ["b", "z"]}}}"#,
            "steps: these wait for each other: a -> b -> c -> a"
        ),
        (
            #"{"steps": {"a": {"job": "a", "after": "a"}}}"#,
            "steps: these wait for each other: a -> a"
        ),
    ])
    func `what is wrong is told with its place`(text: String, message: String) {
        let failure = #expect(throws: CommandFailure.self) { try read(text) }
        #expect(failure?.message == "f.json: \(message)")
        #expect(failure?.exit == .data)
    }

    @Test func `nesting and size have limits`() throws {
        let deep = String(repeating: #"{"chain":["#, count: 33)
        let failure = #expect(throws: CommandFailure.self) { try read(deep) }
        #expect(failure?.message.contains("64") == true)
        let steps = (0...1000).map { #""s\#($0)": {"job": "a"}"# }.joined(separator: ",")
        let wide = #expect(throws: CommandFailure.self) { try read(#"{"steps": {\#(steps)}}"#) }
        #expect(wide?.message == "f.json: steps: a workflow has at most 1,000 steps")
        let jobs = Array(repeating: #"{"job": "a"}"#, count: 1001).joined(separator: ",")
        let many = try read(#"{"chain": [\#(jobs)]}"#)
        #expect(throws: JobRunnerError.self) { try FlowPlan(many.node) }
    }
}
