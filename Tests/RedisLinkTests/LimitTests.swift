import JobRunnerTesting
import Testing

@testable import RedisLink

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// What concerns the whole process: each in one of its own.
@Suite("Process limits", .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct LimitTests {
    @Test func `no descriptor is named as the reason, and calls go on when there is one`() async {
        await #expect(processExitsWith: .success) {
            let redis = try RedisServer.start()
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
            var limit = rlimit()
            getrlimit(resource, &limit)
            limit.rlim_cur = 64
            setrlimit(resource, &limit)
            let log = EventLog()
            let connection = try redis.connect { $0.onEvent = log.record }
            var taken: [Int32] = []
            while case let descriptor = dup(0), descriptor >= 0 { taken.append(descriptor) }

            let call = Task { try await connection.send("PING", timeout: .seconds(60)) }
            let event = await log.first { _ in true }
            guard case .failed(_, let error, _) = event else {
                Issue.record("\(String(describing: event))")
                return
            }
            #expect(error.isUnreachable && error.isTransient)
            #expect(error.description.hasSuffix("Too many open files"))
            let refused = #expect(throws: RedisError.self) { try redis.connect() }
            #expect(refused?.description.hasSuffix("no descriptor: Too many open files") == true)

            for descriptor in taken { close(descriptor) }
            #expect(try await call.value == .text("PONG"))
        }
    }

    @Test func `writing to a peer that has closed raises no signal`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGPIPE, SIG_DFL)
            let server = HostileServer { _ = $0.logIn() }
            let connection = try Connection(to: server.endpoint, options: ConnectionOptions())
            let large = String(repeating: "x", count: 300_000)
            var broken = 0
            for _ in 0..<300 {
                let error = await connection.error("ECHO", large)
                if error?.isClosed == true { broken += 1 }
            }
            #expect(broken == 300)
        }
    }

    @Test func `no child inherits a descriptor`() async {
        await #expect(processExitsWith: .success) {
            let redis = try RedisServer.start(withPort: true)
            let before = Set(procEntries("fd"))
            let endpoint = Endpoint.tcp(host: "127.0.0.1", port: redis.port ?? 0)
            let connections = [
                try redis.connect(), try Connection(to: endpoint, options: ConnectionOptions()),
            ]
            for connection in connections {
                #expect(try await connection.send("PING") == .text("PONG"))
            }
            let made = Set(procEntries("fd")).subtracting(before).compactMap { Int32($0) }
            #expect(made.count >= 4)
            for descriptor in made {
                #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0, "\(descriptor)")
            }
            for connection in connections { connection.close() }
        }
    }

    @Test func `two hundred connections leave no thread and no descriptor`() async {
        await #expect(processExitsWith: .success) {
            let redis = try RedisServer.start(withPort: true)
            let endpoint = Endpoint.tcp(host: "127.0.0.1", port: redis.port ?? 0)
            // What the first ones make once: the pool's threads, the resolver's files.
            for _ in 0..<4 { _ = try await redis.connect().send("PING") }
            func counts() -> [Int] {
                let threads = procEntries("task").filter(Self.isConnection).count
                return [threads, procEntries("fd").count]
            }
            #expect(await eventually { counts()[0] == 0 })
            let before = counts()
            for round in 0..<4 {
                var connections: [Connection] = []
                for number in 0..<50 {
                    // In time, refused, and never used.
                    let target = [redis.unix, endpoint, .unix(path: "/no/such")][number % 3]
                    let connection = try Connection(to: target, options: ConnectionOptions())
                    if number % 3 < 2 {
                        #expect(try await connection.send("PING") == .text("PONG"))
                    } else if number % 2 == 0 {
                        _ = await connection.error("PING", timeout: .milliseconds(1))
                    }
                    connections.append(connection)
                }
                // Those of the round before are ended by now, or about to.
                #expect(await eventually { counts()[0] == 50 })
                if round % 2 == 0 { for connection in connections { connection.close() } }
            }
            #expect(await eventually { counts() == before }, "\(counts()), at first \(before)")
        }
    }

    /// Whether a thread of this process is a connection's.
    private static func isConnection(_ thread: String) -> Bool {
        let descriptor = open("/proc/self/task/\(thread)/comm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var name = [UInt8](repeating: 0, count: 16)
        let count = read(descriptor, &name, name.count)
        return String(decoding: name.prefix(max(0, count)), as: UTF8.self) == "redis\n"
    }
}
