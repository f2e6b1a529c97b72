/// Walks JSON text once, byte by byte, and checks it against RFC 8259.
///
/// No recursion, no allocation, no tree: it answers where values stand. Open containers are bits
/// of one word, so that a million `[` cost no stack and stop at the depth limit.
///
/// Borrows the bytes: it must not outlive the closure that gave them.
struct JSONScanner {
    /// What a value is, by its first byte.
    enum Kind: Sendable { case object, array, string, number, word }

    /// A value and where it stands.
    struct Value {
        var kind: Kind
        /// The bytes of the value, with the quotes of a string.
        var range: Range<Int>
        /// Whether it is a string with a backslash in it.
        var isEscaped = false
    }

    /// A member of an object.
    struct Member {
        var key: Value
        var value: Value
        /// From the key's first quote to the value's last byte.
        var range: Range<Int> { key.range.lowerBound..<value.range.upperBound }
    }

    let base: UnsafePointer<UInt8>
    let end: Int
    /// The next byte to read.
    var at: Int
    /// Most containers open at once; at most 64.
    let maxDepth: Int

    /// Starts at the first byte of `range`, or of all the bytes.
    init(_ bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>? = nil, maxDepth: Int = 64) {
        // An empty array may have no address; then `end` is 0 and nothing is read.
        base = bytes.baseAddress ?? UnsafePointer(bitPattern: 1).unsafelyUnwrapped
        at = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
        precondition(0 <= at && at <= end && end <= bytes.count, "range outside the bytes")
        self.maxDepth = min(max(maxDepth, 1), 64)
    }

    /// The next byte; nil at the end.
    @inline(__always)
    var peek: UInt8? { at < end ? base[at] : nil }

    @inline(__always)
    mutating func skipWhitespace() {
        while at < end {
            let byte = base[at]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
            else { return }
            at += 1
        }
    }

    /// Reads the next member of an object whose `{` was read, or its `}` and returns nil.
    ///
    /// - Parameters:
    ///   - isFirst: Whether no member was read yet, so that no comma is due.
    ///   - depth: How many containers are open, this object included.
    @inline(__always)
    mutating func nextMember(isFirst: Bool, depth: Int) throws(EnvelopeError) -> Member? {
        skipWhitespace()
        if peek == UInt8(ascii: "}") {
            at += 1
            return nil
        }
        if !isFirst { try expect(UInt8(ascii: ","), "',' or '}'", in: .object) }
        let key = try key()
        let value = try value(depth: depth)
        return Member(key: key, value: value)
    }

    /// Reads the next element of an array whose `[` was read, or its `]` and returns nil.
    mutating func nextElement(isFirst: Bool, depth: Int) throws(EnvelopeError) -> Value? {
        skipWhitespace()
        if peek == UInt8(ascii: "]") {
            at += 1
            return nil
        }
        if !isFirst { try expect(UInt8(ascii: ","), "',' or ']'", in: .array) }
        return try value(depth: depth)
    }

    /// Reads one value and all that is inside it, and the white space before it.
    ///
    /// - Parameter depth: How many containers are open around it.
    mutating func value(depth outer: Int) throws(EnvelopeError) -> Value {
        skipWhitespace()
        let start = at
        guard let byte = peek else { throw .truncated(outer > 0 ? .object : .word, at: at) }
        switch byte {
        case UInt8(ascii: "\""):
            let isEscaped = try string()
            return Value(kind: .string, range: start..<at, isEscaped: isEscaped)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            try container(depth: outer)
            return Value(
                kind: byte == UInt8(ascii: "{") ? .object : .array, range: start..<at)
        default:
            let kind = try scalar(byte)
            return Value(kind: kind, range: start..<at)
        }
    }

    /// Reads a key and its colon.
    @inline(__always)
    private mutating func key() throws(EnvelopeError) -> Value {
        skipWhitespace()
        let start = at
        guard let byte = peek else { throw .truncated(.object, at: at) }
        guard byte == UInt8(ascii: "\"") else {
            throw .unexpected(at: at, byte: byte, expected: "a key in quotes")
        }
        let isEscaped = try string()
        let key = Value(kind: .string, range: start..<at, isEscaped: isEscaped)
        skipWhitespace()
        try expect(UInt8(ascii: ":"), "':'", in: .object)
        return key
    }

    /// Reads an array or object whose first byte is next.
    private mutating func container(depth outer: Int) throws(EnvelopeError) {
        var depth = outer
        // The lowest bit is the innermost container: 1 for an object.
        var objects: UInt64 = 0
        while true {
            // 1. A value is due.
            skipWhitespace()
            guard let byte = peek else {
                throw .truncated(objects & 1 == 1 ? .object : .array, at: at)
            }
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                guard depth < maxDepth else { throw .tooDeep(limit: maxDepth, at: at) }
                let isObject = byte == UInt8(ascii: "{")
                depth += 1
                objects = objects << 1 | (isObject ? 1 : 0)
                at += 1
                skipWhitespace()
                // '}' is '{' + 2, and ']' is '[' + 2.
                if peek != byte + 2 {
                    if isObject { _ = try key() }
                    continue
                }
            } else if byte == UInt8(ascii: "\"") {
                _ = try string()
            } else {
                _ = try scalar(byte)
            }
            // 2. After a value: close what closes, until a comma asks for the next.
            closing: while true {
                if objects & 1 == 1, peek == UInt8(ascii: "}") {
                    at += 1
                } else if objects & 1 == 0, peek == UInt8(ascii: "]") {
                    at += 1
                } else {
                    skipWhitespace()
                    let isObject = objects & 1 == 1
                    if peek == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { continue }
                    try expect(
                        UInt8(ascii: ","), isObject ? "',' or '}'" : "',' or ']'",
                        in: isObject ? .object : .array)
                    if isObject { _ = try key() }
                    break closing
                }
                depth -= 1
                objects >>= 1
                if depth == outer { return }
            }
        }
    }

    @inline(__always)
    private mutating func expect(
        _ byte: UInt8, _ expected: StaticText, in place: EnvelopeError.Place
    ) throws(EnvelopeError) {
        guard let found = peek else { throw .truncated(place, at: at) }
        guard found == byte else {
            throw .unexpected(at: at, byte: found, expected: expected)
        }
        at += 1
    }
}
