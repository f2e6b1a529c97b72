internal import FoundationEssentials

/// A plan made ready to be written: each job with its place, as bytes.
struct FlowOpening: Sendable {
    let id: JobID
    let queue: QueueName
    /// The chart, as it is kept.
    let plan: [UInt8]
    private(set) var store = FlowStore.Opening()
    /// What its opener enqueues: nothing where all jobs are in its home, which it begins in then.
    private(set) var starts: [Draft] = []

    /// - Parameters:
    ///   - queue: Its home; nil is the queue of its first job.
    ///   - name: What people call it.
    ///   - keep: How long its result and what is shown of it are kept after its end.
    ///   - longest: Most jobs that may be ready in a queue, by its name; 0 is no limit.
    ///   - known: How long its id is known after its end, at the least: those of its jobs are.
    /// - Throws: `JobRunnerError`, `NameError` for what is wrong with a job.
    init(
        _ plan: FlowPlan, id: JobID, queue: QueueName? = nil, name: String, keep: Duration,
        known: Duration = .zero, longest: (String) -> Int = { _ in 0 }, maxBytes: Int
    ) throws {
        let wiring = FlowWiring(plan)
        self.plan = try FlowChart(plan).json
        let isOpen = plan.steps.first.map {
            if case .group(.many, _, _) = $0.kind { true } else { false }
        }
        guard isOpen ?? false || !wiring.starts.isEmpty else {
            throw JobRunnerError.invalid("a workflow needs at least one job: this one has none")
        }
        guard id.description.utf8.count <= Self.longestID else {
            throw JobRunnerError.invalid(
                "the id of a workflow has at most \(Self.longestID) characters: "
                    + "those of its jobs begin with it")
        }
        let first = wiring.starts.first.flatMap { plan.steps[$0].job }
        self.id = id
        store.known = known.milliseconds
        self.queue = try queue ?? QueueName(first?.options.queue ?? JobOptions().queue)
        let isLocal = plan.steps.compactMap(\.job).allSatisfy {
            $0.options.queue == self.queue.description && $0.isPlain
        }
        var drafts: [Int: Draft] = [:]
        for (number, step) in plan.steps.enumerated() {
            guard let job = step.job else { continue }
            let place = FlowPlace(
                queue: self.queue.description, id: id.description, step: "\(number)",
                input: step.input, isLocal: isLocal, next: wiring.next[number])
            let draft: Draft
            do { draft = try Self.draft(job, place, maxBytes: maxBytes) } catch {
                throw JobRunnerError.invalid(
                    "step \(number), '\(printable(job.label ?? job.name))': \(error)")
            }
            drafts[number] = draft
            let entry = FlowStore.Entry(queue: draft.queue, json: draft.job.json)
            store.fields.append((FlowStore.Field.job.of(number), entry.bytes))
        }
        let room = longest(self.queue.description)
        // More than a queue may ever hold go there by and by.
        if isLocal, room == 0 || wiring.starts.count <= room {
            let jobs = Set(wiring.starts.map(FlowStore.Field.job.of))
            let rest = store.fields.filter { !jobs.contains($0.name) }
            store.fields = store.fields.filter { jobs.contains($0.name) } + rest
            store.starts = jobs.count
            store.fields.append(("begun", Array("1".utf8)))
        } else {
            starts = wiring.starts.compactMap { drafts[$0] }
        }
        for step in wiring.starts {
            store.fields.append((FlowStore.Field.state.of(step), Array("f".utf8)))
        }
        for (step, value) in wiring.done {
            store.fields.append((FlowStore.Field.state.of(step), Array("d".utf8)))
            store.fields.append((FlowStore.Field.answer.of(step), Array(value.utf8)))
        }
        store.waits = wiring.waits
        store.fields += wiring.fields.map { ($0.name, Array($0.value.utf8)) }
        store.fields.append(("local", Array((isLocal ? "1" : "0").utf8)))
        store.fields.append(("name", Array(name.utf8)))
        store.fields.append(("keep", Array("\(keep.milliseconds)".utf8)))
        store.fields.append(("plan", self.plan))
    }

    /// Room for `.999999.` and the id of a member.
    static let longestID = 30

    /// A job with its place; what its own outcome would be kept for is the workflow's matter.
    static func draft(_ job: FlowJob, _ place: FlowPlace, maxBytes: Int) throws -> Draft {
        var options = job.options
        options.results = .ignored
        // A step that is refused because another holds its key would never end.
        options.unique = nil
        return try Draft(
            name: job.name, version: job.version, arguments: job.arguments.get(), options: options,
            queue: nil, id: place.jobID, ties: Ties(flow: place, input: try job.input?.get()),
            namesAttempts: job.namesAttempts, maxBytes: maxBytes)
    }
}

/// What people are shown of a plan: kept with it as JSON.
package struct FlowChart: Codable, Sendable, Equatable {
    package struct Step: Codable, Sendable, Equatable {
        /// `job` or `group`.
        package var kind: String
        /// What people call it.
        package var label: String
        /// Of a job: its name and queue.
        package var job: String?
        package var queue: String?
        /// Of a group: what it needs, and the ends of its members.
        package var needs: String?
        package var members: [Int]?
        /// The lowest number of what belongs to it; the highest is below its own.
        package var first: Int?
        /// What it waits for.
        package var after: [Int]
        /// The step whose failure sets it off.
        package var onFailureOf: Int?
        /// What of an open group sets it off: `success`, `completion`, `death`.
        package var hook: String?
    }

    package var steps: [Step]
    package var root: Int

    init(_ plan: FlowPlan) {
        root = plan.root
        steps = plan.steps.map { step in
            switch step.kind {
            case .job(let job):
                Step(
                    kind: "job", label: job.label ?? job.name, job: job.name,
                    queue: job.options.queue, after: step.after, onFailureOf: step.onFailureOf,
                    hook: step.hook.map { "\($0.0)" })
            case .group(let rule, let members, let first):
                Step(
                    kind: "group", label: "group", needs: "\(rule)", members: members,
                    first: first, after: step.after)
            }
        }
    }

    /// The same for the same chart.
    var json: [UInt8] {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return try [UInt8](encoder.encode(self))
        }
    }
}
