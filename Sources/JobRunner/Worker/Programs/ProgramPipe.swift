import CSpawn

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// A file descriptor with one owner, closed when that lets go of it.
struct ProgramDescriptor: ~Copyable, Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// What a read brought.
    enum Reading: Equatable {
        case bytes(Int)
        /// Nothing now; poll.
        case later
        /// The end, or an error, which nothing can be done about either.
        case end
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Reading {
        while true {
            #if canImport(Darwin)
                let count = Darwin.read(number, buffer.baseAddress, buffer.count)
            #else
                let count = Glibc.read(number, buffer.baseAddress, buffer.count)
            #endif
            if count > 0 { return .bytes(count) }
            if count == 0 { return .end }
            if errno == EAGAIN { return .later }
            if errno != EINTR { return .end }
        }
    }

    /// Writes what fits now.
    ///
    /// - Returns: How many bytes; nil when nobody reads any more.
    func write(_ bytes: ArraySlice<UInt8>) -> Int? {
        while true {
            let count = bytes.withUnsafeBytes { buffer in
                #if canImport(Darwin)
                    Darwin.write(number, buffer.baseAddress, buffer.count)
                #else
                    Glibc.write(number, buffer.baseAddress, buffer.count)
                #endif
            }
            if count >= 0 { return count }
            if errno == EAGAIN { return 0 }
            if errno != EINTR { return nil }
        }
    }
}

/// A pipe that no other program inherits.
struct ProgramPipe: ~Copyable, Sendable {
    let read: ProgramDescriptor
    let write: ProgramDescriptor

    /// Which end stays in this process, and so must never block it.
    enum Kept { case read, write, both }

    /// - Throws: `ProgramError.outOfDescriptors`, as the reason why `path` cannot start.
    init(keeping kept: Kept, for path: String) throws(ProgramError) {
        var ends: [Int32] = [-1, -1]
        let failure = jr_pipe(&ends)
        guard failure == 0 else { throw .starting(path, errno: failure) }
        read = ProgramDescriptor(ends[0])
        write = ProgramDescriptor(ends[1])
        if kept != .write { jr_set_nonblocking(ends[0]) }
        if kept != .read { jr_set_nonblocking(ends[1]) }
    }
}
