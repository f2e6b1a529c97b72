#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A child process: spawned, signalled, reaped.
///
/// Its standard output and error are a pipe that this process reads: what it says before it logs
/// to a file, and the end of the pipe when it ends.
struct RedisServerProcess: Sendable {
    let pid: pid_t
    let output: Int32

    /// Spawns `command`; its standard input is `input`, or empty.
    init(_ command: [String], input: Int32? = nil) throws(RedisServerError) {
        let pipe = try Self.pipe()
        defer { close(pipe.write) }

        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, pipe.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, pipe.write, STDERR_FILENO)

        // A group of its own, so that Ctrl-C in the terminal reaches the tests and not the child;
        // no signal blocked or ignored, whatever this process does with its own.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        #if canImport(Darwin)
            flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
        #endif
        posix_spawnattr_setflags(&attributes, Int16(flags))

        // Nothing of this process's environment: a server behaves the same in everybody's tests.
        let arguments = command.map { strdup($0) as UnsafeMutablePointer<CChar>? } + [nil]
        let environment = [strdup("PATH=/usr/bin:/bin"), strdup("LC_ALL=C"), nil]
        defer { for string in arguments + environment { free(string) } }

        var child: pid_t = 0
        let failure = posix_spawn(
            &child, command[0], &actions, &attributes, arguments, environment)
        guard failure == 0 else {
            close(pipe.read)
            throw .system(call: "posix_spawn \(command[0])", reason: Self.text(failure))
        }
        pid = child
        output = pipe.read
    }

    /// Stops it where it is.
    func pause() { send(SIGSTOP) }

    /// Lets it go on.
    func resume() { send(SIGCONT) }

    /// Ends it and returns when it is reaped.
    ///
    /// Call once: afterwards the id may be another's.
    func kill() {
        send(SIGKILL)
        wait()
    }

    /// Returns when it has ended by itself and is reaped; once, like ``kill()``.
    func wait() {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1 && errno == EINTR {}
        close(output)
    }

    /// The path of an executable that `PATH` has.
    static func find(_ name: String) -> String? {
        guard let list = getenv("PATH") else { return nil }
        return String(cString: list).split(separator: ":")
            .map { "\($0)/\(name)" }
            .first { access($0, X_OK) == 0 }
    }

    /// Makes a new directory that only this user may enter.
    static func makeDirectory(in parent: String) throws(RedisServerError) -> String {
        var template = Array((parent + "/jobrunner-XXXXXX").utf8CString)
        // An address holds 108 bytes on Linux, 104 on macOS; this is with the final zero.
        guard template.count + "/redis.sock".utf8.count <= 100 else { throw .pathTooLong(parent) }
        guard mkdtemp(&template) != nil else {
            throw .system(call: "mkdtemp in \(parent)", reason: text(errno))
        }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// A pipe that no other child inherits.
    ///
    /// A pair of sockets, since those are made so in one step; `pipe2` is not in Swift's Glibc.
    static func pipe() throws(RedisServerError) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        let failed = socketpair(AF_UNIX, RedisServerProbe.stream, 0, &ends) != 0
        guard !failed else { throw .system(call: "socketpair", reason: text(errno)) }
        #if canImport(Darwin)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        #endif
        return (ends[0], ends[1])
    }

    /// What the system calls an error number.
    static func text(_ number: Int32) -> String { String(cString: strerror(number)) }

    private func send(_ signal: Int32) {
        #if canImport(Darwin)
            _ = Darwin.kill(pid, signal)
        #else
            _ = Glibc.kill(pid, signal)
        #endif
    }
}
