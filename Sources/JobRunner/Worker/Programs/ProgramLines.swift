/// Cuts a stream of bytes into lines of bounded length.
struct ProgramLines {
    /// Longest line kept, in bytes; the rest up to the line break is dropped.
    static let longest = 8192

    private var line: [UInt8] = []
    private var isCut = false

    /// The last line that was not blank, for the text of an error.
    private(set) var last: String?

    /// Takes the next bytes and hands every line they complete to `body`.
    mutating func append(
        _ bytes: some Collection<UInt8>, _ body: (_ text: String, _ isCut: Bool) -> Void
    ) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            let piece = rest[..<(end ?? rest.endIndex)]
            let room = Self.longest - line.count
            line.append(contentsOf: piece.prefix(room))
            isCut = isCut || piece.count > room
            guard let end else { return }
            finish(body)
            rest = rest[rest.index(after: end)...]
        }
    }

    /// Hands on a last line that had no line break.
    mutating func close(_ body: (_ text: String, _ isCut: Bool) -> Void) {
        if !line.isEmpty { finish(body) }
    }

    private mutating func finish(_ body: (_ text: String, _ isCut: Bool) -> Void) {
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        let text = String(decoding: line, as: UTF8.self)
        body(text, isCut)
        if !text.allSatisfy(\.isWhitespace) { last = text }
        line.removeAll(keepingCapacity: true)
        isCut = false
    }
}
