internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file or standard input that is read bit by bit.
///
/// Blocks its thread: not for a task. Read by one thread at a time.
final class InputFile: Sendable {
    enum Chunk: Equatable {
        case bytes(Int)
        case end
        /// Nothing to read yet; only when the caller would not wait.
        case nothing
        case interrupted
    }

    /// For messages: the path as given, or `stdin`.
    let name: String
    /// Bytes of a regular file; nil where that is not known.
    let size: Int?
    private let descriptor: Int32
    private let isOwned: Bool

    /// - Parameters:
    ///   - path: `-` is standard input.
    /// - Throws: Exit code 65 when it cannot be opened.
    init(_ path: String, standardInput: Int32) throws(CommandFailure) {
        if path == "-" {
            name = "stdin"
            descriptor = standardInput
            isOwned = false
        } else {
            name = escaped(path)
            descriptor = open(path, O_RDONLY | O_CLOEXEC)
            isOwned = true
        }
        var status = stat()
        let isRegular =
            descriptor >= 0 && fstat(descriptor, &status) == 0
            && status.st_mode & S_IFMT == S_IFREG
        size = isRegular ? Int(status.st_size) : nil
        guard descriptor >= 0 else { throw Self.failure(name) }
    }

    deinit {
        if isOwned, descriptor >= 0 { close(descriptor) }
    }

    /// Reads into `buffer`.
    ///
    /// - Parameters:
    ///   - waits: Whether to wait until there is something.
    ///   - interrupts: Ends the wait.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, waits: Bool, interrupts: Interrupts?
    ) throws(CommandFailure) -> Chunk {
        while true {
            if let interrupts, interrupts.isRequested { return .interrupted }
            if size == nil {
                var entries = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
                if let interrupts {
                    entries.append(
                        pollfd(fd: interrupts.descriptor, events: Int16(POLLIN), revents: 0))
                }
                let ready = poll(&entries, nfds_t(entries.count), waits ? -1 : 0)
                if ready == 0 { return .nothing }
                if ready < 0 || entries[0].revents == 0 { continue }
            }
            let count = systemRead(descriptor, buffer)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            guard errno == EINTR || errno == EAGAIN else { throw Self.failure(name) }
        }
    }

    /// All of it, at most `limit` bytes.
    ///
    /// - Returns: Nil when there is more; then one byte more than `limit` was read.
    func readAll(limit: Int) throws(CommandFailure) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit + 1, 65_536))
        while bytes.count <= limit {
            let most = min(chunk.count, limit + 1 - bytes.count)
            guard case .bytes(let count) = try read(into: &chunk, most: most) else { return bytes }
            bytes += chunk[..<count]
        }
        return nil
    }

    private func read(into chunk: inout [UInt8], most: Int) throws(CommandFailure) -> Chunk {
        try chunk.withUnsafeMutableBufferPointer { (buffer) throws(CommandFailure) in
            try read(
                into: UnsafeMutableRawBufferPointer(
                    UnsafeMutableBufferPointer(rebasing: buffer[..<most])),
                waits: true, interrupts: nil)
        }
    }

    private static func failure(_ name: String) -> CommandFailure {
        CommandFailure("cannot read '\(name)': \(errorText(errno))", exit: .data)
    }
}

// Outside the type, where `read` means the system's.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    read(descriptor, buffer.baseAddress, buffer.count)
}
