#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The lines of a file, one at a time, in bounded memory.
struct LineReader {
    enum Event: Equatable {
        /// Without its line feed.
        case line([UInt8])
        /// Longer than the limit; it was read past and not kept.
        case tooLong(bytes: Int)
        /// The next line is not there yet.
        case pause
        case end
        case interrupted
    }

    /// Of the line that came last, from 1.
    private(set) var number = 0
    /// Bytes of all lines that came.
    private(set) var consumed = 0

    private let file: InputFile
    private let limit: Int
    private let interrupts: Interrupts
    private var chunk = [UInt8](repeating: 0, count: 65_536)
    private var unread = 0..<0
    /// The beginning of a line that goes on behind `unread`.
    private var partial: [UInt8] = []
    private var partialBytes = 0

    init(_ file: InputFile, limit: Int, interrupts: Interrupts) {
        self.file = file
        self.limit = limit
        self.interrupts = interrupts
    }

    /// - Parameter waits: Whether to wait for more; else `pause` says that there is none yet.
    mutating func next(waits: Bool) throws(CommandFailure) -> Event {
        while true {
            if let length = lengthToLineFeed() {
                take(length)
                unread = unread.lowerBound + 1..<unread.upperBound
                return finish(lineFeed: 1)
            }
            take(unread.count)
            switch try fill(waits: waits) {
            case .bytes(let count): unread = 0..<count
            case .end: return partialBytes > 0 ? finish(lineFeed: 0) : .end
            case .nothing: return .pause
            case .interrupted: return .interrupted
            }
        }
    }

    private mutating func fill(waits: Bool) throws(CommandFailure) -> InputFile.Chunk {
        let (file, interrupts) = (file, interrupts)
        return try chunk.withUnsafeMutableBufferPointer { (buffer) throws(CommandFailure) in
            try file.read(
                into: UnsafeMutableRawBufferPointer(buffer), waits: waits, interrupts: interrupts)
        }
    }

    private func lengthToLineFeed() -> Int? {
        chunk.withUnsafeBytes { buffer in
            let rest = UnsafeRawBufferPointer(rebasing: buffer[unread])
            guard let start = rest.baseAddress, let found = memchr(start, 10, rest.count) else {
                return nil
            }
            return UnsafeRawPointer(found) - start
        }
    }

    /// Moves bytes of the line from `unread` to `partial`.
    private mutating func take(_ count: Int) {
        let bytes = unread.prefix(count)
        if partialBytes + count <= limit { partial += chunk[bytes] }
        partialBytes += count
        unread = bytes.upperBound..<unread.upperBound
    }

    private mutating func finish(lineFeed: Int) -> Event {
        defer {
            partial.removeAll(keepingCapacity: true)
            partialBytes = 0
        }
        number += 1
        consumed += partialBytes + lineFeed
        return partialBytes > limit ? .tooLong(bytes: partialBytes) : .line(partial)
    }
}
