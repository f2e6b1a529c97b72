import Testing

@testable import JobRunnerCLI

@Suite("Variables of the environment")
struct ParserEnvironmentTests {
    @Test func `a flag wins over a variable and a variable over the default`() throws {
        let environment = ["JOBRUNNER_CONCURRENCY": "20"]
        let byFlag = try #require(Sample.parse("work -c 3", environment: environment).invocation)
        #expect(byFlag[Sample.concurrency] == 3)
        #expect(byFlag.origin(of: Sample.concurrency) == .flag)
        #expect(byFlag.variable(of: Sample.concurrency) == nil)
        let byVariable = try #require(Sample.parse("work", environment: environment).invocation)
        #expect(byVariable[Sample.concurrency] == 20)
        #expect(byVariable.origin(of: Sample.concurrency) == .environment)
        #expect(byVariable.variable(of: Sample.concurrency) == "JOBRUNNER_CONCURRENCY")
        let byDefault = try #require(Sample.parse("work").invocation)
        #expect(byDefault[Sample.concurrency] == 10)
        #expect(byDefault.origin(of: Sample.concurrency) == .default)
    }

    @Test(arguments: [
        ("JOBRUNNER_CONCURRENCY", "", "JOBRUNNER_CONCURRENCY is set but empty"),
        ("JOBRUNNER_REDIS_URL", "", "JOBRUNNER_REDIS_URL is set but empty"),
        ("REDIS_URL", "", "REDIS_URL is set but empty"),
        ("JOBRUNNER_BURST", "", "JOBRUNNER_BURST is set but empty"),
        (
            "JOBRUNNER_CONCURRENCY", "0",
            "JOBRUNNER_CONCURRENCY must be a whole number from 1 to 1024, got '0'"
        ),
        (
            "JOBRUNNER_BURST", "maybe",
            "JOBRUNNER_BURST must be 1, true, yes, on, 0, false, no or off, got 'maybe'"
        ),
        (
            "JOBRUNNER_LABELS", "a=1,,b=2",
            "JOBRUNNER_LABELS must be text that is not empty, got ''"
        ),
    ])
    func `a bad variable is named and is a matter of configuration`(
        variable: String, text: String, message: String
    ) {
        let failure = Sample.parse("work", environment: [variable: text]).failure
        #expect(failure == CommandFailure(message, exit: .configuration))
    }

    @Test func `a variable of another command is not looked at`() {
        let environment = ["JOBRUNNER_CONCURRENCY": "", "JOBRUNNER_BURST": "x", "OTHER": ""]
        #expect(Sample.parse("jobs list", environment: environment).invocation != nil)
    }

    @Test func `a bad variable does not matter when its flag is given`() {
        let environment = ["JOBRUNNER_CONCURRENCY": "", "JOBRUNNER_REDIS_URL": "nonsense"]
        let line = "work -c 3 -u redis://a"
        #expect(Sample.parse(line, environment: environment).invocation != nil)
    }

    @Test func `the first variable that is set counts`() throws {
        var environment = ["REDIS_URL": "redis://b"]
        let second = try #require(Sample.parse("work", environment: environment).invocation)
        #expect(second[Sample.redisURL] == "redis://b")
        #expect(second.variable(of: Sample.redisURL) == "REDIS_URL")
        environment["JOBRUNNER_REDIS_URL"] = "redis://a"
        let first = try #require(Sample.parse("work", environment: environment).invocation)
        #expect(first[Sample.redisURL] == "redis://a")
    }

    @Test(arguments: [
        ("1", true), ("TRUE", true), ("yes", true), ("On", true), ("0", false), ("false", false),
        ("No", false), ("off", false),
    ])
    func `a flag's variable is a yes or a no`(text: String, expected: Bool) throws {
        let environment = ["JOBRUNNER_BURST": text]
        let invocation = try #require(Sample.parse("work", environment: environment).invocation)
        #expect(invocation[Sample.burst] == expected)
    }

    @Test func `an inverted flag turns its variable off`() throws {
        let result = Sample.parse("work --no-burst", environment: ["JOBRUNNER_BURST": "1"])
        #expect(try #require(result.invocation)[Sample.burst] == false)
    }

    @Test func `the variable of an option that repeats is a list`() throws {
        let environment = ["JOBRUNNER_LABELS": "a=1, b=2"]
        let invocation = try #require(Sample.parse("work", environment: environment).invocation)
        #expect(invocation.all(Sample.labels) == ["a=1", "b=2"])
    }

    @Test func `a secret is in no message`() {
        let result = Sample.parse(
            ["work"], environment: ["JOBRUNNER_REDIS_URL": "redis:/u:hunter2@host"])
        let message = result.failure?.message
        #expect(
            message == "JOBRUNNER_REDIS_URL must be a URL such as redis://localhost:6379, "
                + "got '***@host'")
    }
}

@Suite("Files of variables")
struct ParserEnvironmentFileTests {
    private func runner(_ text: String) -> CommandRunner {
        CommandRunner(
            root: Sample.root, executable: "jobrunner", version: "1",
            readFile: { _ throws(CommandFailure) in text }, write: { _, _ in })
    }

    @Test func `every form of a line is read`() throws {
        let text = """
            \u{FEFF}# comment
            A=bare
              export B = spaced # comment

            C='single $x \\n # kept'
            D="tab\\t \\"q\\" \\\\ \\$ # kept" # comment
            E=
            F=a#b=c
            export=word
            G="" \r
            A=again
            """
        let file = try EnvironmentFile(text, path: ".env")
        #expect(
            file.values == [
                "A": "again", "B": "spaced", "C": #"single $x \n # kept"#,
                "D": "tab\t \"q\" \\ $ # kept", "E": "", "F": "a#b=c", "export": "word", "G": "",
            ])
        #expect(file.lines["A"] == 11)
    }

    @Test(arguments: [
        ("A=1\nnonsense", "f:2: expected NAME=VALUE"),
        ("1A=x", "f:1: expected a name of letters, digits and _ before the ="),
        ("A B=x", "f:1: expected a name of letters, digits and _ before the ="),
        ("=x", "f:1: expected a name of letters, digits and _ before the ="),
        ("A='open", "f:1: expected a closing ' on the same line"),
        ("A=\"open\nB=1", "f:1: expected a closing \" on the same line"),
        ("A=\"\\x\"", #"f:1: expected one of n r t " \ $ after a backslash"#),
        ("A=\"\\", #"f:1: expected one of n r t " \ $ after a backslash"#),
        ("A='secret'tail", "f:1: expected the end of the line after the closing quote"),
    ])
    func `a wrong line is named with what was expected`(text: String, message: String) {
        #expect(throws: CommandFailure(message, exit: .configuration)) {
            try EnvironmentFile(text, path: "f")
        }
    }

    @Test func `the real environment wins over the file`() throws {
        let runner = runner("JOBRUNNER_CONCURRENCY=7\nJOBRUNNER_OUTPUT=json\nX=1")
        let environment = ["JOBRUNNER_CONCURRENCY": "9"]
        let invocation = try #require(
            Sample.parse("work --env-file .env", environment: environment, in: runner).invocation)
        #expect(invocation[Sample.concurrency] == 9)
        #expect(invocation[Sample.output] == "json")
        #expect(invocation.environment["X"] == "1")
    }

    @Test func `a bad value in a file says where it stands`() {
        let runner = runner("# x\nJOBRUNNER_CONCURRENCY=0")
        let failure = Sample.parse("--env-file .env work", in: runner).failure
        #expect(failure?.exit == .configuration)
        #expect(failure?.hint == "It is set in .env, line 2.")
        let real = ["JOBRUNNER_CONCURRENCY": "-1"]
        let other = Sample.parse("--env-file .env work", environment: real, in: runner).failure
        #expect(other?.hint == nil)
    }

    @Test func `a mistyped variable in a file is named, another program's is not`() {
        let text = "PORT=1\nJOBRUNNER_CONCURRENCY=2\nJOBRUNNER_CONCURENCY=3"
        let failure = Sample.parse("--env-file .env work", in: runner(text)).failure
        #expect(failure?.exit == .configuration)
        #expect(
            failure?.message == ".env:3: there is no variable 'JOBRUNNER_CONCURENCY'; "
                + "did you mean 'JOBRUNNER_CONCURRENCY'?")
    }

    @Test func `no file is read unless asked for`() {
        #expect(Sample.parse("work").invocation != nil)
        #expect(
            Sample.parse("work --env-file x").failure
                == CommandFailure("cannot read 'x': not in a test", exit: .configuration))
    }

    @Test(arguments: [
        ("/nonexistent/.env", "No such file or directory"), ("/", "Is a directory"),
        ("/dev/zero", "over 1 MiB"),
    ])
    func `a file that cannot be read is named with the reason`(path: String, reason: String) {
        let expected = CommandFailure("cannot read '\(path)': \(reason)", exit: .configuration)
        #expect(throws: expected) { try SystemFile.read(path) }
    }
}
