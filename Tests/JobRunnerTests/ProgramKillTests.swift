import Testing

@testable import JobRunner

@Suite("stopping programs", .timeLimit(.minutes(2)))
struct ProgramKillTests {
    /// Ignores TERM; so do the children of the shell.
    private let stubborn = "trap '' TERM\necho $$ >&2\nsleep 1000\nsleep 1000\n"

    @Test func `is killed at its time limit`() async throws {
        let fixture = try ProgramFixture()
        let program = try await fixture.sh("endless", "echo $$ >&2\nexec sleep 1000\n")
        let outcome = await fixture.run(program, deadline: .milliseconds(300))
        #expect(outcome == .timedOut("ran longer than 0.3 seconds; killed"))
        let pid = try #require(await fixture.line())
        #expect(!processExists(pid))
    }

    @Test func `ignores TERM and is killed after the grace`() async throws {
        let fixture = try ProgramFixture(grace: .milliseconds(20))
        let program = try await fixture.sh("stubborn", stubborn)
        let running = Task { await fixture.run(program) }
        let pid = try #require(await fixture.line())
        #expect(processExists(pid))
        running.cancel()
        #expect(await running.value == .cancelled)
        #expect(!processExists(pid))
    }

    @Test func `is asked to end before it is killed`() async throws {
        let fixture = try ProgramFixture()
        let program = try await fixture.sh(
            "polite", "trap 'echo goodbye >&2; exit 0' TERM\necho ready >&2\nsleep 1000 & wait\n")
        let running = Task { await fixture.run(program) }
        #expect(await fixture.line() == "ready")
        running.cancel()
        #expect(await running.value == .cancelled)
        #expect(await fixture.line() == "goodbye")
    }

    @Test func `is killed at once when there is no grace`() async throws {
        let fixture = try ProgramFixture(grace: .zero)
        let program = try await fixture.sh("stubborn", stubborn)
        let running = Task { await fixture.run(program) }
        _ = await fixture.line()
        running.cancel()
        #expect(await running.value == .cancelled)
    }

    @Test func `is cancelled before it starts and never does`() async throws {
        let fixture = try ProgramFixture(concurrency: 1)
        let first = try await fixture.sh("first", "echo ready >&2\nsleep 1000\n")
        let second = try await fixture.sh("second", "touch '\(fixture.path)/second.ran'\n")
        let running = Task { await fixture.run(first) }
        _ = await fixture.line()
        let waiting = Task { await fixture.run(second) }
        waiting.cancel()
        #expect(await waiting.value == .cancelled)
        // One that waits for a slot until its deadline has not run either.
        let late = await fixture.run(second, deadline: .milliseconds(10))
        #expect(late == .timedOut("ran longer than 0.01 seconds; killed"))
        running.cancel()
        #expect(await running.value == .cancelled)
        let names = try ProgramDirectory.scan(fixture.path).warnings
        #expect(names == [])
    }

    @Test func `takes what it has started with it`() async throws {
        let fixture = try ProgramFixture(grace: .milliseconds(20))
        let fifo = try await fixture.fifo()
        // Ends when no process has the pipe open for writing any more.
        let watch = try await fixture.sh("watch", "cat '\(fifo)' > /dev/null\n")
        let program = try await fixture.sh(
            "parent",
            "(trap '' TERM; exec 3> '\(fifo)'; echo ready >&2; sleep 1000; sleep 1000) &\nwait\n")
        async let gone = fixture.run(watch)
        let running = Task { await fixture.run(program) }
        #expect(await fixture.line() == "ready")
        running.cancel()
        #expect(await running.value == .cancelled)
        #expect(await gone.json == "null")
    }

    @Test func `ends while a child of it keeps its output open`() async throws {
        let fixture = try ProgramFixture()
        let fifo = try await fixture.fifo()
        let watch = try await fixture.sh("watch", "cat '\(fifo)' > /dev/null\n")
        let program = try await fixture.sh(
            "leaves", "exec 3> '\(fifo)'\nsleep 1000 &\necho '\"result\"'\n")
        async let gone = fixture.run(watch)
        #expect(await fixture.run(program).json == #""result""#)
        #expect(await gone.json == "null")
    }

    @Test func `ends while a child in a session of its own keeps its output open`() async throws {
        let fixture = try ProgramFixture()
        let program = try await fixture.python(
            "escapes",
            """
            import subprocess, sys
            child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
            print(child.pid, file=sys.stderr)
            print('"result"')
            """)
        let outcome = await fixture.run(program)
        #expect(outcome.json == #""result""#)
        if let pid = await fixture.line() {
            let shell = Program(name: "sh", path: "/bin/sh", isPersistent: false)
            #expect(await fixture.run(shell, "kill -9 \(pid)\n").json == "null")
        }
    }

    @Test func `shutdown ends what runs and starts nothing more`() async throws {
        let fixture = try ProgramFixture(concurrency: 1)
        let program = try await fixture.sh("endless", "echo $$ >&2\nexec sleep 1000\n")
        let running = Task { await fixture.run(program) }
        let pid = try #require(await fixture.line())
        let waiting = Task { await fixture.run(program) }
        await fixture.runner.shutdown()
        #expect(!processExists(pid))
        #expect(await running.value == .cancelled)
        #expect(await waiting.value == .cancelled)
        #expect(await fixture.run(program) == .cancelled)
        await fixture.runner.shutdown()
    }

    @Test func `a second shutdown cuts the grace of the first short`() async throws {
        let fixture = try ProgramFixture(grace: .seconds(100_000))
        let program = try await fixture.sh("stubborn", stubborn)
        let running = Task { await fixture.run(program) }
        _ = await fixture.line()
        async let first: Void = fixture.runner.shutdown()
        await fixture.runner.shutdown(now: true)
        await first
        #expect(await running.value == .cancelled)
    }
}
