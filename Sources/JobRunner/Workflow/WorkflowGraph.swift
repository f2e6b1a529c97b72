/// Steps that wait for any others before them.
///
///     var graph = WorkflowGraph()
///     let order = graph.add(LoadOrder(id: 7))
///     let stock = graph.add(Reserve(), input: order)
///     let card = graph.add(Charge(), input: order)
///     let done = graph.add(Ship(), inputs: stock, card)
///     let handle = try await client.start(graph.returning(done))
///
/// A step can only wait for one that is there, so there are no circles. The workflow ends when
/// every step has, or one that others wait for has failed.
public struct WorkflowGraph: Sendable {
    private var steps: [GraphStep] = []
    private let mark = UInt64.random(in: 0 ... .max)

    /// No step yet.
    public init() {}

    /// Adds a job that takes nothing.
    public mutating func add<J: Job>(
        _ job: J, after: [any WorkflowStepReference] = [], queue: String? = nil,
        label: String? = nil
    ) -> WorkflowStep<J.Output> where J.Input == NoInput {
        append(FlowJob(job, queue: queue, label: label), after: after, input: nil)
    }

    /// Adds a job that takes what a step returned.
    public mutating func add<J: Job>(
        _ job: J, input: WorkflowStep<J.Input>, after: [any WorkflowStepReference] = [],
        queue: String? = nil, label: String? = nil
    ) -> WorkflowStep<J.Output> {
        append(
            FlowJob(job, queue: queue, label: label), after: after + [input],
            input: .value(of: input.index))
    }

    /// Adds a job that takes what several steps returned, as a list.
    public mutating func add<J: Job, Element>(
        _ job: J, inputs: [WorkflowStep<Element>], after: [any WorkflowStepReference] = [],
        queue: String? = nil, label: String? = nil
    ) -> WorkflowStep<J.Output> where J.Input == [Element] {
        append(
            FlowJob(job, queue: queue, label: label), after: after + inputs,
            input: .list(inputs.map(\.index)))
    }

    /// Adds a job that takes what several steps of different results returned.
    public mutating func add<J: Job, each Element: Codable & Sendable>(
        _ job: J, inputs: repeat WorkflowStep<each Element>, queue: String? = nil,
        label: String? = nil
    ) -> WorkflowStep<J.Output> where J.Input == Results<repeat each Element> {
        var all: [any WorkflowStepReference] = []
        for input in repeat each inputs { all.append(input) }
        return append(
            FlowJob(job, queue: queue, label: label), after: all,
            input: .list(all.map(\.index)))
    }

    /// The workflow of these steps, with the result of one of them.
    public func returning<Output>(_ step: WorkflowStep<Output>) -> Workflow<Output> {
        .init(node: .graph(steps, result: step.index))
    }

    private mutating func append<Output>(
        _ job: FlowJob, after: [any WorkflowStepReference], input: GraphInput?
    ) -> WorkflowStep<Output> {
        var job = job
        if after.contains(where: { $0.place.graph != mark }) {
            job.arguments = .failure(
                .invalid("'\(printable(job.name))' waits for a step of another graph"))
        }
        steps.append(
            GraphStep(job: job, after: Array(Set(after.map(\.index))).sorted(), input: input))
        return WorkflowStep(place: .init(index: steps.count - 1, graph: mark))
    }
}

/// A step of a graph, for those that wait for it.
public struct WorkflowStep<Output: Codable & Sendable>: WorkflowStepReference {
    /// Which it is, whatever it returns.
    public let place: WorkflowStepPlace
}

/// A step of any result.
public protocol WorkflowStepReference: Sendable {
    /// Which it is.
    var place: WorkflowStepPlace { get }
}

/// Which step of which graph.
public struct WorkflowStepPlace: Sendable, Hashable {
    let index: Int
    let graph: UInt64
}

extension WorkflowStepReference {
    var index: Int { place.index }
}
