/// A name or id that somebody gave and that is not allowed.
///
/// Ids, queue names and job names become parts of Redis keys, file names and lines of a log:
/// so they are 1 to 64 of `A-Z a-z 0-9 . _ -`, and nothing needs quoting anywhere.
public struct NameError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the text was meant to be.
    public enum Kind: String, Sendable, Hashable {
        /// A job's id.
        case id
        /// A queue's name.
        case queue = "queue name"
        /// A job's name, which a handler is registered for.
        case job = "job name"
        /// A step of a job that is done once.
        case step = "step name"
        /// What makes a job unique.
        case unique = "unique key"
        /// A rate or concurrency limit.
        case limit = "limit name"
        /// Whose turn it is in a fair queue.
        case tenant
        /// A lock between workers.
        case lock = "lock name"
        /// A schedule's name.
        case schedule = "schedule name"
    }

    /// Most bytes that an id or a name has.
    static let maxBytes = 64

    /// What the text was meant to be.
    public let kind: Kind
    /// The text, escaped and cut to 80 characters.
    public let value: String

    /// One line: `queue name 'a:b' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -`.
    public var description: String {
        "\(kind.rawValue) '\(value)' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -"
    }

    /// Returns the text if it is allowed.
    package static func check(_ text: String, as kind: Kind) throws(NameError) -> String {
        var text = text
        let isAllowed = text.withUTF8 { isName($0) }
        guard isAllowed else { throw NameError(kind: kind, value: printable(text)) }
        return text
    }

    /// Whether the bytes are 1 to 64 of the allowed ones.
    static func isName(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        (1...maxBytes).contains(bytes.count) && bytes.allSatisfy(isNameByte)
    }

    /// Whether a byte is a letter, a digit, a dot, an underscore or a dash.
    @inline(__always)
    static func isNameByte(_ byte: UInt8) -> Bool {
        // Bit n of the two words stands for the byte n: `-` `.` 0-9, then A-Z `_` a-z.
        let low: UInt64 = 0x03FF_6000_0000_0000
        let high: UInt64 = 0x07FF_FFFE_87FF_FFFE
        return byte < 128 && (byte < 64 ? low : high) >> (byte & 63) & 1 == 1
    }
}
