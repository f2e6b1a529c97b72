/// What the scripts need of a plan: edges, groups, what is waited for, what starts at once.
struct FlowWiring: Sendable {
    /// Fields of the workflow's hash, but for the plan and the times.
    private(set) var fields: [(name: String, value: String)] = []
    /// Step, and the steps it waits for.
    private(set) var waits: [(step: Int, steps: [String])] = []
    /// Groups that are done from the start: they wait for nothing.
    private(set) var done: [(step: Int, value: String)] = []
    /// Jobs that start at once.
    private(set) var starts: [Int] = []
    /// What the end of a step leads to, where that is one plain thing.
    private(set) var next: [Int: FlowPlace.Next] = [:]

    init(_ plan: FlowPlan) {
        var edges: [String: [String]] = [:]
        var empty: [Int: String] = [:]
        for (number, step) in plan.steps.enumerated() {
            let after = step.after.filter { empty[$0] == nil }
            switch step.kind {
            case .group(let rule, let members, let first):
                var waited = after.map(String.init)
                if rule == .many { waited = ["\(number):open"] }
                if waited.isEmpty {
                    // Its members, where it has some, are such groups too.
                    let value =
                        "[" + members.map { empty[$0] ?? "null" }.joined(separator: ",") + "]"
                    empty[number] = value
                    done.append((number, value))
                }
                fields.append(("r:\(number)", "\(rule) \(first) \(number - 1)"))
                fields.append(("v:\(number)", members.map(String.init).joined(separator: " ")))
                for member in after {
                    edges["n:\(member)", default: []].append("g\(number)=\(rule)")
                }
                if !waited.isEmpty { waits.append((number, waited)) }
            case .job:
                if let end = step.onFailureOf {
                    edges["f:\(end)", default: []].append("\(number)")
                } else if let (hook, group) = step.hook {
                    edges["\(hook.edge):\(group)", default: []].append("\(number)")
                } else if after.isEmpty {
                    starts.append(number)
                } else if after.count == 1 {
                    edges["n:\(after[0])", default: []].append("\(number)")
                } else {
                    for one in after { edges["n:\(one)", default: []].append("m\(number)") }
                    waits.append((number, after.map(String.init)))
                }
            }
        }
        for (number, step) in plan.steps.enumerated() where step.job != nil && number != plan.root {
            guard let ways = edges["n:\(number)"], ways.count == 1, edges["e:\(number)"] == nil
            else { continue }
            next[number] = plan.next(to: ways[0], from: number)
        }
        fields += edges.sorted { $0.key < $1.key }.map { ($0.key, $0.value.joined(separator: " ")) }
        fields.append(("root", "\(plan.root)"))
        fields.append(("steps", "\(plan.steps.count)"))
        fields.append(("gates", waits.map { "\($0.step)" }.joined(separator: " ")))
    }
}

extension FlowPlan {
    /// - Parameter edge: As `walk` reads it; what waits for several, or for some, is not plain.
    fileprivate func next(to edge: String, from number: Int) -> FlowPlace.Next? {
        if let step = Int(edge) {
            return .step(edge, takesValue: steps[step].input == .value(of: "\(number)"))
        }
        guard edge.hasPrefix("g"), let end = edge.firstIndex(of: "="),
            let group = Int(edge[edge.index(after: edge.startIndex)..<end]),
            case .group(let rule, _, _) = steps[group].kind, rule.waitsForAll
        else { return nil }
        return .group("\(group)")
    }
}

extension FlowHook {
    /// The field of `advance.lua`.
    fileprivate var edge: String {
        switch self {
        case .success: "n"
        case .completion: "e"
        case .death: "b"
        }
    }
}
