import Foundation
import Testing

/// Steps that do not fit each other are errors of the compiler.
@Suite(.enabled(if: BuiltExecutable.path != nil), .timeLimit(.minutes(2)))
struct WorkflowTypesTests {
    private static let jobs = """
        import JobRunner
        struct Fetch: Job { static let name = "fetch"; typealias Output = Int }
        struct Read: Job { static let name = "read"; typealias Output = String }
        struct Double: Job { static let name = "double"; typealias Input = Int; typealias Output = Int }
        struct Print: Job { static let name = "print"; typealias Input = String }
        struct Total: Job { static let name = "total"; typealias Input = [Int] }
        struct Told: Job { static let name = "told"; typealias Input = WorkflowFailure }

        """

    /// What the compiler says of a line behind these jobs.
    private func compile(_ line: String) async throws -> BuiltExecutable.End {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "jobrunner-types-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let file = directory.appending(path: "flow.swift").path
        try Data((Self.jobs + line + "\n").utf8).write(to: URL(filePath: file))
        let built = URL(filePath: BuiltExecutable.path ?? "").deletingLastPathComponent()
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let maps = ["CHiredis", "COpenSSL", "CSystem", "CSpawn"].flatMap { module in
            ["", "include/"].map {
                root.appending(path: "Sources/\(module)/\($0)module.modulemap").path
            }
        }
        let words =
            ["swiftc", "-typecheck", "-swift-version", "6"]
            + ["-I", built.appending(path: "Modules").path]
            + maps.filter { FileManager.default.fileExists(atPath: $0) }
            .flatMap { ["-Xcc", "-fmodule-map-file=" + $0] } + [file]
        return try await BuiltExecutable(words, program: "/usr/bin/env").end()
    }

    @Test func `steps that fit are compiled`() async throws {
        let ended = try await compile(
            """
            let flow = Workflow.group([Workflow(Fetch()).then(Double()), Workflow(Fetch())])
                .then(Total()).onFailure(Told())
            """)
        #expect(ended.code == 0, "\(ended.errors)")
    }

    @Test(arguments: [
        ("Workflow(Fetch()).then(Print())", "'Fetch.Output' (aka 'Int') and 'Print.Input'"),
        ("Workflow(Double()).onFailure(Print())", "WorkflowFailure"),
        ("Workflow.group([Workflow(Fetch()), Workflow(Read())]).then(Total())", "String"),
        ("Workflow.group([Workflow(Read())]).then(Total())", "String"),
        ("try await JobClient().start(Workflow(Double()))", ""),
        ("try await JobClient().enqueue(Print())", "is a step of a Workflow"),
    ])
    func `steps that do not fit are refused`(flow: String, reason: String) async throws {
        let ended = try await compile("let flow = \(flow)")
        #expect(ended.code == 1)
        #expect(ended.errors.contains(": error: "), "\(ended.errors)")
        #expect(reason.isEmpty || ended.errors.contains(reason), "\(ended.errors)")
    }
}
