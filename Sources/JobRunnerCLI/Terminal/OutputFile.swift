internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A file that is there as a whole or not at all: written beside its place, then renamed.
///
/// Readable by this user only: what it holds came out of Redis.
final class OutputFile {
    private let path: String
    private let descriptor: Int32
    private var isDone = false

    private var part: String { path + ".part" }

    /// - Throws: Exit code 65 when it cannot be made.
    init(_ path: String) throws(CommandFailure) {
        self.path = path
        descriptor = open(path + ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(path) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if !isDone, descriptor >= 0 { unlink(part) }
    }

    func write(_ text: String) throws(CommandFailure) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Self.failure(path) }
            rest = rest.dropFirst(count)
        }
    }

    /// Puts it in its place; nothing may be written after that.
    func finish() throws(CommandFailure) {
        guard fsync(descriptor) == 0, rename(part, path) == 0 else { throw Self.failure(path) }
        isDone = true
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure("cannot write '\(escaped(path))': \(errorText(errno))", exit: .data)
    }
}

// Outside the type, where `write` means the system's.
private func systemWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
    write(descriptor, buffer.baseAddress, buffer.count)
}
