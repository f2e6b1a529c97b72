import JobRunnerTesting
import Testing

@testable import RedisLink

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@Suite("Connecting", .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct ConnectTests {
    @Test func `a Unix socket, TCP and IPv6 all lead to the server`() async throws {
        let redis = try RedisServer.start(
            arguments: ["--bind", "127.0.0.1", "-::1"], withPort: true)
        let port = try #require(redis.port)
        var endpoints: [Endpoint] = [redis.unix, .tcp(host: "127.0.0.1", port: port)]
        endpoints.append(.tcp(host: "localhost", port: port))
        if hasIPv6 { endpoints.append(.tcp(host: "::1", port: port)) }
        for endpoint in endpoints {
            let connection = try Connection(to: endpoint, options: ConnectionOptions())
            #expect(connection.clientID == nil)
            #expect(try await connection.send("PING") == .text("PONG"))
            let id = try await connection.send("CLIENT", "ID").integer
            #expect(connection.clientID == id)
            #expect(try await connection.send("CLIENT", "GETNAME") == .text("jobrunner"))
            #expect(connection.endpoint == endpoint)
        }
    }

    private var hasIPv6: Bool {
        let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_addr.__in6_u.__u6_addr8.15 = 1
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }

    @Test func `logs in as the user, with the password, to the database`() async throws {
        let redis = try RedisServer.start()
        let admin = try redis.connect()
        let acl = ["ACL", "SETUSER", "ann", "on", ">p w\0ü", "~*", "+@all", "-acl"]
        #expect(try await admin.send(Command(acl)) == .ok)
        let ann = try redis.connect {
            $0.user = "ann"
            $0.password = "p w\0ü"
            $0.database = 5
            $0.name = "ann-1"
        }
        #expect(await ann.error("ACL", "WHOAMI")?.code == .NOPERM)
        #expect(try await ann.send("SET", "k", "v") == .ok)
        #expect(try await admin.send("GET", "k") == .null)
        #expect(try await admin.send("SELECT", "5") == .ok)
        #expect(try await admin.send("GET", "k") == .text("v"))
        let info = try await ann.send("CLIENT", "LIST").text
        #expect(info?.contains("name=ann-1") == true)
        #expect(info?.contains("user=ann") == true)
    }

    @Test func `a wrong password is told to all who wait, and the right one then works`()
        async throws
    {
        let redis = try RedisServer.start(arguments: ["--requirepass", "old"])
        let admin = try redis.connect { $0.password = "old" }
        let client = try redis.connect { $0.password = "new" }
        await withTaskGroup(of: RedisError?.self) { group in
            for _ in 0..<50 { group.addTask { await client.error("GET", "k") } }
            for await error in group {
                #expect(error?.code == .WRONGPASS)
                #expect(error?.isOutcomeUnknown == false)
                #expect(error?.isTransient == false)
                #expect(error?.description.contains("check user name and password") == true)
            }
        }
        #expect(try await admin.send("CONFIG", "SET", "requirepass", "new") == .ok)
        #expect(try await client.send("PING") == .text("PONG"))
        // Who is in stays in; who comes back with the old one does not get in.
        #expect(try await admin.send("PING") == .text("PONG"))
        let id = String(try #require(admin.clientID))
        #expect(try await client.send("CLIENT", "KILL", "ID", id) == .integer(1))
        #expect(await eventually { admin.clientID == nil })
        #expect(await admin.error("PING")?.code == .WRONGPASS)
    }

    @Test func `logins that are refused say why`() async throws {
        let open = try RedisServer.start()
        let locked = try RedisServer.start(arguments: ["--requirepass", "x"])
        #expect(openError(locked.unix)?.code == .NOAUTH)
        #expect(openError(locked.unix)?.description.contains("redis://:password@host") == true)
        #expect(openError(locked.unix) { $0.password = "" }?.code == .WRONGPASS)
        let nobody = openError(locked.unix) {
            $0.user = "nobody"
            $0.password = "x"
        }
        #expect(nobody?.code == .WRONGPASS)
        let needless = openError(open.unix) { $0.password = "canary-secret" }
        #expect(needless?.description.contains("without any password configured") == true)
        #expect(
            openError(open.unix) { $0.database = 16 }?.description == "ERR DB index is out of range"
        )
        #expect(openError(open.unix) { $0.database = -1 }?.code == .ERR)
    }

    @Test func `no error, description or dump holds the password`() async throws {
        let secret = "canary-hunter2"
        let change: (inout ConnectionOptions) -> Void = {
            $0.user = "ann"
            $0.password = secret
        }
        let locked = try RedisServer.start(arguments: ["--requirepass", "x"])
        // Such a server quotes the words of what it does not know.
        let without = try RedisServer.start(arguments: ["--rename-command", "AUTH", ""])
        let parrot = HostileServer(
            saying: Array("-ERR no \(secret)!\r\n+OK\r\n:1\r\n+PONG\r\n".utf8))
        let closing = HostileServer { $0.send("-ERR max number of clients reached\r\n") }
        let endpoints = [locked.unix, without.unix, parrot.endpoint, closing.endpoint]
        for endpoint in endpoints + [.unix(path: "/no/such")] {
            let error = try #require(openError(endpoint, change))
            var text = "\(error) \(String(reflecting: error))"
            dump(error, to: &text)
            #expect(!text.contains("hunter2"), "\(text)")
        }
        #expect(
            openError(without.unix, change)?.description == "ERR the server does not take AUTH")
        var options = ConnectionOptions()
        change(&options)
        let connection = try Connection(to: locked.unix, options: options)
        let url = try RedisURL("redis://ann:\(secret)@127.0.0.1:1")
        let router = try RedisRouter(url, options: ConnectionOptions())
        var text = "\(options) \(connection) \(router) \(String(reflecting: options))"
        dump(options, to: &text)
        dump(connection, to: &text)
        dump(router, to: &text)
        dump(await connection.error("GET", "k"), to: &text)
        #expect(!text.contains("hunter2"))
        #expect(text.contains("database 0, client 'jobrunner'"))
    }

    @Test func `what is not there is unreachable, with the address and the reason`() async throws {
        let table: [(Endpoint, String)] = [
            (
                .unix(path: "/no/such/socket"),
                "cannot reach Redis at unix:/no/such/socket: No such file"
            ),
            (
                .unix(path: String(repeating: "x", count: 108)),
                "a unix socket has at most 107 bytes"
            ),
            (.unix(path: "/dev/null"), "unix:/dev/null: Connection refused"),
            (.tcp(host: "127.0.0.1", port: 1), "127.0.0.1:1: Connection refused"),
            (
                .tcp(host: "no-such-host.invalid", port: 1),
                "cannot reach Redis at no-such-host.invalid:1"
            ),
        ]
        for (endpoint, reason) in table {
            let error = openError(endpoint)
            #expect(error?.isUnreachable == true)
            #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
            // The same for a call, which tries until its time is over.
            let connection = try Connection(to: endpoint, options: ConnectionOptions())
            let late = await connection.error("PING", timeout: .milliseconds(80))
            #expect(late?.isUnreachable == true)
            #expect(late?.isOutcomeUnknown == false)
            #expect(late?.isTransient == true)
            #expect(late?.description.contains(reason) == true, "\(String(describing: late))")
        }
    }

    @Test func `tells of every failed try, with a wait that is bounded`() async throws {
        let log = EventLog()
        var options = ConnectionOptions()
        options.onEvent = log.record
        let connection = try Connection(to: .unix(path: "/no/such"), options: options)
        let call = Task { await connection.error("PING", timeout: .seconds(30)) }
        for turn in 0..<4 {
            guard case .failed(_, let error, let wait) = await log.first({ _ in true }) else {
                Issue.record("another event")
                return
            }
            #expect(error.isUnreachable)
            #expect(wait >= .milliseconds(1) && wait <= .milliseconds(50 << turn))
        }
        connection.close()
        #expect(await call.value == .stopped)
        #expect(await connection.error("PING") == .stopped)
    }

    @Test func `goes on by itself when the server comes`() async throws {
        let redis = try RedisServer.start()
        redis.kill()
        let log = EventLog()
        let connection = try redis.connect { $0.onEvent = log.record }
        let call = Task { try await connection.send("ECHO", "x", timeout: .seconds(60)) }
        _ = await log.first { if case .failed = $0 { true } else { false } }
        try redis.restart()
        #expect(try await call.value == .text("x"))
        #expect(await log.first { if case .connected = $0 { true } else { false } } != nil)
    }

    @Test func `a TCP socket finds a dead peer in ten seconds and sends at once`() throws {
        let redis = try RedisServer.start(withPort: true)
        let endpoint = Endpoint.tcp(host: "127.0.0.1", port: try #require(redis.port))
        let socket = try Socket.connect(
            to: endpoint, deadline: monotonicDeadline(after: .seconds(5)))
        defer { socket.close() }
        func value(_ level: Int32, _ option: Int32) -> Int32 {
            var value: Int32 = -1
            var size = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(socket.descriptor, level, option, &value, &size)
            return value
        }
        #expect(value(SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(value(Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
        #expect(value(Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 5)
        #expect(value(Int32(IPPROTO_TCP), TCP_KEEPINTVL) == 2)
        #expect(value(Int32(IPPROTO_TCP), TCP_KEEPCNT) == 3)
        #expect(value(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 10_000)
        #expect(fcntl(socket.descriptor, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(socket.descriptor, F_GETFL) & O_NONBLOCK != 0)
    }

    @Test func `loads its scripts before the first call`() async throws {
        let redis = try RedisServer.start()
        let scripts = (0..<20).map { number in
            Script(name: "s\(number)", source: Array("return \(number)".utf8))
        }
        let connection = try redis.connect { $0.scripts = scripts }
        for (number, script) in scripts.enumerated() {
            let call = Command("EVALSHA", script.digest, "0")
            #expect(try await connection.send(call) == .integer(number))
        }
    }

    @Test func `timeouts without end and without a beginning are fine`() async throws {
        let redis = try RedisServer.shared
        let connection = try redis.connect {
            $0.connectTimeout = .seconds(Int64.max)
            $0.commandTimeout = .seconds(Int64.max)
        }
        #expect(try await connection.send("PING") == .text("PONG"))
        #expect(await connection.error("PING", timeout: .zero)?.isUnreachable == true)
        #expect(await connection.error("PING", timeout: .seconds(-1))?.isUnreachable == true)
        // Those two were never sent, so the connection is still the same.
        #expect(try await connection.send("PING", timeout: .seconds(Int64.max)) == .text("PONG"))
    }
}
