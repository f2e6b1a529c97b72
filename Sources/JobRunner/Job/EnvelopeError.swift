/// Why a text is not a job: the reason it is buried with, or refused at enqueue.
///
/// The description is one line. It names positions, keys and names, never a value of the
/// arguments.
package enum EnvelopeError: Error, Sendable, Hashable {
    /// What a text can end inside of.
    package enum Place: String, Sendable {
        case array = "an array"
        case object = "an object"
        case string = "a string"
        case number = "a number"
        case word = "a word"
    }

    /// The first byte that is not white space does not open an object; nil: there is none.
    case notAnObject(at: Int, byte: UInt8?)
    /// The text starts with a byte order mark.
    case byteOrderMark
    /// The text ends too early.
    case truncated(Place, at: Int)
    /// A byte that the grammar does not allow there.
    case unexpected(at: Int, byte: UInt8, expected: StaticText)
    /// A byte below 0x20 inside a string.
    case controlCharacter(at: Int)
    /// A backslash before a letter that JSON does not know.
    case badEscape(at: Int)
    /// `\uD800` to `\uDFFF` without its other half.
    case loneSurrogate(at: Int)
    /// A string that is not UTF-8.
    case invalidUTF8(at: Int)
    /// More than white space after the value.
    case trailingBytes(at: Int)
    /// The job without its delivery state has more bytes than allowed.
    case tooLarge(bytes: Int, limit: Int)
    /// An array or object at a depth that is not allowed.
    case tooDeep(limit: Int, at: Int)
    /// More members at the top level than allowed.
    case tooManyMembers(limit: Int)
    /// A known key stands there a second time.
    case duplicateKey(StaticText)
    /// There is no `job`, or it is null or empty.
    case noJobName
    /// A member that must be text is not.
    case notText(StaticText)
    /// A member that must be an object or array is not.
    case notOfType(StaticText, expected: StaticText)
    /// A number that is none, has a fraction or is out of bounds.
    case outOfRange(StaticText, expected: StaticText)
    /// An id, a queue or a job name with characters that are not allowed.
    case badName(NameError)
}

/// A literal of this program: costs nothing to make, and can be compared.
package struct StaticText: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    let literal: StaticString

    package init(stringLiteral literal: StaticString) { self.literal = literal }

    package var description: String { literal.description }

    package static func == (left: StaticText, right: StaticText) -> Bool {
        left.description == right.description
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

extension EnvelopeError: CustomStringConvertible {
    /// One line, such as `JSON ends inside a string at byte 412`.
    package var description: String {
        switch self {
        case .notAnObject(_, nil): "not a JSON object: it is empty"
        case .notAnObject(let at, let byte?): "not a JSON object: byte \(at) is \(show(byte))"
        case .byteOrderMark: "not a JSON object: it starts with a byte order mark"
        case .truncated(let place, let at): "JSON ends inside \(place.rawValue) at byte \(at)"
        case .unexpected(let at, let byte, let expected):
            "JSON is not valid: byte \(at) is \(show(byte)), expected \(expected)"
        case .controlCharacter(let at): "JSON has a control character in a string at byte \(at)"
        case .badEscape(let at): "JSON has an unknown escape at byte \(at)"
        case .loneSurrogate(let at): "JSON has half a surrogate pair at byte \(at)"
        case .invalidUTF8(let at): "JSON is not valid UTF-8 at byte \(at)"
        case .trailingBytes(let at): "trailing bytes after the object at byte \(at)"
        case .tooLarge(let bytes, let limit):
            "job is \(grouped(bytes)) bytes; the limit is \(grouped(limit))"
        case .tooDeep(let limit, let at):
            "JSON is nested deeper than \(limit) levels at byte \(at)"
        case .tooManyMembers(let limit): "job has more than \(limit) keys"
        case .duplicateKey(let key): "key '\(key)' is there twice"
        case .noJobName: "job has no 'job' name"
        case .notText(let key): "'\(key)' is not text"
        case .notOfType(let key, let expected): "'\(key)' is not \(expected)"
        case .outOfRange(let key, let expected): "'\(key)' must be \(expected)"
        case .badName(let error): error.description
        }
    }
}

/// A byte for a message: `'x'`, or `0x0A` when it cannot be shown.
private func show(_ byte: UInt8) -> String {
    if (0x21...0x7E).contains(byte) { return "'\(Character(UnicodeScalar(byte)))'" }
    return (byte < 16 ? "0x0" : "0x") + String(byte, radix: 16, uppercase: true)
}

/// A count for a message: `70,113`.
package func grouped(_ number: Int) -> String {
    var result = ""
    for (index, digit) in String(number).reversed().enumerated() {
        if index > 0, index.isMultiple(of: 3) { result.append(",") }
        result.append(digit)
    }
    return String(result.reversed())
}
