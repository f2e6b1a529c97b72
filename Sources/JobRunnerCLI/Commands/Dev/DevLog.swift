internal import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A log that a child writes, read as it grows.
struct DevLog: ~Copyable {
    private let descriptor: Int32
    /// A line whose end is not written yet.
    private var partial: [UInt8] = []
    /// The last lines read.
    private(set) var last: [String] = []
    private static let kept = 200

    init(_ path: String) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The whole lines that are new; of a flood, the last of them.
    mutating func read() -> [String] {
        var lines: [String] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = systemRead(descriptor, &chunk)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for byte in chunk[..<count] {
                if byte == UInt8(ascii: "\n") {
                    lines.append(String(decoding: partial, as: UTF8.self))
                    partial.removeAll(keepingCapacity: true)
                } else {
                    partial.append(byte)
                }
            }
        }
        last = Array((last + lines).suffix(Self.kept))
        return lines
    }

    /// The end of a log, for a message; no more than 4 KB of it are looked at.
    static func tail(of path: String, lines: Int) -> [String] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        let start = lseek(descriptor, max(0, size - 4096), SEEK_SET)
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = systemRead(descriptor, &chunk)
        let text = String(decoding: chunk.prefix(max(0, count)), as: UTF8.self)
        let whole = text.split(separator: "\n").map(String.init)
        return Array(whole.dropFirst(start > 0 ? 1 : 0).suffix(lines))
    }
}

// Outside the type, where `read` means the system's.
private func systemRead(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int {
    read(descriptor, &buffer, buffer.count)
}
