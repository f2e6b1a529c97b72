import JobRunnerTesting
import Testing

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@Suite("RedisServer", .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct RedisServerTests {
    @Test func `answers as soon as it is started`() throws {
        let redis = try RedisServer.start()
        #expect(Self.ask(redis, "PING") == "+PONG\r\n")
        #expect(redis.url == "unix://\(redis.directory)/redis.sock")
        #expect(redis.port == nil)
    }

    @Test func `there is one shared server`() throws {
        #expect(try RedisServer.shared === RedisServer.shared)
        #expect(Self.ask(try RedisServer.shared, "PING") == "+PONG\r\n")
    }

    @Test func `listens on a port when asked to`() throws {
        let redis = try RedisServer.start(withPort: true)
        let port = try #require(redis.port)
        #expect(Self.ask(redis, "CONFIG GET port")?.contains("\r\n\(port)\r\n") == true)
        #expect(Self.ask(redis, "CONFIG GET bind")?.contains("\r\n127.0.0.1\r\n") == true)
    }

    @Test func `its directory is closed to others and goes with it`() throws {
        let redis = try RedisServer.start()
        var info = stat()
        #expect(stat(redis.directory, &info) == 0)
        #expect(info.st_mode & 0o777 == 0o700)
        redis.stop()
        #expect(access(redis.directory, F_OK) == -1)
    }

    @Test func `stopping twice and restarting after a kill are fine`() throws {
        let redis = try RedisServer.start()
        redis.kill()
        redis.kill()
        #expect(Self.ask(redis, "PING") == nil)
        try redis.restart()
        #expect(Self.ask(redis, "PING") == "+PONG\r\n")
        redis.stop()
        redis.stop()
        #expect(Self.ask(redis, "PING") == nil)
    }

    @Test func `forgets everything when killed, by default`() throws {
        let redis = try RedisServer.start()
        #expect(Self.ask(redis, "SET k v") == "+OK\r\n")
        try redis.restart()
        #expect(Self.ask(redis, "GET k") == "$-1\r\n")
    }

    @Test func `keeps its files over a kill`() throws {
        let redis = try RedisServer.start(
            arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        #expect(Self.ask(redis, "SET k v") == "+OK\r\n")
        try redis.restart()
        #expect(Self.ask(redis, "GET k") == "$1\r\nv\r\n")
    }

    @Test func `answers nothing while paused`() throws {
        let redis = try RedisServer.start()
        redis.pause()
        #expect(Self.ask(redis, "PING", milliseconds: 50) == nil)
        redis.resume()
        #expect(Self.ask(redis, "PING") == "+PONG\r\n")
        redis.pause()
        redis.stop()
    }

    @Test func `says what redis-server said when it does not start`() throws {
        let error = #expect(throws: RedisServerError.self) {
            try RedisServer.start(arguments: ["--no-such-setting", "1"])
        }
        #expect(error?.description.contains("no-such-setting") == true)
    }

    @Test func `says what its log says when it does not start`() throws {
        let error = #expect(throws: RedisServerError.self) {
            try RedisServer.start(arguments: ["--unixsocket", "/no/such/place/redis.sock"])
        }
        #expect(error?.description.contains("Failed opening Unix socket") == true)
    }

    @Test func `refuses a directory too long for a socket`() throws {
        let long = "/tmp/" + String(repeating: "x", count: 90)
        #expect(throws: RedisServerError.pathTooLong(long)) { try RedisServer.start(in: long) }
    }

    @Test func `says how to install what is missing`() {
        let text = RedisServerError.notInstalled.description
        #expect(text.contains("apt-get install redis-server"))
        #expect(text.contains("brew install redis"))
    }

    @Test func `dies with the process that started it, directory and all`() async throws {
        let result = try await #require(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            let redis = try RedisServer.start()
            let info = Self.ask(redis, "INFO server") ?? ""
            let line = info.split(separator: "\r\n").first { $0.hasPrefix("process_id:") } ?? ""
            let text = "<\(redis.directory) \(line.dropFirst("process_id:".count))>"
            _ = text.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
            kill(getpid(), SIGKILL)
        }
        let said = String(decoding: result.standardOutputContent, as: UTF8.self)
        let words = said.drop { $0 != "<" }.dropFirst().prefix { $0 != ">" }.split(separator: " ")
        try #require(words.count == 2)
        let deadline = ContinuousClock.now + .seconds(10)
        while access(String(words[0]), F_OK) == 0 || isRunning(words[1]),
            ContinuousClock.now < deadline
        {
            await Task.yield()
        }
        #expect(access(String(words[0]), F_OK) == -1)
        #expect(!isRunning(words[1]))
    }

    /// Whether a process runs, as `/proc` has it: a dead one that nobody reaped has no command.
    private func isRunning(_ pid: Substring) -> Bool {
        let descriptor = open("/proc/\(pid)/cmdline", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var byte: UInt8 = 0
        return read(descriptor, &byte, 1) > 0
    }

    /// The answer to an inline command, or nil when there is none in time.
    private static func ask(
        _ redis: RedisServer, _ command: String, milliseconds: Int32 = 5000
    ) -> String? {
        guard let descriptor = connection(to: redis.socketPath) else { return nil }
        defer { close(descriptor) }
        let bytes = Array((command + "\r\n").utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { return nil }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return nil }
        var reply = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &reply, reply.count)
        return count > 0 ? String(decoding: reply[..<count], as: UTF8.self) : nil
    }

    private static func connection(to path: String) -> Int32? {
        #if canImport(Darwin)
            let descriptor = socket(AF_UNIX, SOCK_STREAM, 0)
        #else
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        #endif
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        if connected { return descriptor }
        close(descriptor)
        return nil
    }
}
