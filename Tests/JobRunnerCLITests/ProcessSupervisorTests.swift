import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// `work --processes`: children that are killed, and a supervisor that is told to stop.
///
/// The visibility timeout is an hour throughout: what comes back was given back by the supervisor.
@Suite(
    "supervisor", .serialized, .timeLimit(.minutes(3)),
    .enabled(if: RedisServer.isAvailable && BuiltExecutable.path != nil))
struct ProcessSupervisorTests {
    private let fixture: CommandFixture

    init() async throws {
        fixture = try CommandFixture()
        for name in ["first", "second"] { try await fixture.hold(name) }
        try await fixture.program("echo", "cat")
    }

    @Test func `a killed child's job runs again in another one, at once`() async throws {
        let supervisor = try fixture.supervise(2)
        let children = try await supervisor.children(2)
        let handle = try await fixture.enqueue("first", id: "long")
        let first = try await supervisor.child(of: supervisor.line(#""message":"started""#))
        kill(try #require(children[first]), SIGKILL)
        let ended = try await supervisor.line(#""event":"child_ended""#)
        #expect(ended.contains(#""signal":"9 (SIGKILL)""#))
        #expect(ended.contains(#""child":\#(first)"#))
        #expect(!isThere(try #require(children[first])), "no zombie")
        try await supervisor.line(#""event":"reaped""#, #""given":1"#)
        // In the other one, or in the first one's successor; the child writes it, so that it may
        // stand before the supervisor's word on the reap.
        let again = try await supervisor.lines(2, of: #""message":"started""#)[1]
        let events = supervisor.lines
        let order = [ended, again].compactMap { events.firstIndex(of: $0) }
        #expect(order.count == 2 && order[0] < order[1])
        #expect(try await fixture.crashes("long") == 1)
        // The program of the killed child waits as well.
        try await fixture.release("first")
        #expect(try await fixture.value(handle) == "\"first\"")
        let after = try await supervisor.children(3)
        #expect(after[first] != children[first])
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
        #expect(try await fixture.holders() == [])
        for pid in [children[1], children[2], after[first]] {
            #expect(!isThere(try #require(pid)), "no orphan")
        }
    }

    @Test func `a job that takes its child down three times is buried`() async throws {
        try await fixture.program("killer", "kill -9 $PPID")
        let supervisor = try fixture.supervise(1)
        _ = try await supervisor.children(1)
        try await fixture.enqueue("killer", id: "killer")
        try await fixture.enqueue(9, of: "echo")
        let buried = try await supervisor.line(#""event":"buried""#)
        #expect(buried.contains("lost with 3 workers"))
        try await fixture.finish(9)
        #expect(supervisor.lines.count { $0.contains(#""event":"child_ended""#) } == 3)
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
        #expect(try await fixture.holders() == [])
    }

    @Test func `TERM waits for what runs in all of them`() async throws {
        let supervisor = try fixture.supervise(2, "-c", "1")
        _ = try await supervisor.children(2)
        let handles = [try await fixture.enqueue("first"), try await fixture.enqueue("second")]
        try await supervisor.lines(2, of: #""message":"started""#)
        supervisor.signal(SIGTERM)
        try await supervisor.lines(2, of: #""event":"draining""#, #""running":1"#)
        try await fixture.release("first")
        try await fixture.release("second")
        #expect(await supervisor.end() == 0)
        #expect(try await fixture.value(handles[0]) == "\"first\"")
        #expect(try await fixture.value(handles[1]) == "\"second\"")
        #expect(try await fixture.holders() == [])
        #expect(supervisor.errors == [])
    }

    @Test(arguments: [SIGTERM, SIGINT])
    func `what outlasts the drain shows in the exit code`(signal: Int32) async throws {
        try await fixture.enqueue("first", id: "long")
        let before = try await fixture.ready()
        let supervisor = try fixture.supervise(2, "--drain-timeout", "1s")
        try await supervisor.line(#""message":"started""#)
        supervisor.signal(signal)
        #expect(await supervisor.end() == 128 + signal)
        #expect(try await fixture.ready() == before)
        #expect(try await fixture.holders() == [])
    }

    @Test(arguments: [SIGTERM, SIGQUIT])
    func `the second signal stops at once`(signal: Int32) async throws {
        try await fixture.enqueue("first", id: "long")
        let supervisor = try fixture.supervise(2, "--drain-timeout", "1h")
        _ = try await supervisor.children(2)
        try await supervisor.line(#""message":"started""#)
        supervisor.signal(SIGTERM)
        try await supervisor.line(#""event":"draining""#, #""running":1"#)
        supervisor.signal(signal)
        #expect(await supervisor.end() == 128 + signal)
        #expect(try await fixture.ready().count == 1)
        #expect(try await fixture.holders() == [])
    }

    @Test func `a child that is frozen is killed in the end, and its job given back`() async throws
    {
        try await fixture.enqueue("first", id: "long")
        let before = try await fixture.ready()
        let supervisor = try fixture.supervise(2, "--drain-timeout", "0s")
        let children = try await supervisor.children(2)
        let frozen = try await supervisor.child(of: supervisor.line(#""message":"started""#))
        let pid = try #require(children[frozen])
        kill(pid, SIGSTOP)
        supervisor.signal(SIGTERM)
        try await supervisor.line(#""event":"child_killed""#)
        #expect(await supervisor.end() == 128 + SIGTERM)
        #expect(!isThere(pid))
        #expect(try await fixture.ready() == before)
        #expect(try await fixture.holders() == [])
        #expect(try await fixture.crashes("long") == 0, "the job did nothing wrong")
        try await fixture.release("first")
    }

    @Test func `quiet, no child takes or gets more jobs`() async throws {
        let supervisor = try fixture.supervise(2)
        let children = try await supervisor.children(2)
        supervisor.signal(SIGTSTP)
        try await supervisor.lines(2, of: #""event":"quiet","message":"takes no more"#)
        try await fixture.enqueue("echo", id: "late")
        kill(try #require(children[1]), SIGKILL)
        try await supervisor.line(#""event":"child_ended""#)
        supervisor.signal(SIGUSR1)
        try await supervisor.line(#""event":"report","message":"quiet: 0 of "#)
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
        #expect(try await fixture.jobs().map(\.job) == ["echo"])
    }

    @Test func `what cannot work ends it with its code, and is said once`() async throws {
        try await fixture.shell(#"mkdir "$0/empty""#)
        let supervisor = try ProcessLive([
            "work", "--processes", "4", "-u", fixture.url, "--prefix", fixture.prefix,
            "--handlers", fixture.directory + "/empty",
        ])
        #expect(await supervisor.end() == 78)
        #expect(supervisor.errors.count { $0.contains("nothing to work on") } == 1)
    }

    @Test(arguments: ["--max-jobs-per-child=5", "--max-memory-per-child=1GiB"])
    func `some options need several processes`(option: String) async throws {
        let ran = await fixture.run(["work", "--handlers", fixture.handlers, option])
        #expect(ran.exit == .usage)
        #expect(ran.err.contains("needs --processes"))
    }

    @Test func `without Redis it ends all the same`() async throws {
        let redis = try RedisServer.start()
        let fixture = try CommandFixture(url: redis.url)
        try await fixture.program("echo", "cat")
        let supervisor = try fixture.supervise(2)
        let children = try await supervisor.children(2)
        redis.stop()
        kill(try #require(children[1]), SIGKILL)
        try await supervisor.line(#""event":"child_ended""#)
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
    }

    @Test func `an app's own handlers are supervised as well`() async throws {
        let app =
            URL(filePath: try #require(BuiltExecutable.path))
            .deletingLastPathComponent().path + "/FaultWorker"
        let supervisor = try ProcessLive(
            ["work", "--app", app, "--processes", "2"],
            environment: [
                "JOBRUNNER_REDIS_URL": fixture.url, "JOBRUNNER_PREFIX": fixture.prefix,
                "JOBRUNNER_VISIBILITY_TIMEOUT": "1h",
            ])
        _ = try await supervisor.children(2)
        try await fixture.enqueue("crash", #"{"how":"exit"}"#, id: "crash")
        let buried = try await supervisor.line(#""event":"buried""#)
        #expect(buried.contains("lost with 3 workers"))
        let ended = try await supervisor.lines(3, of: #""event":"child_ended""#)
        #expect(ended.allSatisfy { $0.contains(#""exit_code":3"#) })
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
        #expect(try await fixture.holders() == [])
    }

    @Test func `stats name the supervisor`() async throws {
        let supervisor = try fixture.supervise(2)
        _ = try await supervisor.children(2)
        let stats = try await fixture.client.stats()
        #expect(stats.workers.map(\.supervisor) == [Int(supervisor.pid), Int(supervisor.pid)])
        supervisor.signal(SIGTERM)
        #expect(await supervisor.end() == 0)
    }
}

/// Whether the system knows the process at all, a zombie included.
func isThere(_ pid: pid_t) -> Bool { kill(pid, 0) == 0 }

extension CommandFixture {
    /// `work --processes` on this fixture's queue and programs.
    func supervise(
        _ processes: Int, _ arguments: String..., environment: [String: String] = [:]
    ) throws -> ProcessLive {
        try work(
            "--processes", "\(processes)", "--visibility-timeout", "1h", environment: environment,
            more: arguments)
    }

    /// A program that says so when it starts, and then waits for `release`.
    func hold(_ name: String) async throws {
        try await shell(#"mkfifo "$0/\#(name)""#)
        try await program(
            name, "echo started >&2; read word < '\(directory)/\(name)'; echo '\"\(name)\"'")
    }

    /// Lets all runs of a program go on: those that wait, and those that come.
    func release(_ name: String) async throws {
        // Whoever has it open hears of the end, whoever opens it then finds a file.
        try await shell(
            #"echo go > "$0/file"; exec 3<> "$0/\#(name)"; mv "$0/file" "$0/\#(name)""#)
    }

    /// How many workers a job was lost with.
    func crashes(_ id: String) async throws -> Int {
        try await ask("HGET", key("crashes"), id).integer ?? 0
    }
}

extension ProcessLive {
    /// Number and process of the last children, once so many have joined.
    func children(_ count: Int) async throws -> [Int: pid_t] {
        let joined = try await lines(count, of: #""event":"child_joined""#)
        var children: [Int: pid_t] = [:]
        for line in joined {
            let child = try #require(number("child", of: line))
            children[child] = pid_t(try #require(number("child_pid", of: line)))
        }
        return children
    }

    /// The child that wrote a line.
    func child(of line: String) throws -> Int { try #require(number("child", of: line)) }

    private func number(_ field: String, of line: String) -> Int? {
        line.components(separatedBy: "\"\(field)\":").dropFirst().first
            .flatMap { Int($0.prefix { $0.isNumber }) }
    }
}
