import Testing

@testable import JobRunner

/// Workflows run by a real worker on a real server.
@Suite(.timeLimit(.minutes(1))) struct WorkflowTests {
    @Test func `a chain: each step takes what the one before returned`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let handle = try await fixture.client.start(
                Workflow(Number(value: 1)).then(Add(term: 10)).then(Add(term: 100)))
            let handleValue = try await handle.value()
            #expect(handleValue == 111)
            #expect(handle.queue == "q")
        }
        #expect(fixture.log.runs.values.allSatisfy { $0 == 1 })
        #expect(fixture.log.runs.count == 3)
    }

    @Test func `a group: results in order, and a chord takes them all`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let members = (1...20).map { Workflow(Number(value: $0)) }
            let group = try await fixture.client.start(.group(members))
            let groupValue = try await group.value()
            #expect(groupValue == Array(1...20))
            let chord = try await fixture.client.start(Workflow.group(members).then(Sum()))
            let chordValue = try await chord.value()
            #expect(chordValue == 210)
        }
    }

    @Test func `a group of none is a result of none, of one a list of one`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let none = Workflow<[Int]>.group([Workflow<Int>]())
            try await fixture.expect(none.then(Sum()), 0)
            let one = Workflow.group([Workflow(Number(value: 7))])
            try await fixture.expect(one.then(Sum()), 7)
            let late = Workflow(Remark(text: "first")).then(none).then(Sum())
            try await fixture.expect(late, 0)
            let nested = Workflow.group([none, one.then(.group([WorkflowPart(Sum())]))])
            try await fixture.expect(nested, [[], [7]])
            await #expect(throws: JobRunnerError.self) { try await fixture.client.start(none) }
        }
    }

    @Test func `groups in chains in groups`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let part = WorkflowPart(Add(term: 1)).then(
                .group([.init(Add(term: 10)), .init(Add(term: 20))])
            )
            .then(Sum())
            let flow = Workflow(Number(value: 1)).then(.group([part, part])).then(Sum())
            // 1 → 2 → 12 + 22 = 34, twice.
            try await fixture.expect(flow, 68)
        }
    }

    @Test func `parts of different results`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let flow = Workflow.all(
                Workflow(Number(value: 1)), Workflow(Remark(text: "x")),
                Workflow.group([Workflow(Number(value: 2))]))
            let results = try await fixture.client.start(flow).value()
            #expect(results.values.0 == 1)
            #expect(results.values.2 == [2])
        }
    }

    @Test func `steps in other queues`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let flow = Workflow(Number(value: 4)).then(Far()).then(Add(term: 1)).then(Far())
            let handle = try await fixture.client.start(flow)
            let handleValue = try await handle.value()
            #expect(handleValue == 410)
        }
        #expect(fixture.log.runs.values.allSatisfy { $0 == 1 })
    }

    @Test func `a failed step ends the workflow, and who asked is told`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let flow = Workflow(Number(value: 1)).then(Add(term: 1))
                .then(.group([.init(Add(term: 1)), .init(Add(term: 2))])).then(Sum())
            let bad = Workflow(Number(value: 1, fails: true))
                .then(Add(term: 1)).onFailure(Tell(who: "me")).onFailure(Remark(text: "failed"))
            let good = try await fixture.client.start(flow.onFailure(Tell(who: "nobody")))
            let goodValue = try await good.value()
            #expect(goodValue == 7)
            let handle = try await fixture.client.start(bad)
            let error = await #expect(throws: JobRunnerError.self) { try await handle.value() }
            guard case .failed(_, let failure) = error else { throw try #require(error) }
            #expect(failure.type == "NumberFails")
            await fixture.worker.log.end(.done, count: 7)
            #expect(fixture.log.told.map(\.step) == ["0"])
            #expect(fixture.log.told.map(\.flow) == [handle.description])
            #expect(fixture.log.notes == ["failed"])
        }
    }

    @Test func `the first of three, the rest cancelled`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let race = Workflow.group(
                [Workflow(Hang()), Workflow(Number(value: 5)), Workflow(Hang())], need: .first(1))
            let handle = try await fixture.client.start(race.then(Sum()))
            let handleValue = try await handle.value()
            #expect(handleValue == 5)
            await fixture.worker.log.end(.cancelled, count: 2)
        }
    }

    @Test func `a quorum that cannot be reached fails, and the rest is cancelled`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let bad = Workflow(Number(value: 1, fails: true))
            let flow = Workflow.group([bad, bad, Workflow(Hang())], need: .quorum(2))
            let handle = try await fixture.client.start(flow)
            await #expect(throws: JobRunnerError.self) { try await handle.value() }
            await fixture.worker.log.end(.cancelled)
        }
        await #expect(throws: JobRunnerError.self) {
            try await fixture.client.start(
                .group([Workflow(Number(value: 1))], need: .first(2)))
        }
    }

    @Test func `attempts: failures are results`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let flow = Workflow.attempts([
                Workflow(Number(value: 1)), Workflow(Number(value: 1, fails: true)),
            ])
            let results = try await fixture.client.start(flow).value()
            guard case .value(1) = results[0], case .failure(let failure) = results[1] else {
                Issue.record("\(results)")
                return
            }
            #expect(failure.job == "number")
            #expect(failure.state == "dead")
        }
    }

    @Test func `cancelled: nothing of it starts any more`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let handle = try await fixture.client.start(
                Workflow(Hang()).then(Add(term: 1)).onFailure(Remark(text: "no")))
            await fixture.worker.log.wait { if case .started = $0 { true } else { false } }
            #expect(try await handle.cancel(reason: "enough"))
            await fixture.worker.log.end(.cancelled)
            let outcome = try #require(try await handle.outcome())
            #expect(outcome.state == .cancelled)
            #expect(outcome.failure?.message == "enough")
            #expect(try await handle.cancel())
        }
        #expect(fixture.log.notes.isEmpty)
    }

    @Test func `under one id it is started once`() async throws {
        let fixture = try WorkflowFixture()
        try await fixture.run { fixture in
            let flow = Workflow(Number(value: 1)).then(Add(term: 1))
            let first = try await fixture.client.start(flow, id: "mine")
            let firstValue = try await first.value()
            #expect(firstValue == 2)
            let second = try await fixture.client.start(flow, id: "mine")
            #expect(second.isDuplicate)
            let secondValue = try await second.value()
            #expect(secondValue == 2)
        }
        #expect(fixture.log.runs == ["mine.0": 1, "mine.1": 1])
    }

    @Test func `too many, too deep`() async throws {
        let fixture = try WorkflowFixture()
        let many = Workflow.group((0..<1000).map { Workflow(Number(value: $0)) })
        await #expect(throws: JobRunnerError.self) { try await fixture.client.start(many) }
        var deep = Workflow.group([Workflow(Number(value: 1))]).then(Sum())
        for _ in 0..<98 { deep = Workflow.group([deep]).then(Sum()) }
        await #expect(throws: JobRunnerError.self) { try await fixture.client.start(deep) }
    }
}
