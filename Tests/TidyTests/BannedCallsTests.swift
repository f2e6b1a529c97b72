import Testing

@Suite("Banned calls")
struct BannedCallsTests {
    @Test func `the repository has none`() throws {
        expectNone(try Repository.swiftFiles.flatMap(BannedCalls.findings))
    }

    @Test(arguments: [
        "let pid = fork()", "vfork()", "let x = try! f()", "x as! Int", "print(1)",
        "Swift.print(1)", "Thread.sleep(forTimeInterval: 1)", "usleep(5)",
    ])
    func `a banned call in a source is found`(line: String) {
        let file = SourceFile("Sources/JobRunner/A.swift", "import Glibc\n" + line)
        #expect(BannedCalls.findings(in: file).map(\.line) == [2])
    }

    @Test(arguments: [
        "sleep(1)", "Glibc.usleep(1)", "try await clock.sleep(for: .seconds(1))",
        "call(\"flush" + "db\")", "redis.FLUSH" + "ALL()",
    ])
    func `a banned call in a test is found`(line: String) {
        let file = SourceFile("Tests/JobRunnerTests/A.swift", "\n\n" + line)
        #expect(BannedCalls.findings(in: file).first?.line == 3)
    }

    @Test func `Task.sleep in a test is found`() {
        let file = SourceFile("Tests/T/A.swift", "try await Task.sleep(for: .seconds(1))")
        #expect(BannedCalls.findings(in: file).contains { $0.message.hasPrefix("Task.sleep") })
    }

    @Test(arguments: [
        "// never fork() here", "let text = \"try! print(\"", "debugPrint(1)", "fingerprint(x)",
        "let x = try? f()", "/* usleep(1) */ f()", "func print(_ text: String) {}",
    ])
    func `names that only look like it are fine`(line: String) {
        #expect(BannedCalls.findings(in: SourceFile("Sources/JobRunner/A.swift", line)) == [])
    }

    @Test func `the command line prints`() {
        #expect(
            BannedCalls.findings(in: SourceFile("Sources/JobRunnerCLI/A.swift", "print(1)")) == [])
    }
}
