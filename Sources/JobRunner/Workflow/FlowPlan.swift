/// A workflow laid out: numbered steps, each with what it waits for.
///
/// A value: knows nothing of Redis. Steps of a group have numbers without gaps, below its own.
struct FlowPlan: Sendable {
    enum Kind: Sendable {
        case job(FlowJob)
        /// - `first`: The lowest number of its steps.
        case group(FlowRule, members: [Int], first: Int)
    }

    struct Step: Sendable {
        var kind: Kind
        /// What must be done before it starts; of a group, what it waits for.
        var after: [Int]
        var input: FlowPlace.Input?
        /// The step whose failure sets it off; it is no part of the way to the result.
        var onFailureOf: Int?
        /// The group whose either end, success or first dead member sets it off.
        var hook: (FlowHook, of: Int)?

        var job: FlowJob? { if case .job(let job) = kind { job } else { nil } }
    }

    /// Most steps, groups and callbacks included.
    static let mostSteps = 1000
    /// Most pairs of a step and one that waits for it: Redis writes them down in one call.
    static let mostEdges = 10_000
    /// Most groups and chains within each other.
    static let mostDepth = 100

    private(set) var steps: [Step] = []
    private var edges = 0
    /// The step whose end is the workflow's.
    private(set) var root = 0

    /// - Throws: `JobRunnerError.invalid` for one without a job, with too many, nested too deep,
    ///   or a group that needs more than it has.
    init(_ node: FlowNode) throws(JobRunnerError) {
        guard let root = try add(node, after: nil, depth: 1),
            steps.contains(where: { $0.job != nil })
        else { throw .invalid("a workflow needs at least one job: this one has none") }
        self.root = root
    }

    /// An open group, and what is to start at its end.
    ///
    /// - Parameter last: Takes the results, and its own is the workflow's.
    init(open: [(FlowHook, FlowJob)], then last: FlowJob? = nil) throws(JobRunnerError) {
        _ = try append(Step(kind: .group(.many, members: [], first: 0), after: []))
        if let last {
            root = try append(Step(kind: .job(last), after: [0], input: .value(of: "0")))
        }
        for (hook, job) in open {
            var step = Step(kind: .job(job), after: [])
            step.hook = (hook, of: 0)
            if job.takesInput {
                step.input = hook == .death ? .failure(of: "0:bad") : .value(of: "0")
            }
            _ = try append(step)
        }
    }

    // MARK: Laying out

    private mutating func append(_ step: Step) throws(JobRunnerError) -> Int {
        guard steps.count < Self.mostSteps else {
            throw .invalid(
                "a workflow has at most \(grouped(Self.mostSteps)) steps: for more of one kind, "
                    + "use map, or a batch")
        }
        steps.append(step)
        edges += step.after.count
        guard edges <= Self.mostEdges else {
            throw .invalid(
                "the steps of a workflow wait for at most \(grouped(Self.mostEdges)) others in "
                    + "all: put a group between those that wait and those that are waited for")
        }
        return steps.count - 1
    }

    /// - Returns: The step whose end is the node's; nil for an empty chain at the start.
    private mutating func add(_ node: FlowNode, after before: Int?, depth: Int)
        throws(JobRunnerError) -> Int?
    {
        guard depth <= Self.mostDepth else {
            throw .invalid("a workflow is nested at most \(Self.mostDepth) deep")
        }
        switch node {
        case .job(let job):
            var step = Step(kind: .job(job), after: before.map { [$0] } ?? [])
            if job.takesInput, job.input == nil {
                guard let before else {
                    throw .invalid(
                        "'\(printable(job.name))' takes an input and has no step before it")
                }
                step.input = .value(of: "\(before)")
            }
            return try append(step)
        case .chain(let nodes):
            var last = before
            for node in nodes { last = try add(node, after: last, depth: depth + 1) }
            return last
        case .group(let nodes, let rule):
            return try addGroup(nodes, rule, after: before, depth: depth)
        case .guarded(let node, let jobs):
            guard let end = try add(node, after: before, depth: depth + 1) else { return nil }
            for job in jobs {
                var step = Step(kind: .job(job), after: [])
                step.onFailureOf = end
                if job.takesInput { step.input = .failure(of: "\(end)") }
                _ = try append(step)
            }
            return end
        case .graph(let graph, let result):
            return try addGraph(graph, result, after: before)
        }
    }

    private mutating func addGroup(
        _ nodes: [FlowNode], _ rule: FlowRule, after before: Int?, depth: Int
    ) throws(JobRunnerError) -> Int {
        if case .some(let count) = rule {
            guard count >= 1, count <= nodes.count else {
                throw .invalid("a group of \(nodes.count) cannot need \(count) of them")
            }
        }
        let first = steps.count
        var members: [Int] = []
        for node in nodes {
            guard let end = try add(node, after: before, depth: depth + 1), end != before else {
                throw .invalid("a member of a group has no job")
            }
            members.append(end)
        }
        // One without members waits for what is before it.
        let after = members.isEmpty ? before.map { [$0] } ?? [] : members
        return try append(Step(kind: .group(rule, members: members, first: first), after: after))
    }

    private mutating func addGraph(_ graph: [GraphStep], _ result: Int?, after before: Int?)
        throws(JobRunnerError) -> Int
    {
        let first = steps.count
        var followed = Set<Int>()
        for node in graph {
            followed.formUnion(node.after)
            let after = node.after.map { $0 + first }
            var step = Step(
                kind: .job(node.job), after: after.isEmpty ? before.map { [$0] } ?? [] : after)
            step.input = node.input.map { $0.shifted(by: first) }
            _ = try append(step)
        }
        let ends = graph.indices.filter { !followed.contains($0) }
        if let result, ends == [result] { return first + result }
        // Others are waited for as well; the result is of the one that was named, or of all ends.
        let members = result.map { [$0] } ?? ends
        return try append(
            Step(
                kind: .group(
                    result == nil ? .all : .one, members: members.map { $0 + first }, first: first),
                after: Array(Set(ends + members)).sorted().map { $0 + first }))
    }
}

/// When a job of an open group's is set off.
enum FlowHook: Sendable {
    /// Every member is done.
    case success
    /// Every member has ended, one way or another.
    case completion
    /// The first one is dead.
    case death
}

extension GraphInput {
    fileprivate func shifted(by first: Int) -> FlowPlace.Input {
        switch self {
        case .value(let step): .value(of: "\(step + first)")
        case .list(let steps): .list(steps.map { "\($0 + first)" })
        case .object(let pairs):
            .object(pairs.map { .init(name: $0.name, step: "\($0.step + first)") })
        }
    }
}
