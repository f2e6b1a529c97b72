import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// What is told of workflows.
@Suite(.timeLimit(.minutes(1))) struct WorkflowStatusTests {
    @Test func `each step with its state, its times and how it failed`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let flow = Workflow(Number(value: 1), label: "one")
                .then(.group([.init(Add(term: 1)), .init(Add(term: 2))])).then(Sum())
            let bad = Workflow(Number(value: 1, fails: true)).then(Far())
                .onFailure(Tell(who: "me"))
            let good = try await fixture.client.start(flow, name: "good")
            _ = try await good.value()
            let status = try await good.status()
            #expect(status.handle == good.description && status.name == "good")
            #expect(status.state == .done && status.round == 1 && status.root == 4)
            #expect(status.steps.map(\.state) == [.done, .done, .done, .done, .done])
            #expect(status.steps.map(\.label) == ["one", "add", "add", "group", "sum"])
            #expect(status.steps.map(\.after) == [[], [0], [0], [1, 2], [3]])
            #expect(status.steps[3].needs == "all" && status.steps[3].members == [1, 2])
            let end = try #require(status.endedAt)
            for step in status.steps where step.job != nil {
                let from = try #require(step.enqueuedAt)
                let to = try #require(step.endedAt)
                #expect(status.openedAt <= from && from <= to && to <= end)
            }
            await #expect(throws: JobRunnerError.self) { try await good.retry() }
            let failed = try await fixture.client.start(bad)
            await #expect(throws: JobRunnerError.self) { try await failed.value() }
            await fixture.worker.log.end(.done, count: 5)
            let told = try await failed.status()
            #expect(told.state == .dead)
            #expect(told.steps.map(\.state) == [.dead, .skipped, .done])
            #expect(told.steps[0].failure?.type == "NumberFails")
            #expect(told.steps[1].queue == "far" && told.steps[2].onFailureOf == 1)
        }
    }

    @Test func `one that waits, and one that is unknown`() async throws {
        let fixture = try WorkflowFixture()
        let handle = try await fixture.client.start(Workflow(Number(value: 1)).then(Add(term: 1)))
        let status = try await handle.status()
        #expect(status.state == .running && status.endedAt == nil)
        #expect(status.steps.map(\.state) == [.enqueued, .waiting])
        #expect(status.steps[0].enqueuedAt != nil && status.steps[1].enqueuedAt == nil)
        #expect(try await fixture.client.workflow(queue: "q", id: "never") == nil)
        await #expect(throws: NameError.self) {
            try await fixture.client.workflow(queue: "no queue", id: "a")
        }
    }

    @Test func `the newest first, the expired left out`() async throws {
        let fixture = try WorkflowFixture()
        for id in ["a", "b", "c"] {
            _ = try await fixture.client.start(Workflow(Number(value: 1)), name: "n", id: id)
        }
        try await fixture.queue.redis("DEL", fixture.queue.keys.flow("b"))
        let all = try await fixture.client.workflows(in: "q")
        #expect(all.map(\.id) == ["c", "a"])
        #expect(all[0].handle == "q/c" && all[0].name == "n" && all[0].steps == 1)
        #expect(all[0].state == .running)
        #expect(try await fixture.client.workflows(in: "q", limit: 1).map(\.id) == ["c"])
        #expect(try await fixture.client.workflows(in: "other") == [])
    }

    @Test func `members of a batch are counted by how they ended`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let batch = try await fixture.client.open(Batch(), queue: "q", id: "b")
            try await batch.add((1...3).map { Number(value: $0) })
            try await batch.add(Number(value: 4, fails: true))
            await fixture.worker.log.end(.done, count: 3)
            await fixture.worker.log.end(.buried)
            let status = try #require(try await fixture.client.workflow(queue: "q", id: "b"))
            let members = try #require(status.members)
            #expect(members.open == 0 && members.ended == [.done: 3, .dead: 1])
            #expect(members.isComplete && members.failures.map(\.type) == ["NumberFails"])
            #expect(status.state == .running && status.steps[0].state == .waiting)
            try await batch.seal()
            _ = try await batch.wait()
            let ended = try #require(try await fixture.client.workflow(queue: "q", id: "b"))
            #expect(ended.state == .dead)
            await #expect(throws: JobRunnerError.self) {
                try await fixture.client.retryFlow(queue: "q", id: "b")
            }
        }
    }
}
