import Foundation
import JobRunner
import JobRunnerTesting
import Testing

@testable import JobRunnerCLI

/// What the server can be, or not be, and what a user is told then.
@Suite(
    "A server that does not take jobs", .enabled(if: RedisServer.isAvailable),
    .timeLimit(.minutes(2)))
struct EnqueueServerTests {
    private func firstLine(_ ran: CommandFixture.Ran) -> Substring {
        ran.err.split(separator: "\n").first ?? ""
    }

    @Test func `nobody listens`() async throws {
        let server = try RedisServer.start(withPort: true)
        let port = try #require(server.port)
        server.stop()
        let fixture = try CommandFixture(url: "redis://:secret@127.0.0.1:\(port)")
        let reason = "cannot reach Redis at 127.0.0.1:\(port): Connection refused"
        let patient = Task { await fixture.run("enqueue m --connect-patience 1h") }
        await fixture.prints("; trying again for 1h\n")
        patient.cancel()
        let ended = await patient.value
        #expect(ended.exit == .temporary)
        #expect(ended.err.hasPrefix("\(reason); trying again for 1h\njobrunner: error: "))
        let ran = await fixture.run("enqueue m --connect-patience 0s")
        #expect(ran.exit == .unavailable)
        #expect(
            ran.err == """
                jobrunner: error: \(reason)
                Set --redis-url or JOBRUNNER_REDIS_URL to where Redis is.

                """)
    }

    @Test func `a key of another program is named`() async throws {
        let fixture = try CommandFixture()
        _ = try await fixture.ask("SET", fixture.key("ready"), "x")
        let ran = await fixture.run("enqueue m")
        #expect(ran.exit == .configuration)
        #expect(
            firstLine(ran)
                == "jobrunner: error: key '\(fixture.key("ready"))' holds another type; "
                + "it was not made by jobrunner")
    }

    @Test func `a queue that is full`() async throws {
        let fixture = try CommandFixture()
        #expect(await fixture.run("enqueue m -q mail --max-length 1").exit == .success)
        let ran = await fixture.run(
            "enqueue m -q mail --max-length 1 --wait-when-full 20ms")
        #expect(ran.exit == .temporary)
        #expect(
            firstLine(ran)
                == "jobrunner: error: queue 'mail' is full (1 job): the job was not accepted")
    }

    @Test(arguments: ["", ":not-it@", "who:not-it@"])
    func `a wrong password is told and not shown`(login: String) async throws {
        let server = try RedisServer.start(
            arguments: ["--requirepass", "right-one"], withPort: true)
        let port = try #require(server.port)
        let fixture = try CommandFixture(url: "redis://\(login)127.0.0.1:\(port)")
        for line in ["enqueue m", "jobs wait x", "jobs get x", "jobs cancel x"] {
            let ran = await fixture.run(line)
            #expect(ran.exit == .permission)
            #expect(ran.out == "")
            let word = login.isEmpty ? "NOAUTH" : "WRONGPASS"
            #expect(firstLine(ran).hasPrefix("jobrunner: error: \(word) "))
            #expect(!ran.err.contains("not-it"))
            #expect(!ran.err.contains(". ."))
            #expect(!ran.err.contains(".."))
        }
    }

    @Test func `a user without rights is told which`() async throws {
        let server = try RedisServer.start(withPort: true)
        let port = try #require(server.port)
        let rules = "on >pw ~* &* -@all +ping +info +client +script|load +get"
        let words = ["ACL", "SETUSER", "reader"] + rules.split(separator: " ").map(String.init)
        let admin = try CommandFixture(url: server.url)
        _ = try await admin.client.router.connection(for: "").send(Command(words))
        let fixture = try CommandFixture(url: "redis://reader:pw@127.0.0.1:\(port)")
        let ran = await fixture.run("enqueue m")
        #expect(ran.exit == .permission)
        #expect(firstLine(ran).hasPrefix("jobrunner: error: NOPERM "))
        #expect(firstLine(ran).contains("'sadd'"))
        let many = await fixture.run("enqueue m --ndjson", input: try fixture.input("1\n2\n"))
        #expect(many.exit == .permission)
        #expect(many.err.contains("\n0 jobs accepted, 0 lines done; go on with --skip 0.\n"))
    }

    @Test func `something else listens`() async throws {
        let listener = try Stranger(says: "SSH-2.0-OpenSSH_9.2\r\n")
        let fixture = try CommandFixture(url: "redis://127.0.0.1:\(listener.port)")
        let ran = await fixture.run("enqueue m")
        #expect(ran.exit == .unavailable)
        #expect(
            ran.err == """
                jobrunner: error: the server at 127.0.0.1:\(listener.port) does not speak the \
                Redis protocol: got 'SSH-2.0-OpenSSH_9.2..'

                """)
    }

    @Test func `a read-only replica`() async throws {
        let primary = try RedisServer.start(withPort: true)
        let port = try #require(primary.port)
        let replica = try RedisServer.start(arguments: ["--replicaof", "127.0.0.1 \(port)"])
        let fixture = try CommandFixture(url: replica.url)
        let ran = await fixture.run("enqueue m")
        #expect(ran.exit == .temporary)
        #expect(firstLine(ran).contains("This Redis is a read-only replica"))
    }

    @Test func `its memory is full`() async throws {
        let server = try RedisServer.start(arguments: ["--maxmemory-policy", "noeviction"])
        let fixture = try CommandFixture(url: server.url)
        let before = await fixture.run("enqueue m")
        #expect(before.exit == .success)
        _ = try await fixture.ask("CONFIG", "SET", "maxmemory", "1mb")
        _ = try? await fixture.ask("SETRANGE", fixture.key("filler"), "2000000", "x")
        let ran = await fixture.run("enqueue m --id full")
        #expect(ran.exit == .temporary)
        #expect(firstLine(ran).contains("Redis is out of memory"))
        let input = try fixture.input("1\n2\n")
        let many = await fixture.run("enqueue m --ndjson", input: input)
        #expect(many.exit == .temporary)
        #expect(many.err.contains("Redis is out of memory"))
        #expect(many.err.hasSuffix("\n0 jobs accepted, 0 lines done; go on with --skip 0.\n"))
        #expect(try await fixture.ready().count == 1)
    }

    @Test func `it may evict jobs`() async throws {
        let server = try RedisServer.start(
            arguments: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"])
        let fixture = try CommandFixture(url: server.url)
        let ran = await fixture.run("enqueue m")
        #expect(ran.exit == .configuration)
        #expect(
            firstLine(ran)
                == "jobrunner: error: maxmemory-policy is 'allkeys-lru': jobs could vanish; "
                + "set 'noeviction' (or --allow-eviction)")
        #expect(try await fixture.keys() == [])
        #expect(await fixture.run("enqueue m --allow-eviction").exit == .success)
    }

    @Test func `it ends while lines are sent, and a resumed run does the rest`() async throws {
        let server = try RedisServer.start(
            arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let fixture = try CommandFixture(url: server.url)
        let pipe = Pipe()
        let writer = pipe.fileHandleForWriting
        async let running = fixture.run(
            ["enqueue", "m", "--ndjson", "--print-ids", "--connect-patience", "1s"],
            input: pipe.fileHandleForReading.fileDescriptor, interrupts: try Interrupts())
        writer.write(Data("1\n2\n".utf8))
        await fixture.prints("default/")
        server.kill()
        writer.write(Data("3\n".utf8))
        let ran = try await running
        #expect([.unavailable, .temporary].contains(ran.exit))
        #expect(ran.err.hasSuffix("2 jobs accepted, 2 lines done; go on with --skip 2.\n"))
        try server.restart()
        let path = try fixture.file("jobs", "1\n2\n3\n")
        let resumed = await fixture.run("enqueue m --skip 2 --ndjson \(path)")
        #expect(resumed.exit == .success)
        let arguments = try await fixture.jobs().map {
            String(decoding: $0.argumentsData, as: UTF8.self)
        }
        #expect(arguments == ["1", "2", "3"])
    }
}

/// A TCP server that is not Redis: says one thing to everybody and listens no further.
private final class Stranger: Sendable {
    let port: Int
    private let listener: Int32

    init(says text: String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) != 0 || listen(listener, 16) != 0
                    || getsockname(listener, $0, &length) != 0
            }
        }
        try #require(!failed)
        port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread {
            while true {
                let peer = accept(listener, nil, nil)
                guard peer >= 0 else { return }
                _ = send(peer, text, text.utf8.count, Int32(MSG_NOSIGNAL))
                // What it was asked must be read, or the reset would overtake the answer.
                var room = [UInt8](repeating: 0, count: 65_536)
                _ = recv(peer, &room, room.count, 0)
                shutdown(peer, Int32(SHUT_WR))
                while recv(peer, &room, room.count, 0) > 0 {}
                close(peer)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }
}
