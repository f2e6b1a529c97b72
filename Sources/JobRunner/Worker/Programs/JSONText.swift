import FoundationEssentials

/// JSON as bytes: checked and taken apart without being decoded.
///
/// A decoder into Swift values would round what it does not know to be an
/// integer or a decimal; a program's result goes through untouched.
struct JSONText {
    /// Deepest nesting accepted; a value deeper is told not to be JSON.
    ///
    /// Source: `JSONDecoder` refuses more than 512 levels.
    static let deepest = 512

    private let bytes: ArraySlice<UInt8>
    private var position: Int

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// Whether the bytes are exactly one JSON value (RFC 8259) in valid UTF-8.
    static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
        var text = JSONText(ArraySlice(bytes))
        guard String(validating: text.bytes, as: UTF8.self) != nil, text.value(depth: 0) else {
            return false
        }
        text.skipSpace()
        return text.next == nil
    }

    /// The members of an object, each value as its bytes; nil when it is none.
    ///
    /// Of members with the same name the last counts.
    static func members(_ bytes: ArraySlice<UInt8>) -> [String: ArraySlice<UInt8>]? {
        let text = trimmed(bytes)
        guard text.first == UInt8(ascii: "{"), isValid(text) else { return nil }
        var scanner = JSONText(text)
        var members: [String: ArraySlice<UInt8>] = [:]
        _ = scanner.object(depth: 0) { name, value in
            if let name = string(name) { members[name] = trimmed(value) }
        }
        return members
    }

    /// The string that a JSON string stands for; nil when it is not one.
    static func string(_ bytes: ArraySlice<UInt8>) -> String? {
        try? JSONDecoder().decode(String.self, from: Data(bytes))
    }

    /// A string as JSON.
    static func quoted(_ string: String) -> [UInt8] {
        var out: [UInt8] = [UInt8(ascii: "\"")]
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): out += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                out += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
        return out
    }

    /// Without the white space around it.
    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let text = bytes.drop(while: isSpace)
        guard let last = text.lastIndex(where: { !isSpace($0) }) else { return [] }
        return text[...last]
    }

    /// The beginning of what was printed, for the text of an error: 200 bytes.
    static func preview(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: bytes.prefix(200), as: UTF8.self) + (bytes.count > 200 ? "…" : "")
    }
}

extension JSONText {
    private var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private mutating func skipSpace() {
        while let byte = next, Self.isSpace(byte) { position += 1 }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) -> Bool {
        guard depth <= Self.deepest else { return false }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return object(depth: depth) { _, _ in }
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return word("true")
        case UInt8(ascii: "f"): return word("false")
        case UInt8(ascii: "n"): return word("null")
        default: return number()
        }
    }

    private mutating func object(
        depth: Int, member: (_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Void
    ) -> Bool {
        guard take("{") else { return false }
        skipSpace()
        if take("}") { return true }
        repeat {
            skipSpace()
            let name = position
            guard string() else { return false }
            let nameEnd = position
            skipSpace()
            guard take(":") else { return false }
            let start = position
            guard value(depth: depth + 1) else { return false }
            member(bytes[name..<nameEnd], bytes[start..<position])
            skipSpace()
        } while take(",")
        return take("}")
    }

    private mutating func array(depth: Int) -> Bool {
        guard take("[") else { return false }
        skipSpace()
        if take("]") { return true }
        repeat {
            guard value(depth: depth + 1) else { return false }
            skipSpace()
        } while take(",")
        return take("]")
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"): guard escape() else { return false }
            case 0..<0x20: return false
            default: break
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard let byte = next else { return false }
        position += 1
        guard byte == UInt8(ascii: "u") else { return "\"\\/bfnrt".utf8.contains(byte) }
        for _ in 0..<4 {
            guard let digit = next, Character(Unicode.Scalar(digit)).isHexDigit else {
                return false
            }
            position += 1
        }
        return true
    }

    private mutating func word(_ word: StaticString) -> Bool {
        let expected = word.withUTF8Buffer { Array($0) }
        guard bytes[position...].starts(with: expected) else { return false }
        position += expected.count
        return true
    }

    private mutating func digits() -> Bool {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            position += 1
        }
        return position > start
    }

    private mutating func number() -> Bool {
        _ = take("-")
        if !take("0") { guard digits() else { return false } }
        if take(".") { guard digits() else { return false } }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() else { return false }
        }
        return true
    }
}
