import Testing

@testable import JobRunnerCLI

@Suite("Texts made from the tree")
struct ParserTreeTests {
    @Test func `a sound tree has no problems`() {
        #expect(Sample.root.problems() == [])
    }

    @Test func `a tree that would trip its users is told apart`() {
        let first = Option(
            "help", short: "h", env: "X", default: nil, placeholder: "T", help: "h", read: .text)
        let second = Option(
            "other", env: "X", default: nil, placeholder: "T", help: "h", read: .text)
        let negatable = Flag("colour", env: nil, help: "h", inversion: true)
        let taken = Flag("no-colour", env: nil, help: "h")
        let many = Argument("many", help: "h", required: false, repeats: true, read: .text)
        let one = Argument("one", help: "h", read: .text)
        let root = CommandSpec(
            name: "x", abstract: "a", options: [first],
            subcommands: [
                CommandSpec(name: "a", aliases: ["b"], abstract: "a"),
                CommandSpec(name: "b", abstract: "a", options: [second], arguments: [many, one]) {
                    _ in .success
                },
                CommandSpec(name: "C d", abstract: "a", options: [negatable, taken]) {
                    _ in .success
                },
            ])
        #expect(
            Set(root.problems()) == [
                "x: --help is declared twice", "x: -h is declared twice",
                "x: b is declared twice", "x a: --help is declared twice",
                "x a: -h is declared twice", "x a: does nothing", "x b: --help is declared twice",
                "x b: -h is declared twice", "x b: <many> repeats but is not last",
                "x b: <one> is required behind <many>, which is not",
                "x C d: --help is declared twice", "x C d: -h is declared twice",
                "x C d: --no-colour is declared twice",
                "x C d: 'C d' is not of a-z, 0-9 and dashes inside", "X sets --help, --other",
            ])
    }

    @Test func `every option is listed once, with the commands that share it`() {
        let shared = CommandSpec(
            name: "x", abstract: "a",
            subcommands: [
                CommandSpec(name: "work", abstract: "a", options: [Sample.concurrency]) { _ in .no
                },
                CommandSpec(name: "dev", abstract: "a", options: [Sample.concurrency]) { _ in .no },
            ])
        let rows = OptionTable(shared).rows
        #expect(rows.map(\.commands) == [["work", "dev"]])
        #expect(
            OptionTable(Sample.root).rows.map(\.option.long) == [
                "redis-url", "output", "verbose", "concurrency", "visibility-timeout",
                "max-memory", "label", "burst", "quiet", "priority", "file", "token",
            ])
    }

    @Test func `the table for the README has a row an option`() {
        let lines = OptionTable(Sample.root).markdown.split(separator: "\n")
        #expect(lines.count == 2 + 12)
        #expect(
            lines.contains(
                "| work | `-c`, `--concurrency N` | `JOBRUNNER_CONCURRENCY` | `10` jobs "
                    + "| Jobs at the same time. |"))
        #expect(lines.contains { $0.contains("| `JOBRUNNER_TOKEN` | required |") })
    }

    @Test func `the example of variables names meaning, unit and default`() {
        let text = EnvExample.render(Sample.root)
        #expect(
            text.hasPrefix(
                """
                # --- every command ---

                # Where Redis is. (default: redis://localhost:6379; else REDIS_URL)
                # JOBRUNNER_REDIS_URL=redis://localhost:6379

                # How to print. (default: table)
                # JOBRUNNER_OUTPUT=table

                # --- work ---

                # Jobs at the same time. (jobs; default: 10)
                # JOBRUNNER_CONCURRENCY=10

                """))
        #expect(text.split(separator: "\n").allSatisfy { $0.hasPrefix("# ") })
        #expect(!text.contains("priority"))
    }

    @Test func `the example taken as it is changes nothing`() throws {
        let note = Option(
            "note", env: "NOTE", default: "a #\"b\" $c", placeholder: "T", help: "h", read: .text)
        var root = Sample.root
        root.options.append(note)
        let lines = EnvExample.render(root).split(separator: "\n")
            .map { $0.dropFirst(2) }.filter { line in
                line.prefix { $0 != "=" }.allSatisfy { $0.isUppercase || $0 == "_" }
            }
        let file = try EnvironmentFile(lines.joined(separator: "\n"), path: "f")
        #expect(file.values["NOTE"] == "a #\"b\" $c")
        for option in OptionTable(root).rows.map(\.option) {
            guard let variable = option.env.first else { continue }
            let expected = option.isFlag ? "false" : option.defaultText ?? ""
            #expect(file.values[variable] == expected)
        }
    }

    @Test(arguments: [
        ("wrok", "work"), ("lst", "list"), ("--concurency", "--concurrency"),
        ("--concur", "--concurrency"), ("zzz", nil), ("", nil), ("x", nil),
        (String(repeating: "work", count: 10_000), nil),
    ])
    func `a suggestion is near or none`(word: String, expected: String?) {
        let known = ["work", "list", "--concurrency", "--token"]
        #expect(Suggestion.nearest(to: word, among: known) == expected)
    }

    @Test(arguments: [("", "abc", 3), ("ab", "ba", 1), ("kitten", "sitting", 3), ("a", "a", 0)])
    func `distance counts edits`(first: String, second: String, expected: Int) {
        #expect(Suggestion.distance(first, second) == expected)
        #expect(Suggestion.distance(second, first) == expected)
    }
}
