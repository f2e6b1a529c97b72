import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// A name with a slip of the finger gets the same answer from every command.
@Suite("Unknown names", .enabled(if: RedisServer.isAvailable), .timeLimit(.minutes(1)))
struct UnknownNameTests {
    @Test(arguments: [
        "queues show", "queues pause", "queues resume", "queues purge", "jobs pause echo -q",
        "jobs resume echo -q", "jobs cancel -q", "schedules list -q", "check --backlog -q",
    ])
    func `a queue is told by one wording, with the one that was meant`(line: String) async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue a -q mails")
        let ran = await fixture.run(line + " mials")
        #expect(ran.exit == .no)
        #expect(
            ran.err == """
                jobrunner: error: there is no queue 'mials'
                Did you mean 'mails'? 'queues list' shows those that there are.

                """)
        #expect(ran.out == "")
        let keys = try await fixture.keys()
        #expect(!keys.contains { $0.contains("mials") })
    }

    @Test func `so is a schedule, and a limit`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("schedules add nightly --every 1h")
        for verb in ["show", "pause", "resume", "remove", "run", "next", "history"] {
            let ran = await fixture.run("schedules \(verb) nighly")
            #expect(ran.exit == .no)
            #expect(
                ran.err == """
                    jobrunner: error: there is no schedule 'nighly'
                    Did you mean 'nightly'? 'schedules list' shows those that there are.

                    """)
        }
        _ = try await fixture.ask(
            "HSET", "\(fixture.prefix):limits", "smtp/mail.send", #"{"rate":"10/s"}"#)
        for line in ["set smpt 1/s", "open smpt", "reset smpt", "close smpt --for 1h"] {
            let ran = await fixture.run("limits " + line)
            #expect(ran.exit == .no)
            #expect(
                ran.err == """
                    jobrunner: error: there is no limit 'smpt'
                    Did you mean 'smtp'? 'limits list' shows those that there are.

                    """)
        }
    }

    @Test func `a job that no worker has is paused, and told`() async throws {
        let fixture = try CommandFixture()
        _ = await fixture.run("enqueue echo {\"text\":\"a\"}")
        try await fixture.working({ builder in
            builder.handle(Echo.self) { job, _ in job.text }
        }) {
            while try await fixture.client.stats().jobs.isEmpty { try await fixture.pass(0.01) }
            let ran = await fixture.run("jobs pause ecko")
            #expect(ran.exit == .success)
            #expect(
                ran.err == "no worker of these queues has a job 'ecko'; did you mean 'echo'?\n")
            #expect(ran.out == "ecko paused in default\n")
            #expect(await fixture.run("jobs pause echo").err == "")
        }
    }
}
