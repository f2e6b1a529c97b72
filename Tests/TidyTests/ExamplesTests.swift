import Testing

/// Code in the documentation that says where it comes from is what is compiled and run there.
@Suite("Examples") struct ExamplesTests {
    @Test func `those of the pages are those of the tests`() throws {
        let tests = try Examples.marked(
            in: Repository.swiftFiles.filter { $0.path.hasPrefix("Tests/") })
        let shown = try Examples.shown(in: Repository.pages)
        #expect(shown.count >= 7)
        for (name, code) in shown {
            #expect(tests[name] == code, "example '\(name)' differs from its test")
        }
        let unused = Set(tests.keys).subtracting(shown.map(\.name))
        #expect(unused == [], "no page shows them")
    }

    @Test func `an example is found between its marks, its margin taken off`() {
        let file = SourceFile(
            "Tests/T.swift", "f()\n    // example: a\n    if x {\n        y()\n    }\n    // end\n")
        #expect(Examples.marked(in: [file]) == ["a": ["if x {", "    y()", "}"]])
        let page = SourceFile("a.md", "<!-- example: a -->\n```swift\nif x {\n    y()\n}\n```\n")
        #expect(Examples.shown(in: [page]).map(\.code) == [["if x {", "    y()", "}"]])
    }
}

private enum Examples {
    /// What stands between `// example: <name>` and `// end`.
    static func marked(in files: [SourceFile]) -> [String: [String]] {
        var found: [String: [String]] = [:]
        for file in files
        where !file.path.hasSuffix("ExamplesTests.swift") || !file.path.contains("Tidy") {
            var name: String?
            for line in file.lines {
                let text = line.trimmed
                if text.hasPrefix("// example: ") {
                    name = String(text.dropFirst(12))
                    found[name ?? ""] = []
                } else if text == "// end" {
                    name = nil
                } else if let name {
                    found[name, default: []].append(line)
                }
            }
        }
        return found.mapValues { lines in
            let margin =
                lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
            return lines.map { String($0.dropFirst(margin)) }
        }
    }

    /// The code under `<!-- example: <name> -->`.
    static func shown(in pages: [SourceFile]) -> [(name: String, code: [String])] {
        var found: [(name: String, code: [String])] = []
        for page in pages {
            for (index, line) in page.lines.enumerated() where line.hasPrefix("<!-- example: ") {
                let name = line.dropFirst(14).dropLast(4)
                let code = page.lines.dropFirst(index + 2).prefix { $0 != "```" }
                found.append((String(name), Array(code)))
            }
        }
        return found
    }
}

extension String {
    fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
