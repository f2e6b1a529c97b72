import Testing

@Suite("Unsafe marks")
struct UnsafeMarksTests {
    @Test func `the repository explains its own`() throws {
        expectNone(try Repository.swiftFiles.flatMap(UnsafeMarks.findings))
    }

    private static let offences = [
        "final class A: @unchecked Sendable {", "nonisolated(unsafe) var a = 1",
        "unowned(unsafe) let a: B", "let a = b!", "let a = f()!.c", "let a = list[0]!",
        "var a: Int!", "f(b!, c)",
    ]

    @Test(arguments: offences)
    func `one without a comment is found`(line: String) {
        let file = SourceFile("Sources/JobRunner/A.swift", "// Far away.\n\n" + line)
        #expect(UnsafeMarks.findings(in: file).map(\.line) == [3])
    }

    @Test(arguments: offences)
    func `one with a comment is fine`(line: String) {
        for text in ["\(line)  // Because.", "// Because.\n\(line)", "/// B.\n@A\n\(line)"] {
            #expect(UnsafeMarks.findings(in: SourceFile("Sources/JobRunner/A.swift", text)) == [])
        }
    }

    @Test(arguments: ["a != b", "if !a {}", "let a = \"b!\"", "a! = 1 // set", "f(!a)"])
    func `what only looks like it is fine`(line: String) {
        #expect(UnsafeMarks.findings(in: SourceFile("Sources/JobRunner/A.swift", line)) == [])
    }
}
