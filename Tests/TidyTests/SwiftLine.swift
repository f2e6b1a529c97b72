/// A line of Swift with its code, its strings and its comments told apart.
struct SwiftLine: Equatable {
    /// The line with comments and what is in quotes, or in backticks, left out.
    var code = ""
    /// The line with comments left out.
    var codeAndStrings = ""
    /// Whether it has a comment, or is in one.
    var hasComment = false

    var isBlank: Bool { codeAndStrings.allSatisfy(\.isWhitespace) && !hasComment }

    /// Reads a file: comments (nested too), strings of one line and of many, raw or not.
    ///
    /// What `\(…)` encloses counts as a part of its string. Regex literals are taken for code.
    static func lines(of text: String) -> [SwiftLine] {
        var lexer = SwiftLexer(text)
        return lexer.lines()
    }
}

/// Splits Swift into ``SwiftLine``s; knows just enough of the language for that.
private struct SwiftLexer {
    private let input: [Character]
    private var at = 0
    private var line = SwiftLine()
    private var done: [SwiftLine] = []

    init(_ text: String) { input = Array(text) }

    mutating func lines() -> [SwiftLine] {
        while at < input.count {
            if starts("//") {
                while at < input.count, input[at] != "\n" { comment() }
            } else if starts("/*") {
                blockComment()
            } else if let pounds = poundsBeforeQuote() {
                string(pounds)
            } else if starts("`") {
                rawName()
            } else {
                code()
            }
        }
        done.append(line)
        return done
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                comment()
            } else if starts("*/") {
                depth -= 1
                comment()
            }
            comment()
        } while depth > 0 && at < input.count
    }

    private mutating func string(_ pounds: Int) {
        let rawness = String(repeating: "#", count: pounds)
        for _ in 0..<pounds { code() }
        let isLong = starts("\"\"\"")
        let quote = isLong ? "\"\"\"" : "\""
        for _ in quote { code() }
        while at < input.count, !starts(quote + rawness) {
            if !isLong, input[at] == "\n" { return }
            if starts("\\" + rawness + "(") {
                interpolation()
            } else if pounds == 0, input[at] == "\\" {
                quoted()
                quoted()
            } else {
                quoted()
            }
        }
        for _ in quote + rawness { code() }
    }

    private mutating func rawName() {
        code()
        while at < input.count, input[at] != "`", input[at] != "\n" { quoted() }
        code()
    }

    private mutating func interpolation() {
        var depth = 0
        repeat {
            if at < input.count, input[at] == "(" { depth += 1 }
            if at < input.count, input[at] == ")" { depth -= 1 }
            quoted()
        } while (depth > 0 || input[at - 1] != ")") && at < input.count
    }

    private func poundsBeforeQuote() -> Int? {
        var end = at
        while end < input.count, input[end] == "#" { end += 1 }
        return end < input.count && input[end] == "\"" ? end - at : nil
    }

    private func starts(_ text: String) -> Bool {
        input[at...].starts(with: text)
    }

    private mutating func code() {
        take { line, character in
            line.code.append(character)
            line.codeAndStrings.append(character)
        }
    }

    private mutating func quoted() {
        take { $0.codeAndStrings.append($1) }
    }

    private mutating func comment() {
        line.hasComment = true
        take { line, _ in line.hasComment = true }
    }

    private mutating func take(_ add: (inout SwiftLine, Character) -> Void) {
        guard at < input.count else { return }
        let character = input[at]
        at += 1
        if character == "\n" {
            done.append(line)
            line = SwiftLine()
        } else {
            add(&line, character)
        }
    }
}
