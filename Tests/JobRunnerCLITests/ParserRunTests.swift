import Synchronization
import Testing

@testable import JobRunnerCLI

@Suite("Running a command line")
struct ParserRunTests {
    private struct Odd: Error, CustomStringConvertible {
        var description: String { "odd\n\u{1B}[31m" }
    }

    private final class Output: Sendable {
        let texts = Mutex<[Int32: String]>([:])
    }

    private func run(
        _ line: String, root: CommandSpec = Sample.root
    ) async -> (exit: ExitCode, out: String, err: String) {
        let output = Output()
        let runner = CommandRunner(
            root: root, executable: "jobrunner", version: "1.2.3",
            write: { text, descriptor in
                output.texts.withLock { $0[descriptor, default: ""] += text }
            })
        let arguments = line.split(separator: " ").map(String.init)
        let exit = await runner.run(arguments: arguments, environment: [:])
        return output.texts.withLock { (exit, $0[1, default: ""], $0[2, default: ""]) }
    }

    @Test func `help that was asked for goes to standard output`() async {
        let result = await run("work --help")
        #expect(result.exit == .success)
        #expect(result.out.hasPrefix("Take jobs and run them.\n"))
        #expect(result.err == "")
    }

    @Test(arguments: ["", "jobs", "-v"])
    func `a line without a command gets help on standard error`(line: String) async {
        let result = await run(line)
        #expect(result.exit == .usage)
        #expect(result.out == "")
        #expect(result.err.contains("Usage: jobrunner"))
    }

    @Test func `the version goes to standard output`() async {
        let result = await run("--version")
        #expect(result.exit == .success)
        #expect(result.out == "jobrunner 1.2.3\n")
        #expect(result.err == "")
    }

    @Test func `an error is one line and one hint on standard error`() async {
        let result = await run("wrok")
        #expect(result.exit == .usage)
        #expect(result.out == "")
        #expect(
            result.err == """
                jobrunner: error: unknown command 'wrok'; did you mean 'work'?
                See 'jobrunner work --help'.

                """)
    }

    @Test func `the exit code is the command's`() async {
        #expect(await run("jobs wait 1").exit == .no)
        #expect(await run("work").exit == .success)
    }

    @Test func `what a command throws decides the exit code`() async {
        let root = CommandSpec(
            name: "jobrunner", abstract: "a",
            subcommands: [
                CommandSpec(name: "away", abstract: "a") { _ in
                    throw CommandFailure("cannot reach Redis", exit: .unavailable)
                },
                CommandSpec(name: "odd", abstract: "a") { _ in throw Odd() },
            ])
        let away = await run("away", root: root)
        #expect(away.exit == .unavailable)
        #expect(away.err == "jobrunner: error: cannot reach Redis\n")
        let odd = await run("odd", root: root)
        #expect(odd.exit == .internal)
        #expect(odd.err == "jobrunner: error: odd\\n\\u{1B}[31m\n")
    }
}
