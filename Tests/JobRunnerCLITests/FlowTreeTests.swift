import Testing

@testable import JobRunner
@testable import JobRunnerCLI

/// What people see of a workflow, to the letter.
@Suite("A workflow drawn") struct FlowTreeTests {
    /// A group between two steps, one of its members dead, and somebody told of it.
    private static let flow: WorkflowStatus = {
        func step(
            _ number: Int, _ label: String, job: String?, queue: String? = "home",
            needs: String? = nil, members: [Int] = [], first: Int? = nil, after: [Int] = [],
            onFailureOf: Int? = nil, _ state: WorkflowStatus.Step.State, from: Int? = nil,
            to: Int? = nil, failure: WorkflowFailure? = nil
        ) -> WorkflowStatus.Step {
            WorkflowStatus.Step(
                number: number, label: label, job: job, queue: job == nil ? nil : queue,
                needs: needs, members: members, first: first, after: after,
                onFailureOf: onFailureOf, hook: nil, state: state, enqueuedAt: from, endedAt: to,
                failure: failure)
        }
        let failure = WorkflowFailure(
            flow: "home/w", step: "3", job: "resize", state: "dead", type: "ImageError",
            message: "no \"image\"")
        return WorkflowStatus(
            queue: "home", id: "w", name: "thumbs", state: .dead, openedAt: 1_000_000,
            endedAt: 1_004_500, round: 2,
            steps: [
                step(0, "fetch", job: "fetch", .done, from: 1_000_000, to: 1_001_200),
                step(1, "small", job: "resize", after: [0], .done, from: 1_001_200, to: 1_002_000),
                step(2, "stamp", job: "stamp", after: [1], .done, from: 1_002_000, to: 1_002_050),
                step(
                    3, "large <\"#\">", job: "resize", queue: "far", after: [0], .dead,
                    from: 1_001_200, to: 1_004_500, failure: failure),
                step(
                    4, "group", job: nil, needs: "all", members: [2, 3], first: 1, after: [2, 3],
                    .dead, to: 1_004_500),
                step(5, "publish", job: "publish", after: [4], .skipped, to: 1_004_500),
                step(6, "tell", job: "tell", onFailureOf: 5, .enqueued, from: 1_004_500),
            ], root: 5, members: nil, readAt: 1_005_000)
    }()

    @Test func `as a tree`() {
        let tree = FlowTree(Self.flow)
        #expect(
            tree.head.map { "\($0.label) \($0.text)" } == [
                "workflow home/w", "name thumbs", "state dead, round 2",
                "started 1970-01-01T00:16:40.000Z", "ended 1970-01-01T00:16:44.500Z", "took 4.5s",
            ])
        let table = TextTable(columns: FlowTree.columns, rows: tree.rows)
        #expect(
            table.lines(width: 80, isColoured: false) == [
                "STEP                               STATE      TOOK  WAITS FOR",
                "0 fetch                            done       1.2s",
                "4 all of 2                         dead          -  2, 3",
                "├─ 1 small (resize)                done      800ms  0",
                "├─ 2 stamp                         done       50ms  1",
                "└─ 3 large <\"#\"> (resize, in far)  dead       3.3s  0",
                "5 publish                          skipped       -  4",
                "6 tell                             enqueued  500ms  if 5 fails",
            ])
        for width in [40, 60, 80] {
            let lines = table.lines(width: width, isColoured: false)
            #expect(lines.allSatisfy { TextWidth.columns(of: $0) <= width })
        }
        #expect(tree.failures == [##"3 large <"#">: ImageError: no "image""##])
    }

    @Test func `for mermaid`() {
        #expect(
            FlowDrawing(Self.flow).mermaid == [
                "flowchart TD",
                #"    s0["0 fetch<br/>done"]:::done"#,
                #"    s1["1 small (resize)<br/>done"]:::done"#,
                #"    s2["2 stamp<br/>done"]:::done"#,
                #"    s3["3 large #60;#34;#35;#34;#62; (resize, in far)<br/>dead"]:::dead"#,
                #"    s4{{"4 all of 2<br/>dead"}}:::dead"#,
                #"    s5["5 publish<br/>skipped"]:::skipped"#,
                #"    s6["6 tell<br/>enqueued"]:::enqueued"#,
                "    s0 --> s1", "    s1 --> s2", "    s0 --> s3", "    s2 --> s4",
                "    s3 --> s4", "    s4 --> s5", "    s5 -. fails .-> s6",
                "    classDef enqueued fill:#bbdefb,color:#000",
                "    classDef done fill:#c8e6c9,color:#000",
                "    classDef dead fill:#ffcdd2,color:#000",
                "    classDef skipped fill:#ffe0b2,color:#000",
            ])
    }

    @Test func `for dot`() {
        #expect(
            FlowDrawing(Self.flow).dot == [
                #"digraph "thumbs" {"#,
                "    node [shape=box, style=filled];",
                ##"    s0 [label="0 fetch\ndone", fillcolor="#c8e6c9"];"##,
                ##"    s1 [label="1 small (resize)\ndone", fillcolor="#c8e6c9"];"##,
                ##"    s2 [label="2 stamp\ndone", fillcolor="#c8e6c9"];"##,
                ##"    s3 [label="3 large <\"#\"> (resize, in far)\ndead", "##
                    + ##"fillcolor="#ffcdd2"];"##,
                ##"    s4 [label="4 all of 2\ndead", fillcolor="#ffcdd2", shape=hexagon];"##,
                ##"    s5 [label="5 publish\nskipped", fillcolor="#ffe0b2"];"##,
                ##"    s6 [label="6 tell\nenqueued", fillcolor="#bbdefb"];"##,
                "    s0 -> s1;", "    s1 -> s2;", "    s0 -> s3;", "    s2 -> s4;",
                "    s3 -> s4;", "    s4 -> s5;", #"    s5 -> s6 [style=dashed, label="fails"];"#,
                "}",
            ])
    }

    @Test func `groups within groups are branches of branches`() throws {
        let inner = FlowNode.group([.job(Self.job("a")), .job(Self.job("b"))], .some(1))
        let plan = try FlowPlan(.group([.chain([inner, .job(Self.job("c"))]), inner], .each))
        let chart = FlowChart(plan)
        let steps = chart.steps.enumerated().map { number, step in
            WorkflowStatus.Step(number, step, nil, nil, isOver: false)
        }
        let status = WorkflowStatus(
            queue: "default", id: "n", name: "", state: .running, openedAt: 0, endedAt: nil,
            round: 1, steps: steps, root: 7,
            members: .init(
                open: 1200, ended: [.done: 3, .dead: 1], isComplete: false, failures: []),
            readAt: 90_000)
        let tree = FlowTree(status)
        #expect(
            tree.rows.map { $0[0].text } == [
                "7 each of 2", "├─ 2 1 of 2", "│  ├─ 0 a", "│  └─ 1 b", "├─ 3 c", "└─ 6 1 of 2",
                "   ├─ 4 a", "   └─ 5 b",
            ])
        #expect(
            tree.head.suffix(2).map(\.text) == ["for 1m30s", "1,200 open, 1 dead, 3 done and more"])
    }

    private static func job(_ name: String) -> FlowJob {
        FlowJob(
            name: name, arguments: Array("{}".utf8), options: JobOptions(), label: nil,
            takesInput: false)
    }
}
