import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

@Suite(
    "jobrunner enqueue, ranks and keys", .enabled(if: RedisServer.isAvailable),
    .timeLimit(.minutes(2)))
struct EnqueueTermsTests {
    private func held(_ text: String) -> String {
        "\(text) holds the same key: nothing was enqueued\n"
    }

    @Test func `jobs of a priority come first, one in front before the others`() async throws {
        let fixture = try CommandFixture()
        for (id, rest) in [
            ("plain", ""), ("high", "--priority 3"), ("urgent", "--priority 9"),
            ("front", "--front"),
        ] {
            #expect(await fixture.run("enqueue echo --id \(id) \(rest)").exit == .success)
        }
        let store = QueueStore(Keys(prefix: fixture.prefix).queue("default"))
        let tick = store.tick(worker: "w", joins: true, Upkeep())
        let connection = fixture.client.router.connection(for: "")
        #expect(try await connection.send(tick).isAlive)
        // By their ranks the first of `ordered` come before the lists; of these the right end.
        var ids: [String] = []
        for _ in 0..<4 {
            let reply = try await connection.send(store.cycle(worker: "w", want: 1, acks: []))
            guard case .done(_, _, _, let jobs, _) = reply, let job = jobs.first else { break }
            ids.append(Envelope.idAtStart(of: job.json)?.description ?? "")
        }
        #expect(ids == ["urgent", "high", "front", "plain"])
    }

    @Test func `what is asked for stands in the job`() async throws {
        let fixture = try CommandFixture()
        let words = ["enqueue", "echo", #"{"a":1}"#, "--priority", "3", "--tenant", "acme"]
        #expect(
            await fixture.run(
                words + ["--unique", "k1", "--unique-until", "start", "--unique-for", "1h"]
            ).exit == .success)
        let job = try #require(try await fixture.jobs().first)
        #expect(job.priority == 3)
        #expect(job.tenant == "acme")
        #expect(job.unique == UniqueLock(key: "echo.k1", end: .start, milliseconds: 3_600_000))
        #expect(job.isCanonical)
    }

    @Test func `where its outcome is sent stands in the job, of a line too`() async throws {
        let fixture = try CommandFixture()
        let one = await fixture.run("enqueue echo --reply-to shop/priced")
        #expect(one.exit == .success)
        #expect(try await fixture.jobs().last?.reply?.description == "shop/priced")
        let bad = await fixture.run("enqueue echo --reply-to shop")
        #expect(bad.exit == .usage)
        #expect(bad.err.contains("QUEUE/JOB, each 1 to 64 of A-Z a-z 0-9 . _ -"))
        let lines = #"{"job":"a","reply":"far/b"}"# + "\n" + #"{"job":"a","reply":"far"}"# + "\n"
        let many = try await fixture.run("enqueue --ndjson --skip-bad", input: fixture.input(lines))
        #expect(many.exit == .data)
        #expect(many.err.contains("'reply' must be 'queue/job'"))
        let replies = try await fixture.jobs().compactMap { $0.reply?.description }
        #expect(replies.sorted() == ["far/b", "shop/priced"])
        let named = try await fixture.run(
            "enqueue a --ndjson --reply-to x/y", input: fixture.input("{}\n"))
        #expect(named.exit == .success)
        #expect(try await fixture.jobs().contains { $0.reply?.description == "x/y" })
        let whole = await fixture.run("enqueue --ndjson --reply-to x/y")
        #expect(whole.exit == .usage)
    }

    @Test func `a key is held by one job, by its arguments or by a text`() async throws {
        let fixture = try CommandFixture()
        let one = await fixture.run(["enqueue", "echo", #"{"a":1}"#, "--id", "one", "--unique"])
        #expect(one.out == "default/one\n")
        #expect(one.err == "")
        let two = await fixture.run(["enqueue", "echo", #"{"a":1}"#, "--id", "two", "--unique"])
        #expect(two.exit == .success)
        #expect(two.out == "default/one\n")
        #expect(two.err == held("default/one"))
        let other = await fixture.run(["enqueue", "echo", #"{"a":2}"#, "--id", "three", "--unique"])
        #expect(other.out == "default/three\n")
        // Another name has keys of its own.
        _ = await fixture.run("enqueue echo --id four --unique=k")
        #expect(await fixture.run("enqueue else --id five --unique=k").out == "default/five\n")
        let json = await fixture.run("enqueue echo --unique=k -o json")
        #expect(json.out.contains(#""handle":"default/four","queue":"default","id":"four","#))
        #expect(json.out.hasSuffix(#","duplicate":true}"# + "\n"))
        #expect(try await fixture.ready().count == 4)
    }

    @Test func `a conflict is an error, or the end of the other job`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue echo --id one --unique=k")
        let reject = await fixture.run("enqueue echo --unique=k --on-conflict reject")
        #expect(reject.exit == .no)
        #expect(reject.out == "")
        #expect(
            reject.err.hasPrefix(
                "jobrunner: error: job default/one has the same unique key and is not over"))
        let replace = await fixture.run(
            "enqueue echo --id two --unique=k --on-conflict replace")
        #expect(replace.out == "default/two\n")
        #expect(replace.err == "")
        #expect(await fixture.run("jobs get one").lines.contains("state     cancelling"))
    }

    @Test func `a debounced job waits anew, a throttled one is not enqueued`() async throws {
        let fixture = try CommandFixture()
        for id in ["one", "two"] {
            let ran = await fixture.run("enqueue echo --id \(id) --unique=k --debounce 10m")
            #expect(ran.out == "default/\(id)\n")
        }
        let waiting = try await fixture.ask("ZRANGE", fixture.key("scheduled"), "0", "-1").array
        #expect(waiting?.count == 1)
        #expect(waiting?.first?.text?.hasPrefix(#"{"id":"two","#) == true)
        _ = await fixture.run("enqueue echo --id t1 --throttle 10m")
        let second = await fixture.run("enqueue echo --id t2 --throttle 10m")
        #expect(second.err == held("default/t1"))
        let third = await fixture.run("enqueue echo --throttle 10m --on-conflict reject")
        #expect(third.exit == .no)
    }

    @Test func `lines of a name each have a key by their arguments`() async throws {
        let fixture = try CommandFixture()
        let lines = #"{"a":1}"# + "\n" + #"{"a":2}"# + "\n" + #"{"a":1}"# + "\n"
        let ran = await fixture.run(
            ["enqueue", "echo", "--ndjson", "--unique", "--priority", "2", "--print-ids"],
            input: try fixture.input(lines))
        #expect(ran.exit == .success)
        #expect(ran.err.contains("enqueued 2 jobs in "))
        #expect(ran.err.contains("; 1 job not enqueued: their keys are held"))
        #expect(ran.lines.count == 3)
        #expect(ran.lines.first == ran.lines.last)
        #expect(try await fixture.client.stats().queues.first?.ready == 2)
    }

    @Test func `lines that are whole jobs carry what they ask for themselves`() async throws {
        let fixture = try CommandFixture()
        let job = #"{"job":"echo","priority":4,"fair":"t","unique":{"key":"k"}}"#
        let ran = await fixture.run(
            ["enqueue", "--ndjson", "-o", "json"], input: try fixture.input(job + "\n" + job + "\n")
        )
        #expect(
            ran.out.hasPrefix(
                #"{"version":1,"accepted":1,"duplicates":0,"held":1,"bad_lines":0,"lines":2,"#))
        let stored = try #require(try await fixture.jobs().first)
        #expect(stored.priority == 4)
        #expect(stored.tenant == "t")
        #expect(stored.unique?.key == "k")
    }

    @Test(arguments: [
        ("echo --priority 10", "--priority must be a whole number from 0 to 9, got '10'"),
        ("echo --tenant a:b", "--tenant must be 1 to 64 of A-Z a-z 0-9 . _ -, got 'a:b'"),
        ("echo --front --in 1h", "--front cannot go with --in or --at"),
        ("echo --front --debounce 1m", "--front cannot go with --debounce"),
        ("echo --debounce 1m --at +1h", "--debounce cannot go with --in or --at"),
        ("echo --debounce 1m --throttle 1m", "--debounce cannot go with --throttle"),
        ("echo --debounce 2d", "--debounce must be between 1ms and 1d, got '2d'"),
        ("echo --debounce 1m --on-conflict replace", "--debounce cannot go with --on-conflict"),
        ("echo --throttle 1m --unique-for 1h", "--throttle cannot go with --unique-for"),
        ("echo --throttle 1m --unique-until done", "--throttle cannot go with --unique-until"),
        ("echo --unique-until start", "--unique-until needs --unique"),
        ("echo --unique-for 1h", "--unique-for needs --unique"),
        ("echo --on-conflict reject", "--on-conflict needs --unique"),
        ("echo --unique --on-conflict maybe", "--on-conflict must be one of keep, reject, replace"),
        ("echo --unique --unique-until never", "--unique-until must be one of start, done, time"),
        ("--ndjson --priority 3", "--priority needs a <name>"),
        ("--ndjson --unique", "--unique needs a <name>"),
        ("echo --ndjson --front", "--front cannot go with --ndjson"),
        ("echo --unique --on-conflict reject --ndjson", "--on-conflict reject cannot go with"),
        (#"echo --unique {"a":1}"#, "--unique took '{\"a\":1}' as its key"),
    ])
    func `what means nothing together is told`(line: String, text: String) async throws {
        let fixture = try CommandFixture()
        let ran = await fixture.run("enqueue " + line, input: try fixture.input(""))
        #expect(ran.exit == .usage)
        #expect(ran.err.contains(text), "\(ran.err)")
        #expect(try await fixture.keys().isEmpty)
    }
}
