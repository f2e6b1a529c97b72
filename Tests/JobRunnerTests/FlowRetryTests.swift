import Testing

@testable import JobRunner

/// What goes on when a workflow is retried.
@Suite struct FlowRetryTests {
    private func job(_ name: String) -> FlowNode { .job(Self.job(name)) }

    private static func job(_ name: String) -> FlowJob {
        FlowJob(
            name: name, arguments: Array("{}".utf8), options: JobOptions(), label: nil,
            takesInput: false)
    }

    /// - Parameter states: A letter a step, `-` for none.
    private func retry(_ node: FlowNode, _ states: String) throws -> FlowRetry {
        let plan = try FlowPlan(node)
        #expect(plan.steps.count == states.count)
        return FlowRetry(
            FlowChart(plan), states: states.map { $0 == "-" ? nil : $0 },
            gates: Set(FlowWiring(plan).waits.map(\.step)))
    }

    @Test func `a chain goes on at the step that failed`() throws {
        let found = try retry(.chain([job("a"), job("b"), job("c")]), "dxs")
        #expect(found.back == [1, 2])
        #expect(found.starts == [1])
        #expect(found.sets == [])
    }

    @Test func `a group waits for those members that are not done`() throws {
        let node = FlowNode.chain([.group([job("a"), job("b"), job("c")], .all), job("d")])
        let found = try retry(node, "dxcxs")
        #expect(found.back == [1, 2, 3, 4])
        #expect(found.starts == [1, 2])
        #expect(found.sets == [.init(kind: "wait", step: 3, steps: [1, 2])])
    }

    @Test func `a quorum keeps those that it has`() throws {
        let found = try retry(.group([job("a"), job("b"), job("c")], .some(2)), "dxxx")
        #expect(found.back == [1, 2, 3])
        #expect(
            found.sets == [
                .init(kind: "wait", step: 3, steps: [1, 2]), .init(kind: "ok", step: 3, steps: [0]),
            ])
    }

    @Test func `the failures of a group that is done are results: they stay`() throws {
        let attempts = FlowNode.group([job("a"), .chain([job("b"), job("c")])], .each)
        let found = try retry(.chain([attempts, job("d")]), "dxsdx")
        #expect(found.back == [4])
        #expect(found.starts == [4])
        #expect(found.sets == [])
    }

    @Test func `what starts at a failure goes back with it, and does not start`() throws {
        let guarded = FlowNode.guarded(
            .chain([job("a"), job("b")]), onFailure: [Self.job("tell")])
        let found = try retry(.chain([guarded, job("c")]), "dxds")
        #expect(found.back == [1, 2, 3])
        #expect(found.starts == [1])
        // The part is done, what comes after it failed: nobody is to be told again.
        #expect(try retry(.chain([guarded, job("c")]), "dd-x").back == [3])
    }

    @Test func `what was cancelled with the whole may start again`() throws {
        let guarded = FlowNode.guarded(job("a"), onFailure: [Self.job("tell")])
        let found = try retry(.chain([guarded, job("b")]), "dcc")
        #expect(found.back == [1, 2])
        #expect(found.starts == [2])
    }

    /// Its members ran on when it was cancelled.
    @Test func `a group that has all it needs is told again`() throws {
        let inner = FlowNode.group([job("a"), job("b")], .each)
        let found = try retry(.group([inner, job("c")], .all), "ddcxx")
        #expect(found.back == [2, 3, 4])
        #expect(found.starts == [3])
        #expect(found.tells == [0])
        #expect(found.sets == [.init(kind: "wait", step: 4, steps: [2, 3])])
        let race = FlowNode.group([job("a"), job("b")], .some(1))
        let raced = try retry(.chain([race, job("c")]), "xdcc")
        #expect(raced.back == [2, 3] && raced.starts == [] && raced.tells == [1])
    }

    @Test func `a step of a graph waits for what is not done`() throws {
        let graph = FlowNode.graph(
            [
                GraphStep(job: Self.job("a"), after: []), GraphStep(job: Self.job("b"), after: []),
                GraphStep(job: Self.job("c"), after: [0, 1]),
                GraphStep(job: Self.job("d"), after: [0, 2]),
            ], result: 3)
        let found = try retry(graph, "dxss")
        #expect(found.back == [1, 2, 3])
        #expect(found.starts == [1])
        #expect(
            found.sets == [
                .init(kind: "wait", step: 2, steps: [1]), .init(kind: "wait", step: 3, steps: [2]),
            ])
        #expect(try retry(graph, "ddxs").starts == [2])
    }

    @Test func `a job is renewed under another id, and expires as long after that`() throws {
        let json =
            #"{"id":"f.0","priority":3,"job":"a","queue":"q","args":[1, 2],"enqueued":100,"#
            + #""expires":350,"flow":"q/f/0","own":true,"state":{"attempt":2}}"#
        let envelope = try Envelope(Array(json.utf8))
        let renewed = envelope.renewed(as: try JobID("f.0.r2"), now: 1000)
        #expect(
            String(decoding: renewed, as: UTF8.self)
                == #"{"id":"f.0.r2","priority":3,"job":"a","queue":"q","args":[1, 2],"#
                + #""enqueued":1000,"expires":1250,"flow":"q/f/0","own":true}"#)
    }
}
