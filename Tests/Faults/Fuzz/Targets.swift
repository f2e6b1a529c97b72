import JobRunner
import RedisLink

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What is fuzzed: each takes any bytes and must neither crash nor hang nor grow without bound.
enum FuzzTarget: String, CaseIterable {
    /// What a hostile server may say.
    case replies
    /// What anybody may push onto a list.
    case envelope

    func run(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .replies: Self.replies(bytes)
        case .envelope: Self.envelope(bytes)
        }
    }

    /// The first byte says how the others are cut: a socket gives them in any pieces.
    private static func replies(_ bytes: UnsafeRawBufferPointer) {
        guard let first = bytes.first else { return }
        let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
        let piece = max(1, Int(first))
        var reader = ReplyReader(maxReplyBytes: 1 << 20)
        var start = 0
        do {
            while start < rest.count {
                let end = min(start + piece, rest.count)
                try reader.feed(UnsafeRawBufferPointer(rebasing: rest[start..<end]))
                while let reply = try reader.next() { _ = reply.text }
                start = end
            }
        } catch {}
    }

    /// What is read is written again, and reads as the same.
    private static func envelope(_ bytes: UnsafeRawBufferPointer) {
        let json = [UInt8](bytes)
        guard let envelope = try? Envelope(json) else { return }
        _ = envelope.argumentsData
        _ = envelope.kind
        let id = JobID.generate(now: 0)
        let rewritten = envelope.rewritten(state: envelope.state, idIfMissing: id)
        guard let again = try? Envelope(rewritten, limits: .init(maxBytes: 1 << 20)) else {
            wrong("a rewritten job does not read")
        }
        guard again.job == envelope.job, again.state == envelope.state,
            again.id == envelope.id ?? id, again.isCanonical,
            again.argumentsData == envelope.argumentsData
        else { wrong("a rewritten job reads as another") }
    }
}

/// By a signal that libFuzzer keeps the input for, which a trap's is not.
private func wrong(_ text: String) -> Never {
    print(text)
    abort()
}
