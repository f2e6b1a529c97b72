internal import JobRunner

/// What `doctor` found, for people and for programs.
enum DoctorText {
    /// - Parameter done: What `--fix` did.
    static func show(_ found: [Finding], done: [String], _ invocation: Invocation) {
        let console = invocation.console
        switch invocation[OutputFormat.option] {
        case .name:
            for finding in found where finding.verdict == .problem || finding.verdict == .warn {
                console.print(label(of: finding))
            }
        case .jsonl:
            for finding in found {
                var object = JSONObject.versioned
                set(finding, in: &object)
                console.print(object.text)
            }
        case .json: console.print(document(found, done: done))
        case .table, .wide:
            for text in done { console.print("fixed    " + escaped(text, limit: 400)) }
            for finding in found {
                let verdict = padded(finding.verdict.rawValue, 9)
                let label = padded(label(of: finding), 12)
                console.print(verdict + label + escaped(finding.text, limit: 400))
                if let remedy = finding.remedy, finding.verdict != .ok {
                    let indent = String(repeating: " ", count: 21)
                    console.print(indent + "-> " + escaped(remedy, limit: 400))
                }
            }
            console.print(summary(found))
        }
    }

    /// `eviction`, or `mail/leases`.
    private static func label(of finding: Finding) -> String {
        finding.queue.map { "\(escaped($0))/\(finding.check)" } ?? finding.check
    }

    private static func summary(_ found: [Finding]) -> String {
        let problems = found.count { $0.verdict == .problem }
        let warnings = found.count { $0.verdict == .warn }
        return "\(EnqueueTally.count(problems, "problem")), "
            + EnqueueTally.count(warnings, "warning")
    }

    private static func document(_ found: [Finding], done: [String]) -> String {
        var object = JSONObject.versioned
        object.set("problems", found.count { $0.verdict == .problem })
        object.set("warnings", found.count { $0.verdict == .warn })
        let checks = found.map { finding in
            var object = JSONObject()
            set(finding, in: &object)
            return object.text
        }
        object.set("checks", raw: "[" + checks.joined(separator: ",") + "]")
        let fixed = done.map { TerminalJSON.string($0) }
        object.set("fixed", raw: "[" + fixed.joined(separator: ",") + "]")
        return object.text
    }

    private static func set(_ finding: Finding, in object: inout JSONObject) {
        object.set("check", finding.check)
        object.set("verdict", finding.verdict.rawValue)
        object.set("queue", finding.queue)
        object.set("text", finding.text)
        object.set("remedy", finding.remedy)
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - TextWidth.columns(of: text)))
    }
}
