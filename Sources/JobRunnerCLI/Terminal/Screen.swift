#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The terminal, or what stands in for it, that a command redraws.
enum Screen {
    /// A screen of its own, so that what was there comes back; without a cursor.
    static let enter = "\u{1B}[?1049h\u{1B}[?25l"
    static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    static var isTerminal: Bool { isatty(1) == 1 }

    /// Lines of the terminal; nil when it does not say.
    static var rows: Int? {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0 else { return nil }
        return Int(size.ws_row)
    }

    /// What puts the lines on a screen that shows others: no flicker, nothing left over.
    ///
    /// - Parameter rows: Lines of the terminal; what is over that would scroll.
    static func frame(_ lines: [String], rows: Int) -> String {
        let shown =
            lines.count <= rows
            ? lines : lines.prefix(max(0, rows - 1)) + ["… \(lines.count - rows + 1) more lines"]
        return "\u{1B}[H" + shown.map { $0 + "\u{1B}[K" }.joined(separator: "\n") + "\u{1B}[J"
    }

    /// Writes to standard output.
    ///
    /// - Returns: False when nobody reads it any more.
    static func write(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { platformWrite(1, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

// Outside the type, where `write` means the system's.
private func platformWrite(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
    write(descriptor, buffer.baseAddress, buffer.count)
}
