import JobRunnerTesting
import Testing

@testable import RedisLink

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@Suite("Server errors", .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct ServerErrorTests {
    @Test(arguments: ServerError.Code.allCases)
    func `every word is read, and says what to do where the server does not`(
        code: ServerError.Code
    ) {
        let error = ServerError("\(code.rawValue) of the server")
        #expect(error.code == code)
        #expect(error.message == "\(code.rawValue) of the server")
        #expect(error.description.hasPrefix("\(code.rawValue) of the server"))
        let isSilent: Set<ServerError.Code> = [
            .ERR, .NOSCRIPT, .TRYAGAIN, .UNBLOCKED, .EXECABORT, .NOPROTO, .other,
        ]
        #expect(code.advice.isEmpty == isSilent.contains(code))
        #expect(code.advice.isEmpty || code.advice.hasSuffix("."))
        #expect(ServerError(code.rawValue).code == code)
        #expect(ServerError(code.rawValue + "X of").code == .other)
        #expect(ServerError(code.rawValue.lowercased() + " of").code == .other)
    }

    @Test func `the text is cut by bytes and shown without what a terminal acts on`() {
        let long = ServerError("OOM " + String(repeating: "x", count: 1000))
        #expect(long.code == .OOM)
        #expect(long.message.utf8.count == 300)
        // One Character of two megabytes.
        let marks = ServerError("ERR e" + String(repeating: "\u{301}", count: 1_000_000))
        #expect(marks.message.utf8.count <= 303)
        #expect(ServerError("").code == .other)
        let escapes = ServerError("ERR \u{1B}[2Jx\ny")
        #expect(escapes.description == "ERR \\u{1B}[2Jx\\ny")
        #expect(escapes.message == "ERR \u{1B}[2Jx\ny")
    }

    /// What a server with `arguments` answers to the last command.
    private func code(
        _ arguments: [String], _ commands: [String]...
    ) async throws -> ServerError.Code? {
        let redis = try RedisServer.start(arguments: arguments)
        let connection = try redis.connect()
        for command in commands.dropLast() { _ = try await connection.send(Command(command)) }
        do throws(RedisError) {
            _ = try await connection.send(Command(commands.last ?? []), timeout: .seconds(1))
            return nil
        } catch {
            #expect(error.isOutcomeUnknown == false)
            return error.code
        }
    }

    @Test func `servers in trouble answer with their word`() async throws {
        let set = ["SET", "k", "v"]
        let replica = ["--replicaof", "127.0.0.1 1"]
        let stale = replica + ["--replica-serve-stale-data", "no"]
        #expect(try await code(["--maxmemory", "1"], set) == .OOM)
        #expect(try await code(replica, set) == .READONLY)
        #expect(try await code(stale, ["GET", "k"]) == .MASTERDOWN)
        #expect(try await code(["--min-replicas-to-write", "1"], set) == .NOREPLICAS)
        #expect(try await code(["--cluster-enabled", "yes"], set) == .CLUSTERDOWN)
        let slots = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]
        #expect(
            try await code(["--cluster-enabled", "yes"], slots, ["MGET", "a", "b"]) == .CROSSSLOT)
    }

    @Test func `commands that are wrong are answered with their word`() async throws {
        let wrong = try await code([], ["LPUSH", "k", "v"], ["INCR", "k"])
        #expect(wrong == .WRONGTYPE)
        #expect(try await code([], ["HELLO", "9"]) == .NOPROTO)
        #expect(try await code([], ["NO-SUCH"]) == .ERR)
        #expect(try await code([], ["AUTH", "ann", "x"]) == .WRONGPASS)
        let redis = try RedisServer.start()
        let connection = try redis.connect()
        #expect(try await connection.send("MULTI") == .ok)
        #expect(await connection.error("NO-SUCH")?.code == .ERR)
        #expect(await connection.error("EXEC")?.code == .EXECABORT)
    }

    @Test func `a user without rights hears NOPERM`() async throws {
        let redis = try RedisServer.start()
        let admin = try redis.connect()
        let acl = ["ACL", "SETUSER", "low", "on", ">low", "~own:*", "+get", "-@dangerous"]
        #expect(try await admin.send(Command(acl)) == .ok)
        let low = try redis.connect {
            $0.user = "low"
            $0.password = "low"
            $0.scripts = [Script(name: "s", source: Array("return 1".utf8))]
        }
        // It may not even name itself or load scripts, and still works.
        #expect(try await low.send("GET", "own:k") == .null)
        #expect(await low.error("GET", "other:k")?.code == .NOPERM)
        #expect(await low.error("SET", "own:k", "v")?.code == .NOPERM)
    }

    @Test func `a script without an end makes the others hear BUSY`() async throws {
        let redis = try RedisServer.start(arguments: ["--busy-reply-threshold", "10"])
        let endless = try redis.connect()
        let other = try redis.connect()
        #expect(try await other.send("PING") == .text("PONG"))
        let call = Task {
            await endless.error("EVAL", "while true do end", "0", timeout: .seconds(60))
        }
        #expect(await eventually { await other.error("GET", "k")?.code == .BUSY })
        #expect(try await other.send("SCRIPT", "KILL") == .ok)
        #expect(await call.value?.code == .ERR)
    }

    @Test func `a server that cannot write its disk answers MISCONF`() async throws {
        let redis = try RedisServer.start(arguments: ["--save", "3600 1000000"])
        #expect(mkdir(redis.directory + "/dump.rdb", 0o700) == 0)
        let connection = try redis.connect()
        _ = await connection.error("BGSAVE")
        #expect(await eventually { await connection.error("SET", "k", "v")?.code == .MISCONF })
        rmdir(redis.directory + "/dump.rdb")
    }

    @Test func `a blocked call that is unblocked hears UNBLOCKED`() async throws {
        let redis = try RedisServer.start()
        let blocked = try redis.connect()
        let admin = try redis.connect()
        #expect(try await blocked.send("PING") == .text("PONG"))
        let call = Task { await blocked.error("BLPOP", "none", "0", timeout: .seconds(60)) }
        let id = String(try #require(blocked.clientID))
        #expect(
            try await eventually {
                try await admin.send("CLIENT", "UNBLOCK", id, "ERROR") == .integer(1)
            })
        #expect(await call.value?.code == .UNBLOCKED)
    }
}
