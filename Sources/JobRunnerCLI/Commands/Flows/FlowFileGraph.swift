internal import JobRunner

/// `{"steps": {…}}`: steps that say by name what they wait for, in any order.
struct FlowFileGraph {
    private let object: FlowFileObject
    private var names: [String] = []
    private var steps: [String: FlowFileObject] = [:]
    /// What each waits for, what it takes included.
    private var after: [String: [String]] = [:]

    init(_ object: FlowFileObject) throws(FlowFileError) {
        self.object = object
        let path = object.path.key("steps")
        guard let members = object.members["steps"].flatMap({ JSONTable.members(of: $0.json) })
        else { throw object.wrong("steps", "an object of steps by their names") }
        guard !members.isEmpty else { throw path.error("needs at least one step") }
        guard members.count <= Self.most else {
            throw path.error("a workflow has at most \(grouped(Self.most)) steps")
        }
        for member in members {
            let keys = FlowFileObject.jobKeys + ["after", "input"]
            let step = try FlowFileObject(
                member.json, path.key(member.key), form: .job, keys: keys)
            guard steps.updateValue(step, forKey: member.key) == nil else {
                throw path.error("step '\(escaped(member.key))' is there twice")
            }
            names.append(member.key)
        }
        for name in names { after[name] = try waits(of: name) }
    }

    private static let most = 1000

    func node() throws(FlowFileError) -> FlowNode {
        let order = try order()
        var numbers: [String: Int] = [:]
        var graph: [GraphStep] = []
        for name in order {
            guard let step = steps[name] else { continue }
            numbers[name] = graph.count
            graph.append(
                GraphStep(
                    job: try step.job(takesInput: false, label: name),
                    after: (after[name] ?? []).compactMap { numbers[$0] }.sorted(),
                    input: try input(of: step, numbers)))
        }
        let result = try object.text("result")
        if let result { try check(result, object.path.key("result")) }
        return .graph(graph, result: result.flatMap { numbers[$0] })
    }

    // MARK: Names

    private func check(_ name: String, _ path: FlowFilePath) throws(FlowFileError) {
        guard steps[name] == nil else { return }
        let near = Suggestion.nearest(to: name, among: names)
        throw path.error(
            "there is no step '\(escaped(name))'" + (near.map { "; did you mean '\($0)'?" } ?? ""))
    }

    /// A name or several.
    private func list(_ key: String, of step: FlowFileObject) throws(FlowFileError) -> [String]? {
        guard let member = step.members[key] else { return nil }
        let place = step.path.key(key)
        if let name = member.text {
            try check(name, place)
            return [name]
        }
        guard let elements = JSONTable.elements(of: member.json) else { return nil }
        var found: [String] = []
        for (index, element) in elements.enumerated() {
            guard let name = element.text else {
                throw place.index(index).error(
                    "must be the name of a step, got \(FlowFileObject.shown(element.json))")
            }
            try check(name, place.index(index))
            found.append(name)
        }
        return found
    }

    /// The members of an input that is an object.
    private func pairs(of step: FlowFileObject) throws(FlowFileError)
        -> [(name: String, step: String)]?
    {
        let place = step.path.key("input")
        guard let members = step.members["input"].flatMap({ JSONTable.members(of: $0.json) }) else {
            return nil
        }
        var found: [(name: String, step: String)] = []
        for member in members {
            let path = place.key(member.key)
            do throws(NameError) { _ = try NameError.check(member.key, as: .step) } catch {
                throw place.error("\(error)")
            }
            guard let name = member.text else {
                throw path.error(
                    "must be the name of a step, got \(FlowFileObject.shown(member.json))")
            }
            try check(name, path)
            guard !found.contains(where: { $0.name == member.key }) else {
                throw path.error("is there twice")
            }
            found.append((member.key, name))
        }
        return found
    }

    private func waits(of name: String) throws(FlowFileError) -> [String] {
        guard let step = steps[name] else { return [] }
        let after = try list("after", of: step)
        guard after != nil || step.members["after"] == nil else {
            throw step.wrong("after", "the name of a step, or an array of names")
        }
        var taken = try list("input", of: step)
        if taken == nil { taken = try pairs(of: step)?.map(\.step) }
        guard taken != nil || step.members["input"] == nil else {
            throw step.wrong("input", "the name of a step, an array of names, or an object of them")
        }
        return Array(Set((after ?? []) + (taken ?? []))).sorted()
    }

    private func input(of step: FlowFileObject, _ numbers: [String: Int]) throws(FlowFileError)
        -> GraphInput?
    {
        if let pairs = try pairs(of: step) {
            return .object(pairs.map { (name: $0.name, step: numbers[$0.step] ?? 0) })
        }
        guard let list = try list("input", of: step) else { return nil }
        let taken = list.map { numbers[$0] ?? 0 }
        return step.members["input"]?.text != nil ? .value(of: taken[0]) : .list(taken)
    }

    // MARK: Order

    /// Each behind what it waits for, else as they are written.
    private func order() throws(FlowFileError) -> [String] {
        var order: [String] = []
        var placed = Set<String>()
        var open = names
        while !open.isEmpty {
            var rest: [String] = []
            for name in open {
                if (after[name] ?? []).contains(where: { !placed.contains($0) }) {
                    rest.append(name)
                } else {
                    placed.insert(name)
                    order.append(name)
                }
            }
            guard rest.count < open.count else {
                let ring = cycle(from: rest[0], placed).map { escaped($0) }
                throw object.path.key("steps").error(
                    "these wait for each other: " + ring.joined(separator: " -> "))
            }
            open = rest
        }
        return order
    }

    /// The names on a ring, in the order of running, the first one again at the end.
    private func cycle(from start: String, _ placed: Set<String>) -> [String] {
        var trail = [start]
        while let next = (after[trail[trail.count - 1]] ?? []).first(where: { !placed.contains($0) }
        ) {
            trail.append(next)
            if let first = trail.dropLast().firstIndex(of: next) {
                return Array(trail[first...].reversed())
            }
        }
        return trail
    }
}
