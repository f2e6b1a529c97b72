internal import CHiredis

/// hiredis's reader: bytes in, replies out, both bounded.
///
/// Owned by one connection's thread. After an error it must be thrown away,
/// with its connection: the stream is out of step.
package struct ReplyReader: ~Copyable {
    /// Most bytes one reply may take on the wire.
    ///
    /// A fetch is bounded to about
    /// 1 MB by the worker; 64 MiB leaves room for what people put in a list.
    package let maxReplyBytes: Int

    private let reader: UnsafeMutablePointer<redisReader>
    private let functions: UnsafeMutablePointer<redisReplyObjectFunctions>
    private var sinceReply = 0

    package init(maxReplyBytes: Int = 64 << 20) {
        self.maxReplyBytes = maxReplyBytes
        functions = .allocate(capacity: 1)
        guard let reader = jr_reader_create(functions) else {
            preconditionFailure("out of memory: no reply reader")
        }
        self.reader = reader
    }

    deinit {
        redisReaderFree(reader)
        functions.deallocate()
    }

    /// Takes bytes from the socket; call `next` until it is nil before more.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(ReplyFault) {
        guard bytes.count > 0 else { return }
        sinceReply += bytes.count
        if redisReaderFeed(reader, bytes.baseAddress, bytes.count) != REDIS_OK {
            throw ReplyFault("out of memory for a reply")
        }
    }

    mutating func feed(_ bytes: ArraySlice<UInt8>) throws(ReplyFault) {
        let fault: ReplyFault? = bytes.withUnsafeBytes { raw in
            do throws(ReplyFault) {
                try feed(raw)
                return nil
            } catch {
                return error
            }
        }
        if let fault { throw fault }
    }

    /// The next complete reply, or nil when more bytes are needed.
    ///
    /// - Throws: The reason, when it is not RESP or outgrows the bounds.
    package mutating func next() throws(ReplyFault) -> RedisValue? {
        var raw: UnsafeMutableRawPointer?
        guard redisReaderGetReply(reader, &raw) == REDIS_OK else {
            if reader.pointee.err == REDIS_ERR_OOM {
                throw ReplyFault("an array of too many elements, or out of memory")
            }
            let text = withUnsafeBytes(of: &reader.pointee.errstr) { buffer in
                String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
            }
            throw ReplyFault(text)
        }
        guard let raw else {
            if sinceReply > maxReplyBytes {
                throw ReplyFault("a reply of more than \(maxReplyBytes) bytes")
            }
            return nil
        }
        sinceReply = jr_reader_buffered(reader)
        let reply = raw.assumingMemoryBound(to: redisReply.self)
        defer { freeReplyObject(reply) }
        return try Self.copy(reply)
    }

    /// True when no reply has begun.
    var isBetweenReplies: Bool { sinceReply == 0 }

    /// Copies a reply out of C; depth is hiredis's own bound (7 levels in 0.14, 9 in 1.x).
    private static func copy(_ reply: UnsafeMutablePointer<redisReply>) throws(ReplyFault)
        -> RedisValue
    {
        switch reply.pointee.type {
        case REDIS_REPLY_NIL:
            return .null
        case REDIS_REPLY_INTEGER:
            return .integer(Int(reply.pointee.integer))
        case REDIS_REPLY_STRING, REDIS_REPLY_STATUS:
            return .bytes(bytes(of: reply))
        case REDIS_REPLY_ERROR:
            return .error(ServerError(String(decoding: bytes(of: reply), as: UTF8.self)))
        case REDIS_REPLY_ARRAY:
            let count = Int(reply.pointee.elements)
            var elements: [RedisValue] = []
            elements.reserveCapacity(count)
            for index in 0..<count {
                guard let element = reply.pointee.element[index] else {
                    throw ReplyFault("an array with a hole")
                }
                elements.append(try copy(element))
            }
            return .array(elements)
        default:
            throw ReplyFault("a reply of kind \(reply.pointee.type), which RESP2 has not")
        }
    }

    private static func bytes(of reply: UnsafeMutablePointer<redisReply>) -> [UInt8] {
        guard let start = reply.pointee.str else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(reply.pointee.len)))
    }
}

/// Why a stream of replies cannot be read on.
package struct ReplyFault: Error {
    let reason: String

    init(_ reason: String) {
        self.reason = reason
    }
}
