import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// `jobrunner work` as a supervisor has it: lines, signals, exit codes.
@Suite(
    "work", .timeLimit(.minutes(2)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessWorkTests {
    private let fixture: CommandFixture

    init() async throws {
        fixture = try CommandFixture()
        try await fixture.gate()
    }

    @Test func `it runs jobs and says so in JSON`() async throws {
        let worker = try fixture.work()
        let handle = try await fixture.enqueue("echo", #"{"a":[1,"é"]}"#)
        #expect(try await fixture.value(handle) == #"{"a":[1,"é"]}"#)
        try await worker.line(#""event":"done","job":"echo","id":""#)
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        #expect(worker.errors == [])
        for line in worker.lines {
            guard
                case .object(let object) = try JSONDecoder().decode(
                    JSONValue.self, from: Data(line.utf8))
            else {
                Issue.record("\(line)")
                continue
            }
            for key in ["ts", "level", "event"] { #expect(object[key] != nil, "\(line)") }
        }
        for event in ["working", "joined", "draining", "stopped"] {
            #expect(worker.lines.contains { $0.contains(#""event":"\#(event)""#) }, "\(event)")
        }
    }

    @Test func `it says so in text when asked`() async throws {
        let worker = try fixture.work("--log-format", "text")
        _ = try await fixture.value(try await fixture.enqueue("echo"))
        try await worker.line(" INFO done echo id=", " queue=default run_ms=")
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
    }

    @Test func `USR1 prints who runs what`() async throws {
        let worker = try fixture.work()
        try await fixture.enqueue("gate", id: "held")
        try await worker.line("started")
        worker.signal(SIGUSR1)
        try await worker.line(#""event":"report""#, "gate", "held")
        try await fixture.letGo()
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
    }

    @Test func `quiet, it finishes what runs and takes nothing new`() async throws {
        let worker = try fixture.work()
        let running = try await fixture.enqueue("gate")
        try await worker.line("started")
        worker.signal(SIGTSTP)
        try await worker.line(#""event":"quiet""#)
        try await fixture.enqueue("echo", id: "late")
        try await fixture.letGo()
        #expect(try await fixture.value(running) == "\"in\"")
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        #expect(try await fixture.jobs().map(\.job) == ["echo"])
        #expect(!worker.lines.contains { $0.contains(#""job":"echo""#) })
    }

    @Test func `TERM waits for what runs`() async throws {
        let worker = try fixture.work()
        let running = try await fixture.enqueue("gate")
        try await worker.line("started")
        worker.signal(SIGTERM)
        try await worker.line(#""event":"draining""#, #""running":1"#)
        try await fixture.enqueue("echo", id: "late")
        try await fixture.letGo()
        #expect(await worker.end() == 0)
        #expect(try await fixture.value(running) == "\"in\"")
        #expect(try await fixture.holders() == [])
        #expect(try await fixture.jobs().map(\.job) == ["echo"])
    }

    @Test func `what outlasts the drain is given back as it was`() async throws {
        try await fixture.enqueue("gate", id: "long")
        let before = try await fixture.ready()
        let worker = try fixture.work("--drain-timeout", "1s")
        try await worker.line("started")
        worker.signal(SIGTERM)
        #expect(await worker.end() == 128 + SIGTERM)
        #expect(try await fixture.ready() == before)
        #expect(try await fixture.holders() == [])
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP])
    func `the second signal stops at once`(signal: Int32) async throws {
        try await fixture.enqueue("gate", id: "long")
        let before = try await fixture.ready()
        let worker = try fixture.work("--drain-timeout", "1h")
        try await worker.line("started")
        worker.signal(signal)
        try await worker.line(#""event":"draining""#)
        worker.signal(signal)
        #expect(await worker.end() == 128 + signal)
        #expect(try await fixture.ready() == before)
        #expect(try await fixture.holders() == [])
        #expect(worker.lines.contains { $0.contains(#""event":"stopped""#) })
    }

    @Test func `QUIT stops at once, and kills the programs`() async throws {
        try await fixture.program(
            "pid", "echo pid $$ >&2; exec sleep 1000")
        try await fixture.enqueue("pid", id: "long")
        let worker = try fixture.work("--drain-timeout", "1h")
        let line = try await worker.line(#""message":"pid "#)
        let pid = line.split(separator: "\"message\":\"pid ").last.flatMap {
            pid_t($0.prefix { $0.isNumber })
        }
        worker.signal(SIGQUIT)
        #expect(await worker.end() == 128 + SIGQUIT)
        #expect(!isRunning(try #require(pid)))
        #expect(try await fixture.ready().count == 1)
    }

    // MARK: Another app's handlers

    @Test func `the app takes the worker's place`() async throws {
        let app = try await script("app", #"echo "app $$ $* ${JOBRUNNER_APP-unset}""#)
        let worker = try ProcessLive(
            ["work", "--app", app, "-q", "mail", "--concurrency=3"], in: fixture.directory)
        let line = try await worker.line("app ")
        #expect(line == "app \(worker.pid) work -q mail --concurrency=3 unset")
        #expect(await worker.end() == 0)
    }

    @Test(arguments: [true, false])
    func `the variable names the app as well, once`(isFile: Bool) async throws {
        // An app that has the option too: were it to read the variable, it would never start.
        let app = try await script(
            "app", #"echo "app $$"; exec "\#(BuiltExecutable.path ?? "")" "$@""#)
        let file = try fixture.file("app.env", "JOBRUNNER_APP=\(app)\n")
        let worker = try fixture.work(
            environment: isFile ? [:] : ["JOBRUNNER_APP": app],
            more: isFile ? ["--env-file", file] : [])
        #expect(try await worker.line("app ") == "app \(worker.pid)")
        _ = try await fixture.value(try await fixture.enqueue("echo"))
        worker.signal(SIGTERM)
        #expect(await worker.end() == 0)
        #expect(worker.lines.count { $0.hasPrefix("app ") } == 1)
    }

    @Test func `an app that is not there is said`() async throws {
        let worker = try ProcessLive(["work", "--app", "nowhere"], in: fixture.directory)
        #expect(await worker.end() == 78)
        #expect(
            worker.errors.first
                == "jobrunner: error: cannot execute --app 'nowhere': No such file or directory")
    }

    private func script(_ name: String, _ body: String) async throws -> String {
        try await fixture.program(name, body)
        try await fixture.shell(#"mv "$0/handlers/\#(name)" "$0/\#(name)""#)
        return fixture.directory + "/" + name
    }
}
