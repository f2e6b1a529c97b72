package import FoundationEssentials

/// A job as it is on the wire: its bytes, and what routing needs to know of them.
///
/// Decoded in one pass; the arguments stay bytes until a handler's type is known. The format is
/// in `WireFormat.md`, field by field.
package struct Envelope: Sendable {
    /// How large a job may be.
    package struct Limits: Sendable {
        /// Most bytes of a job without its delivery state; `idSlack` more of a canonical one.
        package var maxBytes: Int
        /// Most containers open at once, the job's own object included; 2 to 64.
        package var maxDepth: Int
        /// Most members at the top level, beside `id` and `state`.
        package var maxMembers: Int

        /// Makes limits: 64 KiB, 32 levels, 256 members.
        package init(maxBytes: Int = 65_536, maxDepth: Int = 32, maxMembers: Int = 256) {
            self.maxBytes = maxBytes
            self.maxDepth = maxDepth
            self.maxMembers = maxMembers
        }
    }

    /// The text as it came.
    package let bytes: [UInt8]
    /// The id; nil when the producer gave none: each run makes one, a retry keeps it.
    package internal(set) var id: JobID?
    /// The name that a handler is registered for.
    package internal(set) var job = ""
    /// The queue that the producer meant; nil stands for the one it was found in.
    package internal(set) var queue: QueueName?
    /// When it was enqueued, in milliseconds since 1970 by the producer's clock; nil if not told.
    package internal(set) var enqueued: Int64?
    /// Most attempts, 1…1000; nil stands for the handler's or the worker's default.
    package internal(set) var maxAttempts: Int?
    /// How long one attempt may take, in milliseconds; nil stands for the handler's default.
    package internal(set) var timeLimit: Int64?
    /// How long the result is kept, in milliseconds; 0: not at all; nil: the handler's default.
    package internal(set) var resultTTL: Int64?
    /// It must not start later, in milliseconds since 1970; nil: it may at any time.
    package internal(set) var expires: Int64?
    /// What becomes of it then.
    package internal(set) var whenExpired = Expiry.bury
    /// 0 to 9: those of a higher one are fetched first.
    package internal(set) var priority = 0
    /// Whose turn it takes among those that wait; nil is nobody's.
    package internal(set) var tenant: String?
    /// The lock that it holds.
    package internal(set) var unique: UniqueLock?
    /// The workflow that it is a step of.
    package internal(set) var flow: FlowPlace?
    /// Where its outcome is sent as a job.
    package internal(set) var reply: ReplyAddress?
    /// The client that waits for its outcome: the last part of its channel.
    package internal(set) var answer: String?
    /// What it takes beside its arguments, JSON: as sent with it, or as its workflow has it.
    package internal(set) var input: [UInt8]?
    /// The version of the arguments' form, 1 when not told.
    package internal(set) var version = 1
    /// What happened to it so far.
    package internal(set) var state = DeliveryState()
    /// Where the arguments stand in `bytes`; nil when there are none, which is `{}`.
    package internal(set) var arguments: Range<Int>?
    /// From the first byte to the end of the last member that is not `state`.
    ///
    /// Of a canonical envelope these bytes never change: a signature over them survives a retry.
    package internal(set) var immutable = 0..<0
    /// Whether it starts with `{"id":"…"` and has `state` last, as scripts and writers have it.
    package internal(set) var isCanonical = false

    /// Decodes and checks a job.
    ///
    /// One pass, about 0.5 µs for 150 bytes; O(bytes), without recursion. Never traps.
    ///
    /// - Throws: `EnvelopeError`, whose description is the reason to bury the job with.
    package init(_ bytes: [UInt8], limits: Limits = Limits()) throws(EnvelopeError) {
        self.bytes = bytes
        try bytes.withUnsafeBufferPointer { (buffer) throws(EnvelopeError) in
            try scan(buffer, limits)
        }
    }

    /// Lends the JSON of the arguments, `{}` when there are none.
    package func withArguments<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let source = arguments == nil ? Self.noArguments : bytes
        let range = arguments ?? 0..<2
        return try source.withUnsafeBufferPointer { (buffer) throws(Failure) in
            try body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: buffer[range])))
        }
    }

    /// The JSON of the arguments as `Data` for a decoder; one copy.
    package var argumentsData: Data {
        withArguments { Data($0) }
    }

    /// More than the id that a retry puts in front of a job without one: it must not be what
    /// makes the job too large.
    static let idSlack = 48

    private static let noArguments = Array("{}".utf8)

    /// The id that scripts know a text by: what follows `{"id":"` at its first byte.
    ///
    /// Holds for texts that are no jobs too; nil where scripts take the SHA-1 of the bytes.
    package static func idAtStart(of bytes: [UInt8]) -> JobID? {
        guard bytes.starts(with: "{\"id\":\"".utf8) else { return nil }
        let id = bytes[7...].prefix(while: NameError.isNameByte)
        guard id.endIndex < bytes.count, bytes[id.endIndex] == UInt8(ascii: "\"") else {
            return nil
        }
        return try? JobID(String(decoding: id, as: UTF8.self))
    }
}
