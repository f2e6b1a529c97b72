internal import JobRunner

/// A workflow that somebody wrote down as JSON: what `flows start` takes.
///
/// The form is in `WorkflowFile.md`. Whatever is wrong is an error that names the place, such as
/// `chain[1].group[0].job`; nothing is enqueued then.
struct FlowFile: Sendable {
    /// What people call it; empty unless given.
    let name: String
    let node: FlowNode

    /// Largest file, bytes.
    static let mostBytes = 16 << 20

    /// - Throws: `CommandFailure` with exit code 65.
    init(_ bytes: [UInt8], name source: String) throws(CommandFailure) {
        do throws(EnvelopeError) { try JSONTable.check(bytes) } catch {
            throw CommandFailure("\(source): \(error)", exit: .data)
        }
        do throws(FlowFileError) {
            let whole = try FlowFileObject(bytes, FlowFilePath(), also: ["name"])
            name = try whole.text("name") ?? ""
            node = try whole.node(hasInput: false)
        } catch {
            throw CommandFailure("\(source): \(error)", exit: .data)
        }
    }
}

/// What is wrong, and where.
struct FlowFileError: Error, Equatable, CustomStringConvertible {
    let path: FlowFilePath
    let message: String

    var description: String { path.text.isEmpty ? message : "\(path.text): \(message)" }
}

/// Where a value stands: `steps.fetch.args`; empty for the whole.
struct FlowFilePath: Equatable {
    private(set) var text = ""

    func key(_ key: String) -> FlowFilePath {
        FlowFilePath(text: (text.isEmpty ? "" : text + ".") + escaped(key))
    }

    func index(_ index: Int) -> FlowFilePath { FlowFilePath(text: "\(text)[\(index)]") }

    func error(_ message: String) -> FlowFileError { FlowFileError(path: self, message: message) }
}

/// An object of the file: a step, or a part that holds steps.
struct FlowFileObject {
    enum Form: String, CaseIterable {
        case job, chain, group, steps

        /// What may stand beside it.
        var keys: [String] {
            switch self {
            case .job: FlowFileObject.jobKeys + ["input", "onFailure"]
            case .chain: ["chain", "onFailure"]
            case .group: ["group", "need", "onFailure"]
            case .steps: ["steps", "result", "onFailure"]
            }
        }
    }

    static let jobKeys = [
        "job", "queue", "args", "label", "maxAttempts", "timeLimit", "expires", "priority",
    ]

    let path: FlowFilePath
    let form: Form
    private(set) var members: [String: JSONTable.Member] = [:]

    /// - Parameters:
    ///   - form: When only this one is allowed there.
    ///   - keys: All that may stand there, instead of those of the form.
    ///   - also: What may stand there beside those.
    init(
        _ json: [UInt8], _ path: FlowFilePath, form: Form? = nil, keys: [String]? = nil,
        also: [String] = []
    ) throws(FlowFileError) {
        self.path = path
        guard let all = JSONTable.members(of: json) else {
            throw path.error("must be an object, got \(Self.shown(json))")
        }
        let forms = Form.allCases.filter { form in all.contains { $0.key == form.rawValue } }
        let allowed = form.map { [$0] } ?? Form.allCases
        let words = allowed.map { "'\($0.rawValue)'" }.joined(separator: ", ")
        guard let found = forms.first, allowed.contains(found) else {
            let near = all.lazy.compactMap { member in
                Suggestion.nearest(to: member.key, among: allowed.map(\.rawValue))
                    .map { "; '\(escaped(member.key))' is unknown, did you mean '\($0)'?" }
            }.first
            throw path.error(
                (allowed.count == 1
                    ? "key \(words) is missing" : "one of the keys \(words) is needed")
                    + (near ?? ""))
        }
        guard forms.count == 1 else {
            throw path.error("key '\(forms[1].rawValue)' cannot go with '\(found.rawValue)'")
        }
        self.form = found
        let known = (keys ?? found.keys) + also
        for member in all {
            guard known.contains(member.key) else {
                let near = Suggestion.nearest(to: member.key, among: known)
                throw path.error(
                    "key '\(escaped(member.key))' is unknown; "
                        + (near.map { "did you mean '\($0)'?" }
                            ?? "use " + known.joined(separator: ", ")))
            }
            guard members.updateValue(member, forKey: member.key) == nil else {
                throw path.error("key '\(member.key)' is there twice")
            }
        }
    }

    // MARK: Values

    static func shown(_ json: [UInt8]) -> String { escaped(String(decoding: json, as: UTF8.self)) }

    func wrong(_ key: String, _ expected: String) -> FlowFileError {
        path.key(key).error("must be \(expected), got \(Self.shown(members[key]?.json ?? []))")
    }

    func text(_ key: String) throws(FlowFileError) -> String? {
        guard let member = members[key] else { return nil }
        guard let text = member.text else { throw wrong(key, "text") }
        return text
    }

    func number(_ key: String, _ range: ClosedRange<Int>) throws(FlowFileError) -> Int? {
        guard let member = members[key] else { return nil }
        guard let number = member.number, range.contains(number) else {
            throw wrong(key, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func duration(_ key: String, most: Duration) throws(FlowFileError) -> Duration? {
        guard let member = members[key] else { return nil }
        guard let duration = member.text.flatMap({ DurationText.parse($0) }), duration > .zero,
            duration <= most
        else {
            throw wrong(
                key, "a duration such as \"30s\", \"5m\" or \"2h\", to \(DurationText.format(most))"
            )
        }
        return duration
    }

    /// The values of an array that has some.
    func elements(_ key: String, isEmptyAllowed: Bool = false) throws(FlowFileError)
        -> [JSONTable.Member]
    {
        guard let elements = members[key].flatMap({ JSONTable.elements(of: $0.json) }) else {
            throw wrong(key, "an array")
        }
        guard isEmptyAllowed || !elements.isEmpty else {
            throw path.key(key).error("needs at least one step")
        }
        return elements
    }
}
