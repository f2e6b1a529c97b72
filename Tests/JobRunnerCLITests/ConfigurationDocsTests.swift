import Foundation
import Testing

@testable import JobRunnerCLI

/// `.env.example`, the README's table and `--help` are made from the same declarations.
///
/// `UPDATE_DOCS=1 swift test --filter ConfigurationDocs` rewrites the two files.
@Suite("Configuration in the docs", .serialized)
struct ConfigurationDocsTests {
    private static let opening = "<!-- configuration -->"
    private static let closing = "<!-- /configuration -->"

    private let root = CommandTree.root { _ in }
    private let isUpdating = ProcessInfo.processInfo.environment["UPDATE_DOCS"] == "1"

    private func url(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: name)
    }

    private func check(_ name: String, is text: String) throws {
        if isUpdating { try Data(text.utf8).write(to: url(name)) }
        let found = try String(decoding: Data(contentsOf: url(name)), as: UTF8.self)
        #expect(
            found == text,
            "\(name) is out of date: UPDATE_DOCS=1 swift test --filter ConfigurationDocs")
    }

    @Test func `the example of an environment file is that of the commands`() throws {
        try check(".env.example", is: EnvExample.render(root))
    }

    @Test func `the README's table is that of the commands`() throws {
        let readme = try String(decoding: Data(contentsOf: url("README.md")), as: UTF8.self)
        let start = try #require(readme.range(of: Self.opening + "\n"))
        let end = try #require(readme.range(of: Self.closing))
        try check(
            "README.md",
            is: readme[..<start.upperBound] + "\n" + OptionTable(root).markdown + "\n"
                + readme[end.lowerBound...])
    }

    @Test func `every variable of the example is one of help, and the other way round`() throws {
        let example = try String(
            decoding: Data(contentsOf: url(".env.example")), as: UTF8.self)
        let named = example.split(separator: "\n").compactMap { line in
            line.hasPrefix("# JOBRUNNER_") ? line.dropFirst(2).prefix { $0 != "=" } : nil
        }
        let help = root.tree().map { path, _ in
            let commands = path.reduce(into: [root]) { commands, word in
                if let next = commands.last?.subcommand(word) { commands.append(next) }
            }
            return HelpText(executable: "jobrunner", path: commands)
                .render(HelpStyle(width: 1000))
        }.joined()
        for name in named { #expect(help.contains(name)) }
        let declared = Set(root.tree().flatMap(\.command.options).compactMap(\.info.env.first))
        #expect(Set(named.map(String.init)) == declared)
    }

    @Test func `the commands are sound`() {
        #expect(root.problems() == [])
    }
}

@Suite("jobrunner completions and version")
struct SmallCommandsTests {
    @Test(arguments: [
        ("bash", "complete -F _jobrunner 'jobrunner'"), ("zsh", "#compdef jobrunner"),
        ("fish", "complete -c 'jobrunner' -f"),
    ])
    func `the script of a shell knows every command`(shell: String, part: String) async throws {
        let ran = await (try CommandFixture(url: "redis://nobody")).run("completions \(shell)")
        #expect(ran.exit == .success)
        #expect(ran.out.contains(part))
        for word in ["enqueue", "wait", "cancel", "completions", "--ndjson"] {
            #expect(ran.out.contains(word.hasPrefix("--") && shell == "fish" ? "ndjson" : word))
        }
    }

    @Test func `another shell is refused`() async throws {
        let ran = await (try CommandFixture(url: "redis://nobody")).run("completions csh")
        #expect(ran.exit == .usage)
        #expect(
            ran.err.hasPrefix(
                "jobrunner: error: <shell> must be one of bash, zsh, fish, got 'csh'\n"))
    }

    @Test func `the version is one line`() async throws {
        let fixture = try CommandFixture(url: "redis://nobody")
        #expect(await fixture.run("version").out == (await fixture.run("--version").out))
    }
}
