/// One reply, copied out of the reader: RESP2's five kinds.
public enum RedisValue: Sendable, Equatable {
    /// A nil bulk string or array.
    case null
    /// `:n`.
    case integer(Int)
    /// A bulk or simple string, as bytes: payloads may hold NUL and need not be UTF-8.
    case bytes([UInt8])
    /// `*n`; may hold errors inside, as EXEC's replies do.
    case array([RedisValue])
    /// `-WORD text`.
    case error(ServerError)
}

extension RedisValue {
    /// The number of an integer reply, or of a bulk string that is one.
    public var integer: Int? {
        switch self {
        case .integer(let number): number
        case .bytes(let bytes): Int(String(decoding: bytes, as: UTF8.self))
        default: nil
        }
    }

    /// The bytes of a string reply.
    public var bytes: [UInt8]? {
        if case .bytes(let bytes) = self { bytes } else { nil }
    }

    /// The text of a string reply; bytes that are not UTF-8 are replaced.
    public var text: String? {
        bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The elements of an array reply.
    public var array: [RedisValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// Names the kind, never the content: for `unexpectedReply`.
    public var kind: String {
        switch self {
        case .null: "nil"
        case .integer: "an integer"
        case .bytes: "a string"
        case .array(let elements): "an array of \(elements.count)"
        case .error(let error): "the error \(error.code.rawValue)"
        }
    }
}
