import Testing

@testable import RedisLink

@Suite("ReplyReader")
struct ReplyReaderTests {
    /// All replies of a text fed in pieces of `step` bytes, and the fault that ended it.
    private func read(
        _ text: String, step: Int = .max, maxReplyBytes: Int = 1 << 20
    ) -> (replies: [RedisValue], fault: String?) {
        read(Array(text.utf8), step: step, maxReplyBytes: maxReplyBytes)
    }

    private func read(
        _ bytes: [UInt8], step: Int = .max, maxReplyBytes: Int = 1 << 20
    ) -> (replies: [RedisValue], fault: String?) {
        var reader = ReplyReader(maxReplyBytes: maxReplyBytes)
        var replies: [RedisValue] = []
        var rest = bytes[...]
        do throws(ReplyFault) {
            while !rest.isEmpty {
                let piece = rest.prefix(step)
                rest = rest.dropFirst(piece.count)
                try reader.feed(piece)
                while let reply = try reader.next() { replies.append(reply) }
            }
            return (replies, nil)
        } catch {
            return (replies, error.reason)
        }
    }

    static let stream =
        "+OK\r\n-OOM full\r\n:-12\r\n$-1\r\n*-1\r\n*0\r\n$0\r\n\r\n$5\r\na\r\n\0b\r\n"
        + "*3\r\n:1\r\n*2\r\n$1\r\nx\r\n-ERR in\r\n$-1\r\n"
    static let replies: [RedisValue] = [
        .text("OK"), .error(ServerError("OOM full")), .integer(-12), .null, .null, .array([]),
        .bytes([]), .text("a\r\n\0b"),
        .array([.integer(1), .array([.text("x"), .error(ServerError("ERR in"))]), .null]),
    ]

    @Test(arguments: 1...140)
    func `reads every kind of reply, however the bytes are cut`(step: Int) {
        let result = read(Self.stream, step: step)
        #expect(result.replies == Self.replies)
        #expect(result.fault == nil)
    }

    @Test func `knows when it is between two replies, at every byte`() throws {
        var reader = ReplyReader()
        var ends = 0
        for byte in Array(Self.stream.utf8) {
            try reader.feed([byte])
            let reply = try reader.next()
            #expect(reader.isBetweenReplies == (reply != nil))
            if reply != nil { ends += 1 }
        }
        #expect(ends == Self.replies.count)
    }

    @Test func `every byte that begins no reply is a fault`() {
        for byte in UInt8.min...UInt8.max where !Array("+-:$*".utf8).contains(byte) {
            let result = read([byte] + Array("1\r\n".utf8))
            #expect(result.replies.isEmpty)
            #expect(result.fault != nil, "\(byte)")
        }
    }

    @Test(
        arguments: [
            "$-2\r\n", "$x\r\n", "*-2\r\n", "*99999999999999999999\r\n", ":x\r\n",
            "*1048577\r\n", "*2147483647\r\n", "*9223372036854775807\r\n",
            String(repeating: "*1\r\n", count: 100),
        ])
    func `what is out of bounds is a fault at once`(text: String) {
        #expect(read(text).fault != nil)
        #expect(read(text, step: 1).fault != nil)
    }

    @Test(arguments: ["$2147483647\r\n", "+", "-", ":", "*1\r\n+", "$9223372036854775807\r\n"])
    func `a reply without an end is a fault at the bound`(beginning: String) {
        let bytes = Array(beginning.utf8) + [UInt8](repeating: UInt8(ascii: "1"), count: 300_000)
        let result = read(bytes, step: 1000, maxReplyBytes: 200_000)
        #expect(result.replies.isEmpty)
        #expect(result.fault?.isEmpty == false)
    }

    @Test func `the bound is on a reply, not on what came in one read`() {
        let many = String(
            repeating: "$100\r\n\(String(repeating: "x", count: 100))\r\n", count: 600)
        let result = read(many, maxReplyBytes: 1000)
        #expect(result.replies.count == 600)
        #expect(result.fault == nil)
    }

    @Test func `an array of too many says so`() {
        #expect(read("*1048577\r\n").fault == "an array of too many elements, or out of memory")
        #expect(read("*1048576\r\n:1\r\n").fault == nil)
    }

    /// 200,000 streams: cuts, copies, flips and insertions of valid ones, and noise.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `no bytes make it trap, and the pieces never change the answer`(seed: UInt64) {
        var generator = Seeded(seed)
        let alphabet = Array("+-:$*0123456789\r\n\r\n\0xOK".utf8)
        let valid = Array(Self.stream.utf8)
        for round in 0..<10_000 {
            var bytes: [UInt8]
            if round % 4 == 0 {
                bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                    round % 8 == 0
                        ? UInt8.random(in: 0...255, using: &generator)
                        : alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                }
            } else {
                bytes = valid
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    let at = Int.random(in: 0..<max(1, bytes.count), using: &generator)
                    let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: bytes = Array(bytes.prefix(at))
                    case 1: bytes.insert(byte, at: min(at, bytes.count))
                    case 2: bytes += bytes.suffix(20)
                    default: if at < bytes.count { bytes[at] = byte }
                    }
                }
            }
            let whole = read(bytes, maxReplyBytes: 4096)
            let step = Int.random(in: 1...9, using: &generator)
            let pieces = read(bytes, step: step, maxReplyBytes: 4096)
            // Not the fault's text: in pieces, a bad length may be seen later.
            if whole.replies != pieces.replies || (whole.fault == nil) != (pieces.fault == nil) {
                Issue.record("\(bytes) in pieces of \(step): \(whole) and \(pieces)")
                return
            }
        }
    }
}
