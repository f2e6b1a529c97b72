extension JSONScanner {
    /// Reads a string whose first quote is next; true when there is a backslash in it.
    mutating func string() throws(EnvelopeError) -> Bool {
        at += 1
        var isEscaped = false
        while true {
            // 1. Eight plain bytes at a time: no quote, backslash, control or high bit.
            while at + 8 <= end {
                let word = UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self)
                if Self.hasSpecialByte(word) { break }
                at += 8
            }
            guard at < end else { throw .truncated(.string, at: end) }
            let byte = base[at]
            if byte == UInt8(ascii: "\"") {
                at += 1
                return isEscaped
            }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                try escape()
            } else if byte >= 0x80 {
                try multibyte(byte)
            } else if byte < 0x20 {
                throw .controlCharacter(at: at)
            } else {
                at += 1
            }
        }
    }

    /// Whether one of the eight bytes is not plain; may say yes for a plain one, never no.
    ///
    /// - Source: graphics.stanford.edu/~seander/bithacks.html, "has a zero byte" and "less than n".
    @inline(__always)
    private static func hasSpecialByte(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let marks =
            word | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
            | ((word &- ones &* 0x20) & ~word)
        return marks & (ones &* 0x80) != 0
    }

    /// Reads a backslash and what belongs to it.
    private mutating func escape() throws(EnvelopeError) {
        guard at + 1 < end else { throw .truncated(.string, at: end) }
        switch base[at + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 2
        case UInt8(ascii: "u"):
            let start = at
            let unit = try codeUnit()
            guard unit & 0xF800 == 0xD800 else { return }
            // Half a pair: it must be the first, and the second must follow.
            guard unit < 0xDC00 else { throw .loneSurrogate(at: start) }
            guard at < end else { throw .truncated(.string, at: end) }
            guard base[at] == UInt8(ascii: "\\") else { throw .loneSurrogate(at: start) }
            guard at + 1 < end else { throw .truncated(.string, at: end) }
            guard base[at + 1] == UInt8(ascii: "u"), try codeUnit() & 0xFC00 == 0xDC00 else {
                throw .loneSurrogate(at: start)
            }
        default:
            throw .badEscape(at: at)
        }
    }

    /// Reads `\uXXXX`.
    private mutating func codeUnit() throws(EnvelopeError) -> UInt16 {
        var unit: UInt16 = 0
        for index in (at + 2)..<(at + 6) {
            guard index < end else { throw .truncated(.string, at: end) }
            guard let digit = hexValue(base[index]) else { throw .badEscape(at: at) }
            unit = unit << 4 | UInt16(digit)
        }
        at += 6
        return unit
    }

    /// Reads one scalar of two to four bytes.
    ///
    /// - Source: The Unicode Standard, table 3-7, well-formed UTF-8 byte sequences.
    private mutating func multibyte(_ first: UInt8) throws(EnvelopeError) {
        let second: ClosedRange<UInt8>
        let length: Int
        switch first {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw .invalidUTF8(at: at)
        }
        for index in 1..<length {
            guard at + index < end else { throw .truncated(.string, at: end) }
            let byte = base[at + index]
            guard index == 1 ? second.contains(byte) : byte & 0xC0 == 0x80 else {
                throw .invalidUTF8(at: at)
            }
        }
        at += length
    }

    /// Reads a number or one of `true`, `false` and `null`.
    mutating func scalar(_ first: UInt8) throws(EnvelopeError) -> Kind {
        switch first {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            try number()
            return .number
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: throw .unexpected(at: at, byte: first, expected: "a value")
        }
        return .word
    }

    private mutating func word(_ text: StaticString) throws(EnvelopeError) {
        for index in 0..<text.utf8CodeUnitCount {
            guard at < end else { throw .truncated(.word, at: end) }
            guard base[at] == text.utf8Start[index] else {
                throw .unexpected(at: at, byte: base[at], expected: "true, false or null")
            }
            at += 1
        }
    }

    /// Reads `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`.
    private mutating func number() throws(EnvelopeError) {
        if peek == UInt8(ascii: "-") { at += 1 }
        if peek == UInt8(ascii: "0") {
            at += 1
            if let byte = peek, isDigit(byte) {
                throw .unexpected(at: at, byte: byte, expected: "no digit after a leading 0")
            }
        } else {
            try digits()
        }
        if peek == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if let byte = peek, byte | 0x20 == UInt8(ascii: "e") {
            at += 1
            if let sign = peek, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
    }

    /// Reads one digit or more.
    @inline(__always)
    private mutating func digits() throws(EnvelopeError) {
        guard let byte = peek else { throw .truncated(.number, at: end) }
        guard isDigit(byte) else { throw .unexpected(at: at, byte: byte, expected: "a digit") }
        repeat { at += 1 } while at < end && isDigit(base[at])
    }
}

@inline(__always)
private func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

/// The value of a hexadecimal digit.
@inline(__always)
func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
    default: nil
    }
}
