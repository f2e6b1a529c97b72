internal import FoundationEssentials
internal import RedisLink

extension WorkflowHandle {
    /// How it stands, step by step.
    ///
    /// - Throws: `unknownOrExpired`, or `redis`.
    public func status() async throws -> WorkflowStatus {
        guard let status = try await client.workflow(queue: queue, id: id) else {
            throw JobRunnerError.unknownOrExpired(handle: description, after: .zero)
        }
        return status
    }
}

extension JobClient {
    /// How a workflow stands, step by step: O(steps), and of a batch its first 10,000 members.
    ///
    /// - Returns: Nil when there is none of that id, or it has expired.
    /// - Throws: `NameError`, `redis`, or `undecodable` for one that a later version wrote.
    public func workflow(queue: String, id: String) async throws -> WorkflowStatus? {
        let queue = try QueueName(queue).description
        let store = FlowStore(keys.queue(queue), id: try JobID(id).description)
        do {
            guard let head = FlowHead(try await read("HMGET", store.flow, FlowHead.fields)) else {
                return nil
            }
            guard let chart = head.chart else {
                throw JobRunnerError.undecodable(
                    handle: "\(queue)/\(id)", reason: "its plan is of another version")
            }
            let states = try await states(
                of: store, count: chart.steps.count, opened: head.opened)
            let failed = chart.steps.indices.filter {
                chart.steps[$0].job != nil && states[$0]?.state?.isFailure ?? false
                    && states[$0]?.letter != "s"
            }
            let some = Array(failed.prefix(Self.mostFailures))
            let texts = try await failures(of: store, some.map { "\($0)" })
            return WorkflowStatus(
                queue: queue, id: id, head, chart, states: states,
                failures: Dictionary(uniqueKeysWithValues: zip(some, texts)).compactMapValues {
                    $0
                },
                members: chart.isOpenGroup
                    ? try await members(of: store, opened: head.opened) : nil,
                now: try await serverTime())
        } catch let error as RedisError {
            throw JobRunnerError.redis(error)
        }
    }

    /// The workflows whose home is a queue, newest first; those that have expired are left out.
    ///
    /// - Parameters:
    ///   - states: Only those in one of these; of all when it is empty.
    ///   - limit: Most of them, 1 to 1,000.
    /// - Throws: `NameError`, `redis`.
    public func workflows(
        in queue: String, states: Set<WorkflowStatus.State> = [], limit: Int = 50
    ) async throws -> [WorkflowSummary] {
        let limit = min(max(limit, 1), 1000)
        let keys = keys.queue(try QueueName(queue).description)
        var found: [WorkflowSummary] = []
        var start = 0
        do {
            // As many as the list has room for: most of a long one may have expired.
            while found.count < limit, start < FlowStore.mostListed {
                let reply = try await read(
                    "ZREVRANGE", keys.flows, ["\(start)", "\(start + Self.listPage - 1)"])
                let ids = (reply.array ?? []).compactMap(\.text)
                found += try await summaries(of: ids, keys).filter {
                    states.isEmpty || states.contains($0.state)
                }
                if ids.count < Self.listPage { break }
                start += Self.listPage
            }
        } catch {
            throw JobRunnerError.redis(error)
        }
        return Array(found.prefix(limit))
    }

    /// The workflow of an id, without its steps; nil when there is none (any more).
    package func summary(queue: String, id: String) async throws -> WorkflowSummary? {
        do { return try await summaries(of: [id], keys.queue(queue)).first } catch {
            throw JobRunnerError.redis(error)
        }
    }

    private func summaries(of ids: [String], _ keys: QueueKeys) async throws(RedisError)
        -> [WorkflowSummary]
    {
        // Without the plan, which may be long.
        let fields = FlowHead.fields.map { $0 == "plan" ? "" : $0 }
        var reads: [Pipeline.Read] = []
        for id in ids {
            let flow = keys.flow(id)
            reads.append(.init(key: flow, command: Command(["HMGET", flow] + fields)))
        }
        let replies = try await Pipeline(router: router).replies(to: reads)
        var summaries: [WorkflowSummary] = []
        for (id, reply) in zip(ids, replies) {
            guard let head = FlowHead(reply) else { continue }
            summaries.append(
                WorkflowSummary(
                    queue: keys.name, id: id, name: head.name, state: head.state,
                    openedAt: head.opened, endedAt: head.ended, steps: head.steps))
        }
        return summaries
    }

    // MARK: Reading

    /// Steps whose failures are read.
    private static let mostFailures = 100
    /// Members of an open group whose failures are read.
    private static let mostMemberFailures = 20
    /// Pages of an open group's fields, of about 1,000 each; a member has up to two.
    private static let mostPages = 20
    private static let listPage = 200

    func read(_ name: String, _ key: String, _ words: [String]) async throws(RedisError)
        -> RedisValue
    {
        try await router.connection(for: key).send(Command([name, key] + words)).orThrow()
    }

    /// What the entries of the steps say.
    ///
    /// - Parameter opened: When the workflow was, ms since 1970.
    func states(of store: FlowStore, count: Int, opened: Int) async throws(RedisError)
        -> [FlowState?]
    {
        let fields = (0..<count).map(FlowStore.Field.state.of)
        let texts = try await read("HMGET", store.flow, fields).array ?? []
        return (0..<count).map { step in
            guard step < texts.count, let text = texts[step].text else { return nil }
            return FlowState(text, opened: opened)
        }
    }

    private func failures(of store: FlowStore, _ steps: [String]) async throws(RedisError)
        -> [WorkflowFailure?]
    {
        guard !steps.isEmpty else { return [] }
        let reply = try await read("HMGET", store.flow, steps.map(FlowStore.Field.answer.of))
        return (reply.array ?? []).map { value in
            value.bytes.flatMap {
                try? JSONDecoder().decode(WorkflowFailure.self, from: Data($0))
            }
        }
    }

    private func members(of store: FlowStore, opened: Int) async throws(RedisError)
        -> WorkflowStatus.Members
    {
        let wait = store.wait("0")
        let prefix = FlowStore.Field.state.of("0:")
        let count = try await read("SCARD", wait, []).integer ?? 0
        let mark = try await read("SISMEMBER", wait, ["0:open"]).integer ?? 0
        var ended: [WorkflowStatus.Step.State: Int] = [:]
        var failed: [String] = []
        var cursor = "0"
        for _ in 0..<Self.mostPages {
            let reply = try await read(
                "HSCAN", store.flow, [cursor, "MATCH", prefix + "*", "COUNT", "1000"])
            guard let page = reply.array, page.count == 2, let pairs = page[1].array else {
                throw .unexpectedReply(command: "HSCAN", got: reply.kind)
            }
            cursor = page[0].text ?? "0"
            for index in stride(from: 0, to: pairs.count - 1, by: 2) {
                guard let name = pairs[index].text?.dropFirst(2), name != "0:open",
                    let text = pairs[index + 1].text,
                    let state = FlowState(text, opened: opened)?.state
                else { continue }
                ended[state, default: 0] += 1
                if state.isFailure, failed.count < Self.mostMemberFailures {
                    failed.append(String(name))
                }
            }
            if cursor == "0" { break }
        }
        return WorkflowStatus.Members(
            open: count - mark, ended: ended, isComplete: cursor == "0",
            failures: try await failures(of: store, failed).compactMap { $0 })
    }
}

extension FlowChart {
    /// Its members come while it is open.
    var isOpenGroup: Bool { steps.contains { $0.needs == "\(FlowRule.many)" } }
}
