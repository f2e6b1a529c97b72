import Testing

@testable import JobRunnerCLI

@Suite("Command lines")
struct ParserCommandLineTests {
    @Test(arguments: [
        ("--concurrency 5", 5), ("--concurrency=5", 5), ("-c 5", 5), ("-c5", 5), ("-c=5", 5),
        ("-bqc5", 5), ("-bq -c 5", 5), ("", 10),
    ])
    func `a value is taken in every spelling`(line: String, expected: Int) throws {
        let invocation = try #require(Sample.parse("work \(line)").invocation)
        #expect(invocation[Sample.concurrency] == expected)
        #expect(invocation[Sample.burst] == line.contains("b"))
        #expect(invocation.command == ["work"])
    }

    @Test func `options of the root are understood everywhere`() throws {
        for line in ["-o json jobs list", "jobs -o json list", "jobs list -o json"] {
            let invocation = try #require(Sample.parse(line).invocation)
            #expect(invocation[Sample.output] == "json")
            #expect(invocation.command == ["jobs", "list"])
        }
    }

    @Test(arguments: ["jobs ls", "j ls", "j list"])
    func `an alias is the command it stands for`(line: String) {
        #expect(Sample.parse(line).invocation?.command == ["jobs", "list"])
    }

    @Test func `options may follow the words`() throws {
        let invocation = try #require(
            Sample.parse(["enqueue", "mail", "{}", "-p", "-3", "-vv"]).invocation)
        #expect(invocation[Sample.kind] == "mail")
        #expect(invocation[Sample.payload] == "{}")
        #expect(invocation[Sample.priority] == -3)
        #expect(invocation.count(of: Sample.verbose) == 2)
    }

    @Test func `two dashes end the options`() throws {
        let invocation = try #require(Sample.parse("jobs wait -- --help -v --").invocation)
        #expect(invocation.all(Sample.ids) == ["--help", "-v", "--"])
        #expect(invocation.count(of: Sample.verbose) == 0)
    }

    @Test func `a word behind two dashes is never a command`() {
        #expect(Sample.parse("-- work").failure?.message == "unexpected argument 'work'")
    }

    @Test func `negative numbers and a lone dash are words`() throws {
        #expect(try #require(Sample.parse("jobs scale -5").invocation)[Sample.delta] == -5)
        #expect(Sample.parse("jobs wait -").invocation?.all(Sample.ids) == ["-"])
    }

    @Test func `an option that repeats keeps every value in order`() throws {
        let invocation = try #require(Sample.parse("work -l a=1 --label=b=2 -lc=3").invocation)
        #expect(invocation.all(Sample.labels) == ["a=1", "b=2", "c=3"])
    }

    @Test func `what was not given is absent or its default`() throws {
        let invocation = try #require(Sample.parse("work").invocation)
        #expect(invocation.optional(Sample.memory) == nil)
        #expect(invocation.all(Sample.labels) == [])
        #expect(invocation[Sample.lease] == .seconds(30))
        #expect(invocation[Sample.burst] == false)
        #expect(invocation.origin(of: Sample.memory) == .default)
    }

    @Test(arguments: [
        ("wrok", "unknown command 'wrok'; did you mean 'work'?", "See 'jobrunner work --help'."),
        (
            "jobs lst", "unknown command 'jobs lst'; did you mean 'jobs list'?",
            "See 'jobrunner jobs list --help'."
        ),
        ("zzzzzz", "unknown command 'zzzzzz'", "See 'jobrunner --help'."),
        (
            "work --concurency 5",
            "option '--concurency' is unknown; did you mean '--concurrency'?",
            "See 'jobrunner work --help'."
        ),
        ("work -x", "option '-x' is unknown", "See 'jobrunner work --help'."),
        ("work -bx", "option '-x' is unknown in '-bx'", "See 'jobrunner work --help'."),
        (
            "--concurrency 5 work", "option '--concurrency' is unknown here",
            "It belongs after 'jobrunner work'."
        ),
        ("work --no-quiet", "option '--quiet' cannot be negated", "See 'jobrunner work --help'."),
        ("work -c 1 -c 2", "option '--concurrency' is given twice", "See 'jobrunner work --help'."),
        (
            "work --burst --no-burst", "option '--burst' is given twice",
            "See 'jobrunner work --help'."
        ),
        ("work --burst=yes", "option '--burst' takes no value", "See 'jobrunner work --help'."),
        ("work -c", "option '--concurrency' needs a value <N>", "See 'jobrunner work --help'."),
        (
            "work -c -- 5", "option '--concurrency' needs a value <N>",
            "See 'jobrunner work --help'."
        ),
        (
            "work -c --burst", "option '--concurrency' needs a value <N>, got '--burst'",
            "A value that begins with a dash is written --concurrency=VALUE."
        ),
        ("work now", "unexpected argument 'now'", "See 'jobrunner work --help'."),
        ("enqueue", "argument <kind> is missing", "See 'jobrunner enqueue --help'."),
        ("jobs wait", "argument <id> is missing", "See 'jobrunner jobs wait --help'."),
        ("jobs sign", "option '--token' is missing", "Give --token TOKEN or set JOBRUNNER_TOKEN."),
    ])
    func `a wrong line says what and what to do`(line: String, message: String, hint: String) {
        let expected = CommandFailure(message, hint: hint, exit: .usage)
        #expect(Sample.parse(line).failure == expected)
    }

    @Test(arguments: ["0", "-1", "abc", "1e9", "", "1025", "99999999999999999999", "5 ", "٣"])
    func `a number outside its range is refused with the range`(text: String) {
        for arguments in [["--concurrency", text], ["--concurrency=\(text)"], ["-c", text]] {
            let failure = Sample.parse(["work"] + arguments).failure
            #expect(
                failure?.message
                    == "--concurrency must be a whole number from 1 to 1024, got '\(text)'")
            #expect(failure?.exit == .usage)
        }
    }

    @Test(arguments: [
        ("--help", "jobrunner"), ("-h", "jobrunner"), ("work --help", "jobrunner work"),
        ("help", "jobrunner"), ("help work", "jobrunner work"),
        ("help j ls", "jobrunner jobs list"), ("jobs help wait", "jobrunner jobs wait"),
        ("work --concurency 5 -h", "jobrunner work"), ("work -bh", "jobrunner work"),
        ("jobs wait -h", "jobrunner jobs wait"), ("work now -h", "jobrunner work"),
    ])
    func `help is given wherever it is asked for`(line: String, command: String) {
        #expect(Sample.parse(line).helped == command)
    }

    @Test func `help for an unknown command is an error`() {
        for line in ["help wrok", "wrok --help"] {
            #expect(
                Sample.parse(line).failure?.message
                    == "unknown command 'wrok'; did you mean 'work'?")
        }
    }

    @Test func `the version carries the name of the executable`() throws {
        let runner = CommandRunner(root: Sample.root, executable: "myapp", version: "2.0")
        guard case .version(let text) = Sample.parse("--version", in: runner) else {
            Issue.record("no version")
            return
        }
        #expect(text == "myapp 2.0")
        #expect(Sample.parse("work now", in: runner).failure?.hint == "See 'myapp work --help'.")
    }
}
