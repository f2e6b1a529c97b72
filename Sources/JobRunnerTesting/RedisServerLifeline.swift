import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The shell that outlives this process for a moment, to end the server and remove its directory.
///
/// It is started before the server and reads a pipe: each line is the id of the server to end, an
/// empty one means that there is none. When this process ends, however it ends, the kernel closes
/// the pipe, and that is the order.
final class RedisServerLifeline: Sendable {
    private static let script = """
        while read -r line; do server=$line; done
        if [ -n "$server" ]; then kill -KILL "$server"; fi
        rm -rf "$0"
        """

    private let shell: RedisServerProcess
    private let orders: Int32
    private let ended = Mutex(false)

    /// Starts the shell that will remove `directory`.
    init(directory: String) throws(RedisServerError) {
        let pipe = try RedisServerProcess.pipe()
        defer { close(pipe.read) }
        do {
            shell = try RedisServerProcess(
                ["/bin/sh", "-c", Self.script, directory], input: pipe.read)
        } catch {
            close(pipe.write)
            rmdir(directory)
            throw error
        }
        orders = pipe.write
    }

    /// Says which process to end; `nil`: none, the last was reaped and its id may be another's.
    func watch(_ process: RedisServerProcess?) {
        ended.withLock { ended in
            guard !ended else { return }
            let line = Array((process.map { "\($0.pid)" } ?? "").utf8) + [UInt8(ascii: "\n")]
            _ = write(orders, line, line.count)
        }
    }

    /// Gives the order and returns when it is carried out; the second time does nothing.
    func end() {
        ended.withLock { ended in
            guard !ended else { return }
            ended = true
            close(orders)
            shell.wait()
        }
    }
}
