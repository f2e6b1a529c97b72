#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The few system calls that the command line needs of its own.
enum SystemFile {
    /// Reads a small text file.
    ///
    /// - Throws: With exit code 78 when it cannot be opened, is over 1 MiB, or is not UTF-8.
    static func read(_ path: String) throws(CommandFailure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = chunk.withUnsafeMutableBytes { buffer in
                platformRead(descriptor, buffer)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path, reason: String(cString: strerror(errno))) }
            if count == 0 { break }
            bytes += chunk[..<count]
            // A device or a log given by mistake must not fill the memory.
            guard bytes.count <= 1 << 20 else { throw failure(path, reason: "over 1 MiB") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw failure(path, reason: "not UTF-8 text")
        }
        return text
    }

    /// Opens `/dev/null` for standard streams that were closed: else the first sockets would take
    /// their numbers, and get what is meant for a log.
    static func fillStandardStreams() {
        for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
            // Gets the lowest free number, which is this one: those below it are open.
            _ = open("/dev/null", O_RDWR)
        }
    }

    /// Writes all of `text`; a reader that went away, or a full disk, ends it silently.
    static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { platformWrite(descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func failure(_ path: String, reason: String) -> CommandFailure {
        CommandFailure("cannot read '\(escaped(path))': \(reason)", exit: .configuration)
    }
}

// Outside the type, where `read` and `write` mean the system's.
private func platformRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}

private func platformWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
    write(descriptor, buffer.baseAddress, buffer.count)
}
