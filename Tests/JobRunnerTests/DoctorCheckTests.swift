import FoundationEssentials
import RedisLink
import Testing

@testable import JobRunner

/// What the doctor concludes, without a server.
@Suite struct DoctorCheckTests {
    private func checks(_ lines: String...) -> ServerChecks {
        ServerChecks(ServerInfo((["redis_version:7.0.15"] + lines).joined(separator: "\r\n")))
    }

    @Test func `a server of which nothing is known is no failure`() {
        let findings = ServerChecks(ServerInfo("")).all
        #expect(findings.map(\.verdict) == [.skipped])
    }

    @Test func `a sound server is all in order`() {
        let checks = checks(
            "aof_enabled:1", "role:master", "maxmemory:0", "maxmemory_policy:noeviction",
            "aof_last_write_status:ok", "rdb_last_bgsave_status:ok", "connected_slaves:0")
        #expect(checks.all.map(\.verdict) == Array(repeating: .ok, count: 6))
    }

    @Test(arguments: [
        ("redis_version:6.0.16", "version", Finding.Verdict.problem),
        ("cluster_enabled:1", "version", .problem), ("role:slave", "role", .problem),
        ("maxmemory:100\nmaxmemory_policy:allkeys-lru", "eviction", .problem),
        ("maxmemory:100\nmaxmemory_policy:noeviction", "eviction", .ok),
        ("maxmemory:0\nmaxmemory_policy:allkeys-lru", "eviction", .warn),
        ("aof_enabled:0", "persistence", .warn), ("aof_enabled:1", "persistence", .ok),
        ("aof_last_write_status:err", "disk", .problem),
        ("rdb_last_bgsave_status:err", "disk", .problem),
        ("aof_last_bgrewrite_status:err", "disk", .problem),
        ("connected_slaves:2", "replicas", .warn),
        ("connected_slaves:2\nmin_slaves_good_slaves:2", "replicas", .ok),
    ])
    func `what a line of INFO means`(line: String, check: String, verdict: Finding.Verdict) throws {
        let finding = try #require(checks(line).all.first { $0.check == check })
        #expect(finding.verdict == verdict)
        #expect((finding.remedy != nil) == (verdict != .ok))
    }

    @Test func `clocks may differ by five minutes`() {
        func clock(_ here: Int) -> Finding {
            HostChecks.clock(server: 1_000_000, here: here) { "at \($0)" }
        }
        #expect(clock(1_300_000).verdict == .ok)
        #expect(clock(700_000).verdict == .ok)
        #expect(clock(1_300_001).verdict == .warn)
        #expect(clock(699_999).verdict == .warn)
        #expect(clock(0).text.hasPrefix("Redis says it is at 1000000, this machine at 0: "))
    }

    @Test(arguments: [
        ("redis://127.0.0.1", Finding.Verdict.ok), ("redis://localhost:1", .ok),
        ("redis://[::1]", .ok), ("unix:///run/redis.sock", .ok), ("redis://10.0.0.1", .warn),
        ("redis://:secret@10.0.0.1", .ok), ("redis://127.example.com", .warn),
    ])
    func `a password is for servers that others reach`(url: String, verdict: Finding.Verdict)
        throws
    {
        let finding = HostChecks.login(try RedisURL(url))
        #expect(finding.verdict == verdict)
        #expect(!finding.text.contains("secret"))
    }

    @Test func `a run of over ten visibility timeouts is told, and how to end it`() throws {
        var queue = QueueStats(name: "q")
        queue.lease = .seconds(30)
        let date = Date(timeIntervalSince1970: 0)
        func findings(_ state: WorkerStats.State, age: Duration, held: Int = 1) -> [Finding] {
            var worker = WorkerStats(id: "w", state: state, host: "h", pid: 1, queues: ["q"])
            worker.held = held
            worker.running = [
                WorkerStats.Running(slot: 0, job: "a", id: "1", queue: "q", since: date, age: age)
            ]
            let server = ServerStats(
                version: "7", address: "", usedBytes: 0, maxBytes: 0, evictionPolicy: "",
                roundTrip: .zero)
            return WorkChecks.findings(
                Stats(
                    time: date, prefix: "p", server: server, queues: [queue], workers: [worker],
                    jobs: []))
        }
        #expect(findings(.working, age: .seconds(300)) == [])
        let long = try #require(findings(.working, age: .seconds(301)).first)
        #expect(long.verdict == .warn)
        #expect(long.remedy?.hasSuffix("jobrunner jobs cancel q/1") == true)
        #expect(findings(.unknown, age: .zero).map(\.check) == ["workers"])
        #expect(findings(.unknown, age: .zero, held: 0) == [])
    }
}
