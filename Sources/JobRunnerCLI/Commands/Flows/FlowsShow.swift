internal import JobRunner

/// `jobrunner flows show`: the steps of a workflow, and how they stand.
enum FlowsShow {
    /// How the steps are drawn.
    enum Drawing: String, CaseIterable, Sendable {
        case tree
        /// For Markdown that is rendered with mermaid.
        case mermaid
        /// For `dot` of Graphviz.
        case dot
    }

    static let drawing = Option(
        "format", env: "JOBRUNNER_FLOWS_FORMAT", default: .tree, placeholder: "FORMAT",
        help: "How to draw it: tree, mermaid or dot.", read: ValueReader<Drawing>.choice())

    static let spec = CommandSpec(
        name: "show", aliases: ["get"], abstract: "Show a workflow, its steps and how they stand.",
        discussion: """
            A step waits until those under WAITS FOR are done; 'if 4 fails' is one that starts at \
            a failure. TOOK counts from when its job was enqueued. The exit code is 1 when there \
            is no such workflow, or it has expired. 'jobs wait --result' prints its result.
            """,
        options: [drawing, OutputFormat.option], arguments: [FlowsCommand.flow]
    ) { invocation in
        let format = invocation[OutputFormat.option]
        if invocation.origin(of: drawing) == .flag, format.isJSON || format == .name {
            throw CommandFailure("--format cannot go with --output \(format.rawValue)")
        }
        return try await FlowsCommand.session(invocation) { client in
            show(try await FlowsCommand.status(invocation[FlowsCommand.flow], client), invocation)
            return .success
        }
    }

    private static func show(_ flow: WorkflowStatus, _ invocation: Invocation) {
        let console = invocation.console
        let format = invocation[OutputFormat.option]
        switch (format, invocation[drawing]) {
        case (.json, _), (.jsonl, _): console.print(FlowJSON.object(flow).text)
        case (.name, _): console.print(flow.handle)
        case (_, .mermaid): for line in FlowDrawing(flow).mermaid { console.print(line) }
        case (_, .dot): for line in FlowDrawing(flow).dot { console.print(line) }
        case (_, .tree):
            let tree = FlowTree(flow)
            for (label, text) in tree.head {
                let gap = String(repeating: " ", count: max(1, 10 - label.count))
                console.print(label + gap + text)
            }
            console.print("")
            invocation.printTable(FlowTree.columns, tree.rows, isWide: format == .wide)
            let width = HelpStyle.detect(descriptor: 1, environment: invocation.environment).width
            if !tree.failures.isEmpty { console.print("") }
            for line in tree.failures {
                console.print(format == .wide ? line : TextWidth.cut(line, to: width))
            }
        }
    }
}
