#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Finds out whether a server answers, with plain sockets: not by the library under test.
enum RedisServerProbe {
    #if canImport(Darwin)
        /// A stream socket that no child inherits, where the system can say so at once.
        static let stream = SOCK_STREAM
        private static let quietly: Int32 = 0
    #else
        /// A stream socket that no child inherits.
        static let stream = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        private static let quietly = Int32(MSG_NOSIGNAL)
    #endif

    /// Returns when the server at `path` answers; throws when it ended or the time is over.
    ///
    /// Between two tries it waits up to 5 ms on the output of the process, which ends with it.
    static func wait(
        for process: RedisServerProcess, socket path: String, seconds: Int
    ) throws(RedisServerError) {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var said: [UInt8] = []
        while !answers(path) {
            let text = String(decoding: said, as: UTF8.self)
            guard ContinuousClock.now < deadline else { throw .silent(text) }
            guard readable(process.output, milliseconds: 5) else { continue }
            let more = bytes(from: process.output)
            guard !more.isEmpty else { throw .ended(text) }
            said += more
        }
    }

    /// A TCP port of `127.0.0.1` that was free a moment ago.
    static func freePort() throws(RedisServerError) -> Int {
        let descriptor = socket(AF_INET, stream, 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) != 0 || getsockname(descriptor, $0, &length) != 0
            }
        }
        guard !failed else {
            throw .system(call: "bind 127.0.0.1", reason: RedisServerProcess.text(errno))
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// The last 4 KB of a file, or nothing.
    static func tail(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        lseek(descriptor, max(0, lseek(descriptor, 0, SEEK_END) - 4096), SEEK_SET)
        return String(decoding: bytes(from: descriptor), as: UTF8.self)
    }

    /// Whether a `PING` gets any answer but "still loading".
    private static func answers(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, stream, 0)
        defer { close(descriptor) }
        #if canImport(Darwin)
            var on: Int32 = 1
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, size)
        #endif
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        let ping = Array("PING\r\n".utf8)
        guard connected, send(descriptor, ping, ping.count, quietly) == ping.count,
            readable(descriptor, milliseconds: 1000)
        else { return false }
        let reply = bytes(from: descriptor)
        return !reply.isEmpty && !reply.starts(with: Array("-LOADING".utf8))
    }

    /// Whether there is something to read, or the end of it, within the time.
    private static func readable(_ descriptor: Int32, milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }

    /// What one `read` gives, at most 4 KB; empty at the end.
    private static func bytes(from descriptor: Int32) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        return Array(buffer.prefix(max(0, count)))
    }
}
