import Testing

@Suite("Layout")
struct LayoutTests {
    @Test func `the repository keeps to it`() throws {
        expectNone(try Repository.swiftFiles.flatMap(Layout.findings))
    }

    @Test(arguments: [("Sources/JobRunner/A.swift", 300), ("Tests/JobRunnerTests/A.swift", 500)])
    func `a file that is too long is found`(path: String, most: Int) {
        let text = String(repeating: "f()\n", count: most)
        #expect(Layout.findings(in: SourceFile(path, text)) == [])
        let findings = Layout.findings(in: SourceFile(path, text + "f()\n"))
        #expect(
            findings.map(\.description) == [
                "\(path):\(most + 1): \(most + 1) lines; split it at \(most)"
            ])
    }

    @Test(arguments: [
        (String(repeating: "x", count: 101), "101 columns, of 100"), ("\tf()", "a tab"),
        ("f() ", "blank at the end"),
    ])
    func `a line that is long or badly spaced is found`(line: String, message: String) {
        let file = SourceFile("Tests/T/A.swift", "f()\n\(line)\n")
        #expect(file.lines.count == 3)
        #expect(Layout.findings(in: file).map(\.description) == ["Tests/T/A.swift:2: \(message)"])
    }

    @Test func `a line of a hundred is fine`() {
        let file = SourceFile("Tests/T/A.swift", String(repeating: "é", count: 100))
        #expect(Layout.findings(in: file) == [])
    }

    @Test func `a long line of a text is fine`() {
        let long = String(repeating: "x", count: 101)
        let text = "let json = \"\"\"\n    \(long)\n    \"\"\"\n"
        #expect(Layout.findings(in: SourceFile("Tests/T/A.swift", text)) == [])
        let comment = SourceFile("Tests/T/A.swift", "/*\n\(long)\n*/")
        #expect(Layout.findings(in: comment).count == 1)
    }
}
