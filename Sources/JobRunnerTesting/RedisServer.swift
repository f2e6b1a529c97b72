import Synchronization

/// A private `redis-server` for tests: its own directory, its own socket, nothing kept on disk.
///
///     let redis = try RedisServer.shared
///     let jobs = try await JobClient(url: redis.url)
///
/// Tests that break the server start one of their own with ``start(arguments:withPort:in:)``.
///
/// Whatever ends the process that started it, `SIGKILL` included, ends the server and removes its
/// directory: a shell holds the reading end of a pipe, and the end of that pipe is its order to do
/// both. `PR_SET_PDEATHSIG` would not do: it fires when the *thread* that started the child ends,
/// and threads of a pool come and go; nor does it exist outside Linux.
public final class RedisServer: Sendable {
    /// One server for all tests of this process, started when it is first asked for.
    ///
    /// Tests run side by side on it, so each keeps to a key prefix or a queue of its own.
    public static var shared: RedisServer {
        get throws { try started.get() }
    }

    private static let started = Result { try RedisServer.start() }

    /// Whether `redis-server` is installed; what a suite asks with `.enabled(if:)`.
    public static var isAvailable: Bool { RedisServerProcess.find("redis-server") != nil }

    /// The address of its Unix socket, `unix:///tmp/jobrunner-AbCdEf/redis.sock`.
    public var url: String { "unix://" + socketPath }

    /// The path of its Unix socket.
    public var socketPath: String { directory + "/redis.sock" }

    /// The file it logs to; gone with the server.
    public var logPath: String { directory + "/redis.log" }

    /// Its directory, open to this user only; where an append-only file would be.
    public let directory: String

    /// The TCP port on `127.0.0.1`, when one was asked for.
    public let port: Int?

    private let command: [String]
    private let lifeline: RedisServerLifeline
    private let running = Mutex<RedisServerProcess?>(nil)

    private init(
        directory: String, port: Int?, command: [String], lifeline: RedisServerLifeline
    ) {
        self.directory = directory
        self.port = port
        self.command = command
        self.lifeline = lifeline
    }

    deinit { stop() }

    /// Starts a server and returns when it answers.
    ///
    /// - Parameters:
    ///   - arguments: settings of `redis-server`, such as `["--appendonly", "yes"]`; they go last,
    ///     so they win over `--save "" --appendonly no`.
    ///   - withPort: also listen on a free port of `127.0.0.1`.
    ///   - parent: where its directory is made. Short: a socket's path has about 100 bytes.
    public static func start(
        arguments: [String] = [], withPort: Bool = false, in parent: String = "/tmp"
    ) throws(RedisServerError) -> RedisServer {
        guard let executable = RedisServerProcess.find("redis-server") else { throw .notInstalled }
        // Another process can take the port between our look and the server's bind: look again.
        var attempts = withPort ? 5 : 1
        while true {
            attempts -= 1
            let port = withPort ? try RedisServerProbe.freePort() : nil
            let directory = try RedisServerProcess.makeDirectory(in: parent)
            let command = [
                executable, "--port", "\(port ?? 0)", "--bind", "127.0.0.1",
                "--unixsocket", directory + "/redis.sock", "--unixsocketperm", "600",
                "--dir", directory, "--logfile", directory + "/redis.log",
                "--save", "", "--appendonly", "no", "--daemonize", "no",
            ]
            let server = RedisServer(
                directory: directory, port: port, command: command + arguments,
                lifeline: try RedisServerLifeline(directory: directory))
            do throws(RedisServerError) {
                try server.restart()
                return server
            } catch {
                guard attempts > 0 else { throw error }
            }
        }
    }

    /// Ends it with `SIGKILL` and removes its directory, for good.
    public func stop() {
        kill()
        lifeline.end()
    }

    /// Ends it with `SIGKILL`, as a crash would, and returns when it is gone; its files stay.
    public func kill() {
        running.withLock { process in
            process?.kill()
            process = nil
            lifeline.watch(nil)
        }
    }

    /// Starts it again, killed first if it runs, on the same socket, port and files.
    public func restart() throws(RedisServerError) {
        kill()
        try running.withLock { process throws(RedisServerError) in
            let new = try RedisServerProcess(command)
            lifeline.watch(new)
            do throws(RedisServerError) {
                try RedisServerProbe.wait(for: new, socket: socketPath, seconds: 20)
                process = new
            } catch {
                new.kill()
                lifeline.watch(nil)
                throw error.adding(log: RedisServerProbe.tail(of: logPath))
            }
        }
    }

    /// Stops it in its tracks (`SIGSTOP`): connections stay open and nothing answers.
    public func pause() {
        running.withLock { $0?.pause() }
    }

    /// Lets it go on after ``pause()``.
    public func resume() {
        running.withLock { $0?.resume() }
    }
}
