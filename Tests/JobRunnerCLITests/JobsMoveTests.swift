import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite(
    "jobrunner jobs cancel|reschedule|pause", .enabled(if: RedisServer.isAvailable),
    .timeLimit(.minutes(2)))
struct JobsMoveTests {
    private func enqueue(_ ids: [String], _ rest: String = "", in fixture: CommandFixture) async {
        for id in ids {
            let ran = await fixture.run("enqueue echo --id \(id) \(rest)")
            #expect(ran.exit == .success)
        }
    }

    // MARK: Cancel

    @Test func `a scheduled job is gone, and its outcome says so`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["a", "b"], "--in 1h", in: fixture)
        let ran = await fixture.run("jobs cancel a")
        #expect(ran.exit == .success)
        #expect(ran.out == "default/a cancelled\n")
        #expect(await fixture.run("jobs get a").lines.contains("state     cancelled"))
        let left = try await fixture.ask("ZRANGE", fixture.key("scheduled"), "0", "-1").array
        #expect(left?.count == 1)
        #expect(left?.first?.text?.hasPrefix(#"{"id":"b","#) == true)
        // No mark is left: the id may be used again, when it is not remembered any more.
        #expect(try await fixture.ask("EXISTS", fixture.key("cancelled")) == .integer(0))
        #expect(await fixture.run("jobs cancel a").out == "default/a already cancelled\n")
    }

    @Test func `a scheduled job lets go of its key when it is cancelled`() async throws {
        let fixture = try CommandFixture()
        let options = JobOptions(results: .ignored, unique: Unique(by: .key("one")))
        let first = try await fixture.client.enqueue(
            name: "echo", options: options, in: .seconds(3600))
        #expect(try await fixture.client.cancel(first) == .removed)
        #expect(try await fixture.client.outcome(queue: "default", id: first.id) == nil)
        let second = try await fixture.client.enqueue(name: "echo", options: options)
        #expect(!second.isDuplicate)
        #expect(try await fixture.client.cancel(second) == .marked(isNew: true))
        #expect(try await fixture.client.cancel(second) == .marked(isNew: false))
    }

    @Test func `a job that runs is told to stop`() async throws {
        let fixture = try CommandFixture()
        try await fixture.working({ builder in
            builder.handle(Echo.self) { job, context in
                await context.progress(0.5, "it runs")
                try await Task.never()
                return ""
            }
        }) {
            let handle = try await fixture.client.enqueue(Echo(text: "x"))
            while try await fixture.client.traces(queue: "default", id: handle.id).progress == nil {
                try await fixture.pass(0.01)
            }
            #expect(try await fixture.client.cancel(handle) == .marked(isNew: true))
            let outcome = try await fixture.client.waitForOutcome(
                queue: "default", id: handle.id, timeout: .seconds(60))
            #expect(outcome.state == .cancelled)
            #expect(try await fixture.client.cancel(handle) == .ended(.cancelled))
        }
    }

    @Test func `a job is found behind many`() async throws {
        let fixture = try CommandFixture()
        var words = ["ZADD", fixture.key("scheduled")]
        for number in 0..<2500 {
            words += ["\(9_000_000_000_000 + number)", #"{"id":"j\#(number)","job":"echo"}"#]
        }
        _ = try await fixture.client.router.connection(for: "").send(Command(words))
        let ran = await fixture.run("jobs cancel j2499 j0 j1234 never")
        #expect(
            ran.lines == [
                "default/j2499 cancelled", "default/j0 cancelled", "default/j1234 cancelled",
                "default/never cancelling, if there is such a job",
            ])
        #expect(try await fixture.ask("ZCARD", fixture.key("scheduled")) == .integer(2497))
    }

    @Test func `all jobs of a name are counted and cancelled, after asking`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["a", "b"], in: fixture)
        await enqueue(["c"], "--in 1h", in: fixture)
        await enqueue(["d"], "-q mail --in 1h", in: fixture)
        _ = await fixture.run("enqueue other --id o")
        _ = await fixture.run("enqueue other --id p --in 1h")
        let silent = await fixture.run("jobs cancel --job echo")
        #expect(silent.exit == .usage)
        #expect(
            silent.err.hasPrefix(
                "jobrunner: error: this would cancel 4 jobs, and there is no terminal"))
        let no = await fixture.run(
            ["jobs", "cancel", "--job", "echo"], input: try fixture.input("no\n"),
            isTerminal: true)
        #expect(no.exit == .no)
        #expect(try await fixture.ask("EXISTS", fixture.key("cancelled")) == .integer(0))
        let yes = await fixture.run("jobs cancel --job echo --yes")
        #expect(yes.out == "cancelled 2, cancelling 2\n")
        let marked = try await fixture.ask("ZRANGE", fixture.key("cancelled"), "0", "-1").array
        #expect(Set((marked ?? []).compactMap(\.text)) == ["a", "b"])
        #expect(try await fixture.ask("ZCARD", fixture.key("scheduled")) == .integer(1))
        let rest = await fixture.run("jobs cancel -q default -y -o json")
        #expect(rest.out == #"{"version":1,"cancelled":1,"cancelling":1}"# + "\n")
        #expect(await fixture.run("jobs cancel -q mail").out == "0 jobs\n")
    }

    @Test func `jobs without an id, set aside or with a rank are cancelled too`() async throws {
        let fixture = try CommandFixture()
        let plain = #"{"job":"echo","args":{"text":"bare"}}"#
        _ = try await fixture.ask("SADD", "\(fixture.prefix):queues", "default")
        _ = try await fixture.ask("LPUSH", fixture.key("ready"), plain)
        _ = try await fixture.ask("HSET", fixture.key("meta"), "ranked", "1")
        _ = try await fixture.ask("ZADD", fixture.key("ordered"), "1", #"{"id":"r","job":"echo"}"#)
        _ = try await fixture.ask("ZADD", fixture.key("parked"), "1", "echo@1")
        _ = try await fixture.ask(
            "ZADD", fixture.key("parked:echo@1"), "1", #"{"id":"p","job":"echo"}"#)
        _ = try await fixture.ask("ZADD", fixture.key("blocked"), "1", "paused/echo")
        _ = try await fixture.ask(
            "ZADD", fixture.key("blocked:paused/echo"), "1", #"{"id":"b","job":"echo"}"#)
        #expect(await fixture.run("jobs cancel --job echo -y").out == "cancelling 4\n")
        try await fixture.working({ builder in
            builder.handle(Echo.self) { job, _ in
                #expect(job.text == "another")
                return ""
            }
        }) {
            let ran = await fixture.run(["enqueue", "echo", #"{"text":"another"}"#, "--wait"])
            #expect(ran.exit == .success)
            for id in ["r", "p", "b"] {
                let outcome = try await fixture.client.waitForOutcome(
                    queue: "default", id: id, timeout: .seconds(60))
                #expect(outcome.state == .cancelled)
            }
        }
    }

    @Test(arguments: [
        ("cancel", "which jobs? Name ids, or select with --job or --queue"),
        ("cancel a --job echo", "--job and --queue cannot go with ids"),
        ("cancel -q never", "there is no queue 'never'"),
        ("cancel a:b", "<id> must be queue/id or id"),
        ("reschedule a", "to when? Give --at or --in"),
        ("reschedule a --in 1h --at +1h", "--in and --at cannot go together"),
        ("reschedule never/a --in 1h", "there is no queue 'never'"),
        ("reschedule a --in 4000d", "--in must be between 0s and 3650d"),
        ("pause", "argument <name> is missing"),
        ("pause echo -q never", "there is no queue 'never'"),
        ("resume echo -q never", "there is no queue 'never'"),
    ])
    func `a command that cannot be is told why`(line: String, text: String) async throws {
        let fixture = try CommandFixture()
        await enqueue(["a"], in: fixture)
        let ran = await fixture.run("jobs " + line)
        #expect(ran.exit == (text.hasPrefix("there is no ") ? .no : .usage))
        #expect(ran.err.contains(text), "\(ran.err)")
    }

    // MARK: Reschedule

    @Test func `a scheduled job gets another time`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["a"], "--in 1h", in: fixture)
        let ran = await fixture.run("jobs reschedule a --at 2035-01-31T12:30:00Z")
        #expect(ran.exit == .success)
        #expect(ran.out == "default/a starts at 2035-01-31T12:30:00.000Z\n")
        let due = try await fixture.ask("ZRANGE", fixture.key("scheduled"), "0", "0", "WITHSCORES")
        #expect(due.array?.last?.text == "2053859400000")
        let soon = await fixture.run("jobs reschedule a --in 0s -o json")
        #expect(soon.out.hasPrefix(#"{"version":1,"handle":"default/a","due":"20"#))
        let value = try await fixture.working({ builder in
            builder.handle(Echo.self) { job, _ in job.text }
        }) {
            // It has no text, so it fails; that it is tried is what matters.
            while try await fixture.ask("ZCARD", fixture.key("scheduled")) != .integer(0) {
                try await fixture.pass(0.01)
            }
            return try await fixture.client.traces(queue: "default", id: "a").isSeen
        }
        #expect(value)
    }

    @Test func `a unique key lives for as long as its job waits`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue echo --id u --in 1m --unique=k --unique-for 1m")
        #expect(await fixture.run("jobs reschedule u --in 1d").exit == .success)
        let left = try await fixture.ask("PTTL", fixture.key("unique:echo.k")).integer
        #expect(try #require(left) > 86_400_000)
        let sooner = await fixture.run("jobs reschedule u --in 1m")
        #expect(sooner.exit == .success)
        #expect(await fixture.run("enqueue echo --unique=k").out == "default/u\n")
    }

    @Test func `what is not scheduled has no time`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["a"], in: fixture)
        for id in ["a", "never"] {
            let ran = await fixture.run("jobs reschedule \(id) --in 1h")
            #expect(ran.exit == .no)
            #expect(ran.err == "jobrunner: error: job default/\(id) does not wait for a time\n")
        }
        await enqueue(["e"], "--in 1m --expires 1m", in: fixture)
        let late = await fixture.run("jobs reschedule e --in 1h")
        #expect(late.exit == .data)
        #expect(late.err == "jobrunner: error: job default/e expires before that\n")
    }

    // MARK: Pause

    @Test func `jobs of a paused name wait aside until they go on`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["x"], "-q mail", in: fixture)
        _ = await fixture.run("queues purge mail -y")
        #expect(await fixture.run("jobs pause echo").out == "echo paused in mail\n")
        #expect(await fixture.run("jobs pause echo").out == "echo was paused in mail\n")
        let state = await fixture.run("queues show mail").lines.first { $0.hasPrefix("state") }
        #expect(state == "state      paused jobs: echo")
        var builder = WorkerBuilder()
        builder.handle(Echo.self) { job, _ in job.text }
        builder.add(Handler(name: "other", options: JobOptions()) { _, _ in nil })
        var options = WorkerOptions()
        options.queues = [.init("mail")]
        let worker = try Worker(builder, url: fixture.url, prefix: fixture.prefix, options: options)
        let running = Task { try await worker.run() }
        // A worker hears it with its first tick; what came before that may have started.
        while try await fixture.client.stats().workers.isEmpty { try await fixture.pass(0.01) }
        let handle = try await fixture.client.enqueue(Echo(text: "t"), queue: "mail")
        while try await fixture.client.stats().queues.first?.blocked != 1 {
            try await fixture.pass(0.01)
        }
        #expect(await fixture.run("enqueue other -q mail --wait").exit == .success)
        #expect(try await handle.outcome() == nil)
        #expect(await fixture.run("jobs resume echo -q mail -o name").out == "mail/echo\n")
        #expect(try await handle.value() == "t")
        worker.stop()
        _ = try await running.value
        #expect(await fixture.run("jobs resume echo").out == "echo was not paused in mail\n")
    }

    @Test func `there is nothing to pause before a queue was used`() async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run("jobs pause echo")
        #expect(ran.exit == .no)
        #expect(ran.err == "jobrunner: error: no queue has ever been used\n")
    }
}

extension Task where Success == Never, Failure == Never {
    /// Returns, by throwing, when the task is cancelled.
    static func never() async throws {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        for await _ in stream {}
        withExtendedLifetime(continuation) {}
        try Task<Never, Never>.checkCancellation()
    }
}
