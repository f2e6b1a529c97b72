import Testing

@Suite("Arrows between targets")
struct ArrowsTests {
    @Test func `the repository keeps them`() throws {
        #expect(try !Repository.swiftFiles.isEmpty)
        expectNone(try Repository.swiftFiles.flatMap(Arrows.findings))
        expectNone(try Repository.swiftFiles.flatMap(Arrows.foundation))
        expectNone(try Arrows.dependencies(in: Repository.manifest))
    }

    @Test(arguments: [
        ("Sources/RedisLink/A.swift", "JobRunner"),
        ("Sources/JobRunner/Worker/A.swift", "CHiredis"),
        ("Sources/JobRunner/Worker/A.swift", "CSystem"), ("Sources/RedisLink/A.swift", "CSpawn"),
        ("Sources/JobRunner/A.swift", "COpenSSL"),
        ("Sources/JobRunner/A.swift", "JobRunnerCLI"),
        ("Sources/JobRunner/A.swift", "JobRunnerTesting"),
        ("Sources/JobRunnerCLI/A.swift", "RedisLink"),
        ("Sources/JobRunnerCLI/A.swift", "JobRunnerTesting"),
        ("Sources/JobRunnerTool/A.swift", "JobRunner"),
        ("Sources/JobRunnerTesting/A.swift", "JobRunnerCLI"),
        ("Tests/JobRunnerTests/A.swift", "CHiredis"),
    ])
    func `an import against an arrow is found`(path: String, module: String) {
        let target = SourceFile(path, "").target
        for line in [
            "import \(module)", "public import \(module)", "@testable import \(module)",
            "@preconcurrency internal import struct \(module).Thing",
        ] {
            let findings = Arrows.findings(in: SourceFile(path, "// Text.\n\(line)\n"))
            #expect(
                findings.map(\.description) == ["\(path):2: \(target) may not import \(module)"])
        }
    }

    @Test func `imports along the arrows and of the system are fine`() {
        let text =
            "import RedisLink\nimport Glibc\n// import CHiredis\nlet s = \"import CHiredis\"\n"
        #expect(Arrows.findings(in: SourceFile("Sources/JobRunner/A.swift", text)) == [])
    }

    @Test func `a target without arrows is found`() {
        #expect(Arrows.findings(in: SourceFile("Sources/Helpers/A.swift", "")).count == 1)
    }

    @Test func `Foundation is found but as a fallback`() {
        let path = "Sources/JobRunner/A.swift"
        #expect(Arrows.foundation(in: SourceFile(path, "import Foundation")).map(\.line) == [1])
        let fallback = """
            #if canImport(FoundationEssentials)
                import FoundationEssentials
            #else
                import Foundation
            #endif
            """
        #expect(Arrows.foundation(in: SourceFile(path, fallback)) == [])
        #expect(Arrows.foundation(in: SourceFile("Tests/T/A.swift", "import Foundation")) == [])
    }

    @Test func `a package dependency is found`() {
        let text =
            "let package = Package(\n    dependencies: [.package(url: \"x\", from: \"1.0.0\")])"
        #expect(Arrows.dependencies(in: SourceFile("Package.swift", text)).map(\.line) == [2])
    }
}
