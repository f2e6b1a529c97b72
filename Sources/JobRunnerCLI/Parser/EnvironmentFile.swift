/// The variables of a `.env` file.
///
/// One `NAME=VALUE` a line, optionally after `export`; empty lines and `#` comments; values bare,
/// in single quotes (as they are) or in double quotes (`\n \r \t \" \\ \$`). Nothing is expanded.
/// A name set twice has its last value, as in a shell. Messages never show a value.
struct EnvironmentFile {
    private(set) var values: [String: String] = [:]
    /// The line each variable was set on, from 1.
    private(set) var lines: [String: Int] = [:]

    /// - Parameter path: Only for messages.
    init(_ text: String, path: String) throws(CommandFailure) {
        let body = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        let all = body.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in all.enumerated() {
            do {
                guard let (name, value) = try Self.assignment(in: line) else { continue }
                values[name] = value
                lines[name] = index + 1
            } catch {
                throw CommandFailure(
                    "\(escaped(path)):\(index + 1): \(error.expected ?? "expected NAME=VALUE")",
                    exit: .configuration)
            }
        }
    }

    private static func assignment(
        in line: Substring
    ) throws(InvalidValue) -> (name: String, value: String)? {
        var rest = line.drop(while: isBlank)
        if rest.isEmpty || rest.first == "#" { return nil }
        if rest.hasPrefix("export"), let next = rest.dropFirst(6).first, isBlank(next) {
            rest = rest.dropFirst(6).drop(while: isBlank)
        }
        guard let equals = rest.firstIndex(of: "=") else { throw InvalidValue() }
        var name = rest[..<equals]
        while let last = name.last, isBlank(last) { name.removeLast() }
        guard isName(name) else {
            throw InvalidValue("expected a name of letters, digits and _ before the =")
        }
        return (String(name), try value(of: rest[rest.index(after: equals)...]))
    }

    private static func value(of text: Substring) throws(InvalidValue) -> String {
        let rest = text.drop(while: isBlank)
        switch rest.first {
        case "'":
            guard let end = rest.dropFirst().firstIndex(of: "'") else {
                throw InvalidValue("expected a closing ' on the same line")
            }
            try expectEnd(rest[rest.index(after: end)...])
            return String(rest[rest.index(after: rest.startIndex)..<end])
        case "\"": return try doubleQuoted(rest.dropFirst())
        default: return bare(text)
        }
    }

    /// Up to a `#` at its start or after a blank, without the blanks at its ends.
    private static func bare(_ text: Substring) -> String {
        var value = ""
        var isAfterBlank = true
        for character in text {
            if character == "#", isAfterBlank { break }
            isAfterBlank = isBlank(character)
            value.append(character)
        }
        while let last = value.last, isBlank(last) { value.removeLast() }
        return String(value.drop(while: isBlank))
    }

    private static func doubleQuoted(_ text: Substring) throws(InvalidValue) -> String {
        let escapes: [Character: Character] = [
            "n": "\n", "r": "\r", "t": "\t", "\"": "\"", "\\": "\\", "$": "$",
        ]
        var value = ""
        var rest = text
        while let character = rest.popFirst() {
            if character == "\"" {
                try expectEnd(rest)
                return value
            }
            guard character == "\\" else {
                value.append(character)
                continue
            }
            guard let letter = rest.popFirst(), let meant = escapes[letter] else {
                throw InvalidValue(#"expected one of n r t " \ $ after a backslash"#)
            }
            value.append(meant)
        }
        throw InvalidValue("expected a closing \" on the same line")
    }

    private static func expectEnd(_ text: Substring) throws(InvalidValue) {
        let rest = text.drop(while: isBlank)
        // A comment needs a blank before it, as in a shell.
        let isComment = rest.first == "#" && rest.startIndex != text.startIndex
        guard rest.isEmpty || isComment else {
            throw InvalidValue("expected the end of the line after the closing quote")
        }
    }

    private static func isBlank(_ character: Character) -> Bool {
        character == " " || character == "\t" || character == "\r"
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.first, first == "_" || (first.isASCII && first.isLetter) else {
            return false
        }
        return text.allSatisfy { $0 == "_" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
    }
}
