internal import JobRunner

/// A workflow as a picture in text, for programs that draw it.
struct FlowDrawing {
    let flow: WorkflowStatus

    init(_ flow: WorkflowStatus) { self.flow = flow }

    /// From one step to another; `text` says what kind of wait it is, nil is that for its end.
    private var edges: [(from: Int, to: Int, text: String?)] {
        var edges: [(from: Int, to: Int, text: String?)] = []
        for step in flow.steps {
            for before in step.after { edges.append((before, step.number, nil)) }
            if let end = step.onFailureOf { edges.append((end, step.number, "fails")) }
            if let hook = step.hook { edges.append((0, step.number, hook)) }
        }
        return edges
    }

    // MARK: Mermaid

    var mermaid: [String] {
        var lines = ["flowchart TD"]
        for step in flow.steps {
            let text = Self.mermaid(step.title(in: flow.queue))
            let label = "\"\(step.number) \(text)<br/>\(step.state.rawValue)\""
            let shape = step.job == nil ? "{{\(label)}}" : "[\(label)]"
            lines.append("    s\(step.number)\(shape):::\(step.state.rawValue)")
        }
        for edge in edges {
            let arrow = edge.text.map { "-. \($0) .->" } ?? "-->"
            lines.append("    s\(edge.from) \(arrow) s\(edge.to)")
        }
        for state in Self.states where flow.steps.contains(where: { $0.state == state }) {
            lines.append("    classDef \(state.rawValue) fill:\(Self.colour(of: state)),color:#000")
        }
        return lines
    }

    /// What means something to mermaid is written by its number.
    private static func mermaid(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let isPlain =
                scalar.properties.isAlphabetic || (48...57).contains(scalar.value)
                || " .,_-/()".unicodeScalars.contains(scalar)
            result += isPlain ? String(scalar) : "#\(scalar.value);"
        }
        return result
    }

    // MARK: Graphviz

    var dot: [String] {
        var lines = [
            "digraph \(Self.quoted(flow.name.isEmpty ? flow.handle : flow.name)) {",
            "    node [shape=box, style=filled];",
        ]
        for step in flow.steps {
            let title = "\(step.number) \(step.title(in: flow.queue))"
            let label = Self.quoted("\(title)\n\(step.state.rawValue)")
            let shape = step.job == nil ? ", shape=hexagon" : ""
            let fill = "fillcolor=\"\(Self.colour(of: step.state))\""
            lines.append("    s\(step.number) [label=\(label), \(fill)\(shape)];")
        }
        for edge in edges {
            let style = edge.text.map { " [style=dashed, label=\"\($0)\"]" } ?? ""
            lines.append("    s\(edge.from) -> s\(edge.to)\(style);")
        }
        return lines + ["}"]
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result += escaped(String(scalar))
            }
        }
        return result + "\""
    }

    // MARK: Colours

    private static let states: [WorkflowStatus.Step.State] = [
        .waiting, .enqueued, .done, .dead, .discarded, .expired, .cancelled, .skipped,
    ]

    private static func colour(of state: WorkflowStatus.Step.State) -> String {
        switch state {
        case .enqueued: "#bbdefb"
        case .done: "#c8e6c9"
        case .dead, .discarded, .expired: "#ffcdd2"
        case .cancelled, .skipped: "#ffe0b2"
        default: "#eeeeee"
        }
    }
}
