import Testing

/// One file of the repository, or a text that a rule's own test made up.
struct SourceFile {
    /// From the repository's root: `Sources/JobRunner/Job/Job.swift`.
    let path: String
    let text: String
    /// The text, line by line.
    let lines: [String]
    /// The lines of a Swift file as a rule should see them.
    let code: [SwiftLine]

    init(_ path: String, _ text: String) {
        self.path = path
        self.text = text
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        code = path.hasSuffix(".swift") ? SwiftLine.lines(of: text) : []
    }

    /// `Sources/JobRunner/Job/Job.swift` is of `JobRunner`, a test file of its test target.
    var target: String {
        let folders = path.split(separator: "/")
        return folders.count > 1 ? String(folders[1]) : ""
    }

    var isSource: Bool { path.hasPrefix("Sources/") }

    /// Whether a line lies in a text of many lines as a whole.
    func isInsideString(_ index: Int) -> Bool {
        code.indices.contains(index) && code[index].code.isEmpty
            && !code[index].codeAndStrings.isEmpty
    }

    /// A finding in this file; `index` counts its lines from 0.
    func finding(at index: Int, _ message: String) -> Finding {
        Finding(path: path, line: index + 1, message: message)
    }
}

/// What a rule found, as compilers print it.
struct Finding: Equatable, CustomStringConvertible {
    let path: String
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// Fails the test that calls it once for each finding.
func expectNone(_ findings: [Finding], sourceLocation: SourceLocation = #_sourceLocation) {
    for finding in findings {
        Issue.record("\(finding)", sourceLocation: sourceLocation)
    }
}

/// Whether `text` has `word`, and not as a part of a longer name.
func contains(_ text: String, word: String) -> Bool {
    func isPartOfName(_ character: Character?) -> Bool {
        guard let character else { return false }
        return character.isLetter || character.isNumber || character == "_"
    }
    return text.ranges(of: word).contains { range in
        let before = text[..<range.lowerBound].last
        let after = text[range.upperBound...].first
        return !(isPartOfName(word.first) && isPartOfName(before))
            && !(isPartOfName(word.last) && isPartOfName(after))
    }
}
