import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite("jobrunner queues", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(2)))
struct QueuesCommandTests {
    private func enqueue(_ ids: [String], _ rest: String = "", in fixture: CommandFixture) async {
        for id in ids {
            let ran = await fixture.run("enqueue echo --id \(id) \(rest)")
            #expect(ran.exit == .success)
        }
    }

    @Test func `a pause is seen with its end and its reason, and goes`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["a"], "-q mail", in: fixture)
        let ran = await fixture.run([
            "queues", "pause", "mail", "--for", "1h", "--reason", "the server is down",
        ])
        #expect(ran.exit == .success)
        #expect(ran.out.hasPrefix("mail paused until 20"))
        let show = await fixture.run("queues show mail")
        let state = try #require(show.lines.first { $0.hasPrefix("state") })
        #expect(state.hasPrefix("state      paused since 20"))
        #expect(state.hasSuffix("Z: the server is down"))
        let json = await fixture.run("queues list -o json").out
        #expect(
            json.hasPrefix(#"{"version":1,"queues":[{"name":"mail","known":true,"paused":true,"#))
        #expect(json.contains(#","pause_reason":"the server is down","#))
        let stats = try await fixture.client.stats().queues.first
        let now = try await fixture.client.serverTime()
        let until = try #require(stats?.pausedUntil).timeIntervalSince1970 * 1000
        #expect((1...3_600_000).contains(Int(until) - now))
        // Anew, for ever.
        let again = await fixture.run("queues pause mail -o jsonl")
        #expect(
            again.out == #"{"version":1,"queue":"mail","paused":true,"changed":false}"# + "\n")
        #expect(
            try await fixture.ask("HGET", fixture.key("meta", of: "mail"), "paused").text == "1")
        #expect(await fixture.run("queues resume mail").out == "mail goes on\n")
        #expect(await fixture.run("queues resume mail").out == "mail was not paused\n")
        #expect(await fixture.run("queues show mail").lines.contains("state      open"))
    }

    @Test func `nothing is handed out while a queue is paused, and all of it after`() async throws {
        let fixture = try CommandFixture()
        let handle = try await fixture.client.enqueue(Echo(text: "t"), queue: "mail")
        _ = await fixture.run("queues pause mail")
        var builder = WorkerBuilder()
        builder.handle(Echo.self) { job, _ in job.text }
        var options = WorkerOptions()
        options.queues = [.init("mail"), .init("other")]
        let worker = try Worker(builder, url: fixture.url, prefix: fixture.prefix, options: options)
        let running = Task { try await worker.run() }
        // It asks for jobs in the order of its queues, so it has asked the first for some as well.
        let other = try await fixture.client.enqueue(Echo(text: "o"), queue: "other")
        #expect(try await other.value() == "o")
        #expect(try await handle.outcome() == nil)
        _ = await fixture.run("queues resume mail")
        #expect(try await handle.value() == "t")
        worker.stop()
        _ = try await running.value
    }

    @Test(arguments: [
        ("queues pause default --until 2001-01-01T00:00:00Z", "--until must be in the future"),
        ("queues pause default --until +0s", "--until must be in the future"),
        ("queues pause default --until noon", "--until must be a time such as"),
        ("queues pause default --until +1h --for 1h", "--until and --for cannot go together"),
        ("queues pause default --for 0s", "--for must be between 1ms and"),
        ("queues pause never", "there is no queue 'never'"),
        ("queues resume never", "there is no queue 'never'"),
        ("queues show never", "there is no queue 'never'"),
        ("queues purge never", "there is no queue 'never'"),
        ("queues limit never 10/s", "there is no queue 'never'"),
        ("queues pause a:b", "<queue> must be 1 to 64 of A-Z a-z 0-9 . _ -, got 'a:b'"),
        ("queues pause", "argument <queue> is missing"),
        ("queues purge default --scheduled --only-scheduled", "cannot go together"),
        ("queues limit default 0/s", "a rate limit must be 1 to 1000000 in its period, got 0"),
        ("queues limit default -- -1/s", "a rate limit must be 1 to 1000000 in its period, got -1"),
        ("queues limit default 10", "rate '10' is not understood: write 1000/h"),
        ("queues limit default 10/x", "rate '10/x' is not understood: write 1000/h"),
    ])
    func `a command that cannot be is told why`(line: String, text: String) async throws {
        let fixture = try CommandFixture()
        await enqueue(["a"], in: fixture)
        let ran = await fixture.run(line)
        #expect(ran.exit == (text.hasPrefix("there is no ") ? .no : .usage))
        #expect(ran.err.hasPrefix("jobrunner: error: "))
        #expect(ran.err.contains(text), "\(ran.err)")
        #expect(try await fixture.ready().count == 1)
    }

    @Test func `a reason is one line`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["a"], in: fixture)
        for reason in ["a\nb", String(repeating: "x", count: 201)] {
            let ran = await fixture.run(["queues", "pause", "default", "--reason", reason])
            #expect(ran.exit == .usage)
            #expect(ran.err.contains("--reason must be one line of at most 200 characters"))
        }
    }

    @Test func `a purge counts, asks, and deletes what it counted`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["a", "b"], in: fixture)
        await enqueue(["later"], "--in 1h", in: fixture)
        let silent = await fixture.run("queues purge default")
        #expect(silent.exit == .usage)
        #expect(
            silent.err.hasPrefix(
                "jobrunner: error: this would delete 2 ready jobs of queue 'default', "
                    + "and there is no terminal"))
        let no = await fixture.run(
            ["queues", "purge", "default"], input: try fixture.input("no\n"), isTerminal: true)
        #expect(no.exit == .no)
        #expect(no.err == "delete 2 ready jobs of queue 'default'? [y/N] nothing was done\n")
        #expect(try await fixture.ready().count == 2)
        let yes = await fixture.run(
            ["queues", "purge", "default"], input: try fixture.input("y\n"), isTerminal: true)
        #expect(yes.out == "deleted 2 ready jobs\n")
        #expect(try await fixture.ready().isEmpty)
        #expect(try await fixture.ask("ZCARD", fixture.key("scheduled")) == .integer(1))
        let rest = await fixture.run("queues purge default --only-scheduled --yes -o json")
        #expect(
            rest.out == #"{"version":1,"queue":"default","ready":0,"scheduled":1}"# + "\n")
        // Nothing to delete is nothing to ask.
        #expect(
            await fixture.run("queues purge default --scheduled").out == "deleted 0 ready jobs\n")
    }

    @Test func `a purge frees unique keys and forgets crashes and cancels`() async throws {
        let fixture = try CommandFixture()
        let options = JobOptions(unique: Unique(by: .key("one")))
        let first = try await fixture.client.enqueue(name: "echo", options: options, id: "u")
        #expect(!first.isDuplicate)
        let kept = try await fixture.client.enqueue(
            name: "echo", options: JobOptions(unique: .throttle(for: .seconds(600))), id: "t")
        #expect(!kept.isDuplicate)
        _ = try await fixture.ask("HSET", fixture.key("crashes"), "u", "1", "other", "1")
        _ = await fixture.run("jobs cancel u")
        #expect(await fixture.run("queues purge default -y").out == "deleted 2 ready jobs\n")
        let second = try await fixture.client.enqueue(name: "echo", options: options)
        #expect(!second.isDuplicate)
        // A throttle holds for its time, whatever becomes of the job.
        let throttled = try await fixture.client.enqueue(
            name: "echo", options: JobOptions(unique: .throttle(for: .seconds(600))))
        #expect(throttled.isDuplicate)
        #expect(
            try await fixture.ask("HKEYS", fixture.key("crashes")).array?.compactMap(\.text) == [
                "other"
            ])
        #expect(try await fixture.ask("EXISTS", fixture.key("cancelled")) == .integer(0))
    }

    @Test func `a purge takes more than a page, and jobs with a rank and of strangers`()
        async throws
    {
        let fixture = try CommandFixture()
        let jobs = (0..<450).map { #"{"id":"j\#($0)","job":"echo"}"# } + ["no job at all"]
        _ = try await fixture.client.router.connection(for: "").send(
            Command(["LPUSH", fixture.key("ready")] + jobs))
        let ranked = try await fixture.client.enqueue(
            name: "echo", options: JobOptions(priority: 3))
        #expect(try await fixture.ask("ZCARD", fixture.key("ordered")) == .integer(1))
        _ = try await fixture.ask("LPUSH", fixture.key("landing"), #"{"id":"l","job":"echo"}"#)
        #expect(!ranked.isDuplicate)
        #expect(try await fixture.client.stats().queues.first?.ready == 453)
        #expect(await fixture.run("queues purge default -y").out == "deleted 453 ready jobs\n")
        #expect(try await fixture.client.stats().queues.first?.ready == 0)
    }

    @Test func `a queue is limited as a whole until it is not`() async throws {
        let fixture = try CommandFixture()
        await enqueue(["a"], in: fixture)
        let ran = await fixture.run(["queues", "limit", "default", "10/s burst 2"])
        #expect(ran.out == "default limited to 10/s burst 2\n")
        #expect(
            try await fixture.ask("HGET", fixture.key("meta"), "limit").text == "100500 2")
        #expect(await fixture.run("queues show default").lines.contains("rate       10/s burst 2"))
        #expect(await fixture.run("queues limit default none").out == "default not limited\n")
        #expect(try await fixture.ask("HLEN", fixture.key("meta")) == .integer(0))
    }

    @Test func `queues are listed by name`() async throws {
        let fixture = try CommandFixture()
        #expect(await fixture.run("queues list").out == "no queues yet\n")
        await enqueue(["a"], "-q b", in: fixture)
        await enqueue(["b", "c"], "-q a", in: fixture)
        #expect(await fixture.run("queues ls -o name").lines == ["a", "b"])
        let rows = await fixture.run("queues list").lines.map { $0.split(separator: " ") }
        #expect(rows.first?.first == "QUEUE")
        #expect(
            rows.dropFirst().map { "\($0[0]) \($0[1]) \($0.last ?? "")" } == [
                "a 2 open", "b 1 open",
            ])
        #expect(await fixture.run("queues list -o jsonl").lines.count == 2)
    }

    @Test func `who waits for a purged job hears that it was cancelled`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue a --id kept --keep-result 1h")
        _ = await fixture.run("enqueue a --id later --in 1h")
        _ = await fixture.run("enqueue a --id none --keep-result 0s")
        #expect(await fixture.run("queues purge default --scheduled --yes").exit == .success)
        for id in ["kept", "later"] {
            let ran = await fixture.run("jobs wait \(id) --timeout 30s")
            #expect(ran.exit == .no)
            #expect((ran.out + ran.err).contains("purged"), "\(ran)")
            let left = try await fixture.ask("PTTL", fixture.key("result:\(id)")).integer ?? 0
            #expect((1...600_000).contains(left))
        }
        #expect(try await fixture.ask("EXISTS", fixture.key("result:none")).integer == 0)
    }
}
