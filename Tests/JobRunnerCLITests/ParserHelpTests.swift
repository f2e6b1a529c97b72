import Testing

@testable import JobRunnerCLI

@Suite("Help")
struct ParserHelpTests {
    private func help(_ line: String, width: Int = 80) -> String {
        guard case .help(let help) = Sample.parse(line + " --help") else { return "" }
        return help.render(HelpStyle(width: width))
    }

    @Test func `help of a command reads as a page`() {
        #expect(
            help("enqueue") == """
                Put a job in.

                Usage: jobrunner enqueue [<options>] <kind> [<json>]

                Arguments:
                  <kind>                    The job's name.
                  <json>                    Its arguments. (default: {})

                Options:
                  -p, --priority <N>        Order. (default: 0)
                  -f, --file <PATH>         Read from it.

                Global options:
                  -u, --redis-url <URL>     Where Redis is. (env: JOBRUNNER_REDIS_URL, then
                                            REDIS_URL; default: redis://localhost:6379)
                  -o, --output <FORMAT>     How to print. (env: JOBRUNNER_OUTPUT; default:
                                            table)
                  -v, --verbose             Say more. (may be repeated)
                  --env-file <PATH>         Read variables from this file; the real environment
                                            wins.
                  -h, --help                Show help.
                  --version                 Show the version.

                """)
    }

    @Test func `help of an option names its variable, default and unit`() {
        let page = help("work", width: 200)
        #expect(
            page.contains("Jobs at the same time. (env: JOBRUNNER_CONCURRENCY; default: 10 jobs)"))
        #expect(page.contains("(env: JOBRUNNER_VISIBILITY_TIMEOUT; default: 30s)"))
        #expect(page.contains("-b, --[no-]burst"))
        #expect(page.contains("\nStops on TERM.\n\nRuns until then.\n"))
    }

    @Test func `help of a group lists its commands with their aliases`() {
        let page = help("jobs")
        #expect(page.contains("Usage: jobrunner jobs <command> [<options>]\n"))
        #expect(page.contains("  list, ls "))
        #expect(page.contains("See 'jobrunner help COMMAND'"))
    }

    @Test(arguments: [1, 20, 33, 59, 60, 80, 200])
    func `lines keep to the width unless one word is wider`(width: Int) {
        for (path, _) in Sample.root.tree() {
            let page = help(path.joined(separator: " "), width: width)
            #expect(!page.isEmpty)
            for line in page.split(separator: "\n") where line.count > max(20, width) {
                // A part of the usage line may hold a blank: `<id> ...`.
                #expect(line.split(separator: " ").count == 1, "\(line)")
            }
            #expect(!page.contains("\u{1B}"))
        }
    }

    @Test(arguments: [
        (true, ["TERM": "xterm"], true), (true, ["TERM": "xterm", "NO_COLOR": ""], true),
        (true, ["TERM": "xterm", "NO_COLOR": "1"], false), (true, ["TERM": "dumb"], false),
        (true, [:], false), (false, ["TERM": "xterm"], false),
    ])
    func `colour is for terminals that want it`(
        isTerminal: Bool, environment: [String: String], expected: Bool
    ) {
        #expect(
            HelpStyle.isColoured(isTerminal: isTerminal, environment: environment) == expected)
    }

    @Test(arguments: [("100", 100), ("7", 20), ("0", 80), ("-5", 80), ("wide", 80), ("", 80)])
    func `the width is that of COLUMNS, else 80`(columns: String, expected: Int) {
        // Descriptor -1 is no terminal, wherever the tests run.
        let style = HelpStyle.detect(descriptor: -1, environment: ["COLUMNS": columns])
        #expect(style == HelpStyle(width: expected))
    }

    @Test func `colour marks titles only`() {
        guard case .help(let help) = Sample.parse("--help") else { return }
        let page = help.render(HelpStyle(width: 80, isColoured: true))
        #expect(page.contains("\u{1B}[1mCommands:\u{1B}[0m\n"))
        #expect(page.contains("\u{1B}[1mUsage:\u{1B}[0m jobrunner"))
        let plain = help.render(HelpStyle(width: 80))
        let stripped = page.split(separator: "\u{1B}[1m").joined()
            .split(separator: "\u{1B}[0m").joined()
        #expect(stripped == plain)
    }
}
