/// Words that switch a check of the compiler off have to say why that is right.
enum UnsafeMarks {
    private static let marks = [
        "@unchecked Sendable", "nonisolated(unsafe)", "unowned(unsafe)", "@unsafe",
    ]

    /// Each mark and each forced unwrap without a comment on its line or just above.
    static func findings(in file: SourceFile) -> [Finding] {
        file.code.enumerated().flatMap { index, line in
            var found = marks.filter { line.code.contains($0) }
            if hasForcedUnwrap(line.code) { found.append("!") }
            return isExplained(file.code, index)
                ? []
                : found.map {
                    file.finding(at: index, "\($0) without a comment that says why it is right")
                }
        }
    }

    /// A comment on the line, or on one of the three above it with no blank line between.
    private static func isExplained(_ lines: [SwiftLine], _ index: Int) -> Bool {
        let above = lines[..<index].reversed().prefix(3).prefix { !$0.isBlank }
        return lines[index].hasComment || above.contains { $0.hasComment }
    }

    /// `name!`, `call()!`, `list[0]!`, `Int!`; not `a != b`, `!a`, `try!`, `as!`.
    private static func hasForcedUnwrap(_ code: String) -> Bool {
        let text = Array(code)
        return text.indices.contains { at in
            guard text[at] == "!", at > 0 else { return false }
            if at + 1 < text.count, text[at + 1] == "=" { return false }
            let before = text[at - 1]
            let word = String(text[..<at].reversed().prefix { $0.isLetter }.reversed())
            return (before.isLetter || before.isNumber || ")]_>?\"`".contains(before))
                && word != "try" && word != "as"
        }
    }
}
