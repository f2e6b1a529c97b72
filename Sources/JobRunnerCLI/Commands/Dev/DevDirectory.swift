internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Where `dev` keeps its data: one `dev` at a time.
struct DevDirectory: Sendable {
    /// Absolute.
    let path: String
    /// As the user named it, for messages.
    let name: String
    /// Locked for as long as anything has it open.
    let lock: Int32
    let socket: String
    /// The directory of the socket, when its path would be too long in `path`.
    let temporary: String?

    var workerLog: String { path + "/worker.log" }
    var redisLog: String { path + "/redis.log" }
    var url: String { "unix://" + Self.encoded(socket) }

    /// Bytes of a socket's path: 108 on Linux, 104 on macOS, both with a final zero.
    private static let longestSocket = 100

    /// Makes it if need be, locks it, and puts the logs of the last run aside.
    static func open(_ name: String) async throws(CommandFailure) -> DevDirectory {
        if mkdir(name, 0o700) != 0, errno != EEXIST { throw failure("make", name) }
        guard let resolved = realpath(name, nil) else { throw failure("find", name) }
        defer { free(resolved) }
        let path = String(cString: resolved)
        let lock = try await lock(path, name)
        for log in ["worker.log", "redis.log"] {
            rename("\(path)/\(log)", "\(path)/\(log).1")
        }
        let socket = path + "/redis.sock"
        if socket.utf8.count <= longestSocket {
            return DevDirectory(path: path, name: name, lock: lock, socket: socket, temporary: nil)
        }
        // A socket's path has 108 bytes at most, and /tmp is short wherever the project is; mkdtemp
        // makes a new directory that only this user may enter.
        var template = Array("/tmp/jobrunner-dev-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw failure("make", "/tmp/jobrunner-dev-XXXXXX") }
        let temporary = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        return DevDirectory(
            path: path, name: name, lock: lock, socket: temporary + "/redis.sock",
            temporary: temporary)
    }

    /// A new file to write a child's log to, closed for other children.
    func create(_ log: String) throws(CommandFailure) -> Int32 {
        let descriptor = systemOpen(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("write", log) }
        return descriptor
    }

    /// - Throws: Exit code 75 when another `dev` has it.
    private static func lock(_ path: String, _ name: String) async throws(CommandFailure) -> Int32 {
        let file = path + "/dev.lock"
        let descriptor = systemOpen(file, O_RDWR | O_CREAT | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("write", file) }
        var tries = 0
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let owner = ((try? SystemFile.read(file)) ?? "").prefix { $0.isASCII && $0.isNumber }
            let pid = pid_t(owner) ?? 0
            // One that was killed still holds it until its children are gone.
            let isAlive = pid > 0 && (kill(pid, 0) == 0 || errno == EPERM)
            tries += 1
            if !isAlive, tries < 200 {
                // A lock that another process holds has no event but a call that blocks.
                try? await Task.sleep(for: .milliseconds(100))
                continue
            }
            close(descriptor)
            throw CommandFailure(
                "another 'jobrunner dev' runs here (pid \(owner.isEmpty ? "unknown" : owner))",
                hint: "Stop it, or give this one a directory of its own with --directory.",
                exit: .temporary)
        }
        ftruncate(descriptor, 0)
        SystemFile.write("\(getpid())\n", to: descriptor)
        return descriptor
    }

    private static func failure(_ verb: String, _ path: String) -> CommandFailure {
        CommandFailure(
            "cannot \(verb) '\(escaped(path))': \(errorText(errno))", exit: .configuration)
    }

    /// With percent codes for what is not plain in a URL.
    private static func encoded(_ path: String) -> String {
        path.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "-"):
                return String(Character(Unicode.Scalar(byte)))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                return "%" + (hex.utf8.count == 1 ? "0" : "") + hex
            }
        }.joined()
    }
}

// Outside the type, where `open` means the system's.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 {
    open(path, flags, 0o600)
}
