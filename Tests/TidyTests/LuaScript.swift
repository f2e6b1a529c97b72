/// A Lua script taken apart: its header comment, and the code below it.
struct LuaScript {
    /// What the header says of `KEYS` or `ARGV`.
    struct Declared {
        /// Line of each index, `ARGV[2]`.
        var single: [Int: Int] = [:]
        /// Where `KEYS[10..]` starts, and on which line.
        var open: (from: Int, line: Int)?
    }

    /// What the code does with `KEYS` or `ARGV`.
    struct Used {
        /// The first line that uses an index.
        var single: [Int: Int] = [:]
        /// Lines that use an index which only the run knows: `ARGV[at + 1]`.
        var computed: [Int] = []
    }

    /// Lines of the comment below `#!lua`, from line index 1.
    let header: [String]
    /// Every line of the file, those of the header and all comments emptied.
    let code: [String]

    /// One function that scripts include: it has no `#!lua`, and takes its keys as arguments.
    let isPart: Bool

    init(_ file: SourceFile) {
        isPart = file.lines[0].hasPrefix("-- ") && file.lines[0].contains("; a part of ")
        let header = file.lines.dropFirst(isPart ? 0 : 1).prefix { $0.hasPrefix("--") }
        self.header = Array(header)
        let end = header.endIndex
        code = file.lines.enumerated().map { index, line in
            index < end ? "" : Self.withoutComment(line)
        }
    }

    /// What its header calls keys: `Takes flow, result: the keys; …`; and `key`, where a function
    /// takes one.
    var keyParameters: Set<String> {
        var names = Set<String>()
        if let line = header.first(where: {
            $0.hasPrefix("-- Takes ") && $0.contains(": the keys")
        }) {
            let list = line.dropFirst("-- Takes ".count).prefix { $0 != ":" }
            names.formUnion(list.split(whereSeparator: { ", ".contains($0) }).map(String.init))
        }
        if code.contains(where: { $0.contains("local function") && $0.contains("(key, ") }) {
            names.insert("key")
        }
        return names
    }

    /// The names in `for _, key in ipairs({a, b}) do`.
    static func keyLoop(_ line: String) -> [String]? {
        guard let start = line.firstRange(of: "for _, key in ipairs({"),
            let end = line.firstRange(of: "})")
        else { return nil }
        return line[start.upperBound..<end.lowerBound].split(whereSeparator: { ", ".contains($0) })
            .map(String.init)
    }

    /// The declarations of `table`, each at the start of a header line.
    func declared(_ table: String) -> Declared {
        var declared = Declared()
        for (index, line) in header.enumerated() {
            guard line.hasPrefix("-- \(table)[") else { continue }
            let inside = line.dropFirst("-- \(table)[".count).prefix { $0 != "]" }
            if let number = Int(inside) {
                declared.single[number] = index + 1
            } else if inside.hasSuffix(".."), let from = Int(inside.dropLast(2)) {
                declared.open = (from, index + 1)
            }
        }
        return declared
    }

    /// Every `table[…]` and `unpack(table, …)` of the code.
    func used(_ table: String) -> Used {
        var used = Used()
        for (index, line) in code.enumerated() {
            for range in line.ranges(of: table + "[") {
                let inside = line[range.upperBound...].prefix { $0 != "]" }
                if let number = Int(inside) {
                    used.single[number] = used.single[number] ?? index
                } else {
                    used.computed.append(index)
                }
            }
            for number in unpacked(table, in: line) {
                used.single[number] = used.single[number] ?? index
            }
        }
        return used
    }

    /// The indices of `unpack(KEYS, 1, 9)`, or as many as `local a, b = unpack(KEYS)` has names.
    private func unpacked(_ table: String, in line: String) -> [Int] {
        guard let call = line.firstRange(of: "unpack(" + table) else { return [] }
        let bounds = line[call.upperBound...].prefix { $0 != ")" }
            .split(separator: ",").compactMap { Int($0.drop(while: \.isWhitespace)) }
        if bounds.count == 2, bounds[0] <= bounds[1] { return Array(bounds[0]...bounds[1]) }
        return Array(1...max(1, Self.assignment(line).names.count))
    }

    /// The names and the values of `local a, b = x, f(y, z)`.
    static func assignment(_ line: String) -> (names: [String], values: [String]) {
        let text = line.drop(while: \.isWhitespace)
        guard text.hasPrefix("local "), let equals = text.firstRange(of: " = ") else {
            return ([], [])
        }
        let names = text[..<equals.lowerBound].dropFirst("local ".count)
        return (parts(String(names)), parts(String(text[equals.upperBound...])))
    }

    /// Splits at the commas that are outside brackets and quotes.
    static func parts(_ text: String) -> [String] {
        var parts = [""]
        var depth = 0
        var quote: Character?
        for character in text {
            if quote != nil {
                if character == quote { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if "([{".contains(character) {
                depth += 1
            } else if ")]}".contains(character) {
                depth -= 1
                if depth < 0 { return parts }
            } else if character == ",", depth == 0 {
                parts.append("")
                continue
            } else if character == " ", parts[parts.count - 1].isEmpty {
                continue
            }
            parts[parts.count - 1].append(character)
        }
        return parts
    }

    private static func withoutComment(_ line: String) -> String {
        var quote: Character?
        var previous: Character?
        for (offset, character) in line.enumerated() {
            if quote != nil {
                if character == quote { quote = nil }
            } else if character == "'" || character == "\"" {
                quote = character
            } else if character == "-", previous == "-" {
                return String(line.prefix(offset - 1))
            }
            previous = character
        }
        return line
    }
}
