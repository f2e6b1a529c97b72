import JobRunnerTesting
import RedisLink
import Testing

@testable import JobRunner

/// Workflows of any shape fail at any steps, and are retried until they are done.
@Suite(.timeLimit(.minutes(2))) struct WorkflowRetryModelTests {
    @Test(arguments: 1...200)
    func `what is done stays done, and all else comes to its end`(seed: Int) async throws {
        var world = try RetriedWorld(seed: UInt64(seed))
        try await world.run()
    }
}

/// One workflow, its jobs run by hand.
private struct RetriedWorld {
    private let queue: QueueFixture
    private let client: JobClient
    private let store: FlowStore
    private let plan: FlowPlan
    private var random: SeededRandom
    private var jobs = 0
    /// Jobs that were handed out and have not ended, those of rounds before among them.
    private var running: [(step: Int, id: String, round: Int)] = []
    private var handedOut = Set<String>()
    private var round = 1

    init(seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        queue = try QueueFixture()
        var options = ClientOptions()
        options.prefix = queue.prefix
        client = try JobClient(RedisURL(queue.server.url), options: options)
        store = FlowStore(queue.keys, id: "f")
        var maker = NodeMaker(random: random)
        plan = try FlowPlan(.chain([maker.node(3), maker.node(3)]))
        random = maker.random
    }

    mutating func run() async throws {
        let opening = try FlowOpening(
            plan, id: JobID("f"), name: "", keep: .seconds(60), maxBytes: 10_000)
        #expect(try await queue.send(store.open(opening.store, life: 60_000)) == .new)
        try await handOutReady()
        for failures in [50, 30, 10, 0] {
            try await end(failures: failures)
            let status = try #require(try await client.workflow(queue: "q", id: "f"))
            #expect(
                status.state != .running, "nothing runs, and it has not ended: \(shown(status))")
            if status.state == .done { break }
            #expect(failures > 0, "it failed without a failure: \(shown(status))")
            let done = Set(status.steps.filter { $0.state == .done }.map(\.number))
            #expect(try await client.retryFlow(queue: "q", id: "f"))
            round += 1
            let after = try #require(try await client.workflow(queue: "q", id: "f"))
            #expect(after.round == round)
            // Groups may have had all that they needed: then nothing runs.
            if after.state == .done { break }
            #expect(after.state == .running)
            #expect(try await !client.retryFlow(queue: "q", id: "f"))
            for step in after.steps where step.onFailureOf == nil && done.contains(step.number) {
                #expect(step.state == .done, "step \(step.number) was done: \(shown(after))")
            }
            try await handOutReady()
        }
        let status = try #require(try await client.workflow(queue: "q", id: "f"))
        #expect(status.state == .done)
    }

    private func shown(_ status: WorkflowStatus) -> String {
        status.steps.map { step in
            "\(step.number) \(step.needs ?? "job") after \(step.after) "
                + "\(step.onFailureOf.map { "if \($0) fails " } ?? "")\(step.state)"
        }.joined(separator: "; ")
    }

    /// Jobs end in any order, so many of a hundred not well, until none of this round runs,
    /// or the whole is cancelled.
    private mutating func end(failures: Int) async throws {
        while running.contains(where: { $0.round == round }) {
            if Int.random(in: 0..<1000, using: &random) < failures {
                // Cancelled: what runs may end before the retry, or after it.
                _ = try await queue.send(store.halt(Array(#"{"message":"enough"}"#.utf8)))
                if Bool.random(using: &random) { return }
            }
            let one = running.remove(at: Int.random(in: running.indices, using: &random))
            let letter =
                Int.random(in: 0..<100, using: &random) < failures
                ? ["x", "x", "g", "e", "c"].randomElement(using: &random) ?? "x" : "d"
            let json = Array(letter == "d" ? "\(one.step)".utf8 : #"{"message":"no"}"#.utf8)
            let call = store.advance("\(one.step)", letter, json, by: one.id)
            let answer = try #require(try await queue.send(call))
            if one.round < round {
                #expect(answer.starts.isEmpty, "a late report set something off")
            }
            for start in answer.starts { try await handOut(start.job.json) }
            // A worker that died before its ack tells it again: the same may be set off.
            let again = try #require(try await queue.send(call))
            #expect(Set(again.starts.map(\.step)) == Set(answer.starts.map(\.step)))
        }
    }

    private mutating func handOut(_ json: [UInt8]) async throws {
        let envelope = try Envelope(json)
        let id = try #require(envelope.id?.description)
        let step = try #require(envelope.flow.flatMap { Int($0.step) })
        #expect(handedOut.insert(id).inserted, "\(id) was handed out before")
        #expect(
            id == (round == 1 ? "f.\(step)" : "f.\(step).r\(round)") || id.hasPrefix("f.\(step)"))
        if plan.steps[step].onFailureOf == nil {
            let after = plan.steps[step].after.map { "\($0)" }
            let states = after.isEmpty ? [] : try await queue.send(store.states(of: after))
            #expect(states.allSatisfy { $0?.hasPrefix("d") ?? false }, "\(step) did not wait")
        }
        running.append((step, id, round))
    }

    /// What a retry enqueued.
    private mutating func handOutReady() async throws {
        let ready = try await queue.redis("LRANGE", queue.keys.ready, "0", "-1")
        try await queue.redis("DEL", queue.keys.ready)
        for job in (ready.array ?? []).compactMap(\.bytes) { try await handOut(job) }
    }
}

/// Parts of any shape.
private struct NodeMaker {
    var random: SeededRandom

    private var job: FlowJob {
        FlowJob(
            name: "a", arguments: Array("{}".utf8), options: JobOptions(queue: "q"), label: nil,
            takesInput: false)
    }

    mutating func node(_ depth: Int) -> FlowNode {
        switch depth == 0 ? 0 : Int.random(in: 0...6, using: &random) {
        case 1, 2: return .chain(nodes(depth))
        case 3, 4:
            let members = nodes(depth)
            let count = Int.random(in: 1...members.count, using: &random)
            return .group(
                members, [.all, .each, .some(count)].randomElement(using: &random) ?? .all)
        case 5: return .guarded(node(depth - 1), onFailure: [job, job])
        case 6:
            var steps: [GraphStep] = []
            for number in 0..<Int.random(in: 2...5, using: &random) {
                let after = (0..<number).filter { _ in Bool.random(using: &random) }
                steps.append(GraphStep(job: job, after: after))
            }
            let result = Bool.random(using: &random) ? steps.count - 1 : nil
            return .graph(steps, result: result)
        default: return .job(job)
        }
    }

    private mutating func nodes(_ depth: Int) -> [FlowNode] {
        var nodes: [FlowNode] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) { nodes.append(node(depth - 1)) }
        return nodes
    }
}
