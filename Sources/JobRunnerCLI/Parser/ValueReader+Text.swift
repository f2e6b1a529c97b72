extension ValueReader where Value == String {
    /// Any text but the empty one.
    static var text: ValueReader<String> { text(allowEmpty: false) }

    static func text(allowEmpty: Bool) -> ValueReader<String> {
        ValueReader(describe: allowEmpty ? "text" : "text that is not empty") {
            text throws(InvalidValue) in
            guard allowEmpty || !text.isEmpty else { throw InvalidValue() }
            return text
        }
    }

    /// Text that no message and no help ever shows.
    static var secret: ValueReader<String> {
        ValueReader(
            describe: "text that is not empty", show: { _ in "***" }, masked: { _ in "***" }
        ) { text throws(InvalidValue) in
            guard !text.isEmpty else { throw InvalidValue() }
            return text
        }
    }

    /// One of a few words, exactly.
    static func choice(_ choices: [String]) -> ValueReader<String> {
        ValueReader(
            describe: "one of " + choices.joined(separator: ", "), completion: .choices(choices)
        ) { text throws(InvalidValue) in
            guard choices.contains(text) else { throw InvalidValue() }
            return text
        }
    }

    /// A file or directory; whether it exists is for the command to find out.
    static var path: ValueReader<String> {
        ValueReader(describe: "a path", completion: .file) { text throws(InvalidValue) in
            guard !text.isEmpty, !text.utf8.contains(0) else { throw InvalidValue() }
            return text
        }
    }

    /// `scheme://…`; what stands behind the scheme is for the connection to read.
    static var url: ValueReader<String> {
        ValueReader(
            describe: "a URL such as redis://localhost:6379", show: maskedURL, masked: maskedURL
        ) { text throws(InvalidValue) in
            guard let mark = text.firstRange(of: "://") else { throw InvalidValue() }
            let scheme = text[..<mark.lowerBound]
            guard let first = scheme.utf8.first, isLetter(first), scheme.utf8.allSatisfy(isScheme),
                mark.upperBound < text.endIndex
            else { throw InvalidValue() }
            return text
        }
    }
}

extension ValueReader where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the cases, by its raw value.
    static func choice() -> ValueReader<Value> {
        let names = Value.allCases.map(\.rawValue)
        return ValueReader(
            describe: "one of " + names.joined(separator: ", "), completion: .choices(names),
            show: { $0.rawValue }
        ) { text throws(InvalidValue) in
            guard let value = Value(rawValue: text) else { throw InvalidValue() }
            return value
        }
    }
}

/// A URL without what may be secret in it: user information and query.
///
/// Works on text that is no URL too, since that is when it is shown; where it cannot tell
/// which part is the password it shows none of them.
@Sendable func maskedURL(_ text: String) -> String {
    let mark = text.firstRange(of: "://")
    let scheme = mark.map { text[..<$0.upperBound] } ?? ""
    var rest = mark.map { text[$0.upperBound...] } ?? text[...]
    var masked = String(scheme)
    if let at = rest.lastIndex(of: "@") {
        guard !rest[..<at].contains("?") else { return masked + "***" }
        masked += "***@"
        rest = rest[rest.index(after: at)...]
    }
    guard let query = rest.firstIndex(of: "?") else { return masked + rest }
    return masked + rest[..<query] + "?***"
}

private func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
}

private func isScheme(_ byte: UInt8) -> Bool {
    isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || [UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(byte)
}
