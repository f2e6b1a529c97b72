#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A connection that is up: bytes out, replies in, each to the request it answers.
///
/// Dropped, with its socket, at the first error: a stream that is out of step must
/// never answer another call.
struct Link: ~Copyable {
    let clientID: Int?
    /// Monotonic nanoseconds after which it is closed, answered or not.
    var endBy = Int64.max

    private let address: String
    private let transport: any Transport
    private var reader: ReplyReader
    private var output = OutputBuffer()
    /// Sent, or about to be, in the order of their replies.
    private var pending = Fifo<Request>()
    private var hasClosedWriting = false
    /// The server said that it is a replica, and takes no writes.
    private(set) var isMisled = false
    /// What came without a question, oldest first; nil where that ends the connection.
    private var unasked: [RedisValue]?
    private let buffer: UnsafeMutableRawBufferPointer
    #if DEBUG
        /// Of commands that are staged and not wholly written.
        private var hooks: [CommandHooks] = []
    #endif

    /// 64 KiB: about 400 jobs a read; larger did not measure faster.
    private static let readBytes = 64 << 10
    /// What may wait in the output before callers' commands wait in the queue.
    private static let outputBytes = 1 << 20

    init(
        _ transport: any Transport, _ reader: consuming ReplyReader, address: String, clientID: Int?
    ) {
        self.address = address
        self.transport = transport
        self.reader = reader
        self.clientID = clientID
        buffer = .allocate(byteCount: Self.readBytes, alignment: 16)
    }

    deinit {
        transport.close()
        buffer.deallocate()
    }

    var descriptor: Int32 { transport.descriptor }
    /// What another thread may write to while this one sleeps; nil while anything is under way.
    var quiet: Socket? {
        output.isEmpty && pending.isEmpty && !isMisled && endBy == .max ? transport.shared : nil
    }
    var hasRoom: Bool { output.count < Self.outputBytes }
    var interest: Int16 { Int16(output.isEmpty ? POLLIN : POLLIN | POLLOUT) }

    /// Milliseconds until the first reply is overdue; -1 when none is awaited.
    func pollTimeout(now: Int64) -> Int32 {
        let due = min(pending.first?.deadline ?? .max, endBy)
        if due == .max { return -1 }
        return Int32(clamping: max(0, (due - now + 999_999) / 1_000_000))
    }

    mutating func stage(_ request: Request) {
        #if DEBUG
            if let hook = request.command.onWrite {
                hook.before()
                hooks.append(hook)
            }
        #endif
        output.append(request.command.wire[request.sent...])
        pending.append(request)
    }

    /// Sends a command that turns replies into messages: they have no request.
    mutating func send(_ command: Command) {
        output.append(command.wire)
        unasked = unasked ?? []
    }

    /// The messages that came since the last call.
    mutating func takeUnasked() -> [RedisValue] {
        guard let taken = unasked, !taken.isEmpty else { return [] }
        unasked = []
        return taken
    }

    mutating func write() throws(RedisError) {
        while !output.isEmpty {
            switch output.withBytes({ transport.write($0) }) {
            case .moved(let count): output.removeFirst(count)
            case .wouldBlock: return
            case .ended(let reason): throw .closed(address: address, reason: reason)
            }
        }
        #if DEBUG
            for hook in hooks { hook.after() }
            hooks = []
        #endif
    }

    /// Tells the server that no more comes, once all is written; it answers by closing.
    mutating func closeWriting() {
        guard output.isEmpty, !hasClosedWriting else { return }
        hasClosedWriting = true
        transport.closeWriting()
    }

    mutating func read() throws(RedisError) {
        while true {
            switch transport.read(into: buffer) {
            case .wouldBlock:
                return
            case .ended(let reason):
                throw .closed(address: address, reason: reason)
            case .moved(let count):
                do throws(ReplyFault) {
                    try reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    while let reply = try reader.next() { try deliver(reply) }
                } catch {
                    throw .protocolViolation(address: address, reason: error.reason)
                }
                if count < buffer.count { return }
            }
        }
    }

    private mutating func deliver(_ reply: RedisValue) throws(ReplyFault) {
        guard let request = pending.popFirst() else {
            guard unasked != nil else { throw ReplyFault("a reply nobody asked for") }
            unasked?.append(reply)
            return
        }
        if case .error(let error) = reply, error.code == .NOSCRIPT,
            let again = request.command.evaluated()
        {
            // Nothing ran: the same call as EVAL, which also makes the server know the script.
            output.append(again)
            pending.append(
                Request(
                    command: request.command.asEvaluated(), timeout: request.timeout,
                    deadline: request.deadline, isWanted: nil, completion: request.completion))
        } else {
            if case .error(let error) = reply, error.code == .READONLY { isMisled = true }
            request.completion(.success(reply))
        }
    }

    /// Ends a connection to a replica once all it was asked is answered: after a failover the same
    /// name may lead to the new primary, which only a new connection finds.
    func checkRole() throws(RedisError) {
        guard isMisled, pending.isEmpty else { return }
        throw .closed(address: address, reason: "it is a read-only replica")
    }

    func checkDeadline(now: Int64) throws(RedisError) {
        if endBy <= now { throw .stopped }
        guard let first = pending.first, first.deadline <= now else { return }
        throw .timeout(address: address, command: first.command.name, after: first.timeout)
    }

    /// Ends it; each request that awaits a reply hears why.
    consuming func fail(_ error: RedisError) {
        var reason = error
        for request in pending.removeAll() {
            if case .stopped = error {
                reason = .closed(address: address, reason: "it was closed by this process")
            }
            request.completion(.failure(reason))
            if case .timeout(_, let command, _) = error {
                reason = .closed(address: address, reason: "\(command) before it timed out")
            }
        }
    }
}

/// Bytes to be written, sent from the front.
struct OutputBuffer {
    private var bytes: [UInt8] = []
    private var sent = 0

    var count: Int { bytes.count - sent }
    var isEmpty: Bool { sent == bytes.count }
    /// How much memory it holds.
    var capacity: Int { bytes.capacity }

    mutating func append(_ more: some Collection<UInt8>) {
        bytes.append(contentsOf: more)
    }

    mutating func removeFirst(_ count: Int) {
        sent += count
        if sent == bytes.count {
            // Keep the room of ordinary batches, give back that of a rare large one.
            bytes.removeAll(keepingCapacity: bytes.capacity <= 2 << 20)
            sent = 0
        } else if sent >= 1 << 20, sent * 2 >= bytes.count {
            // A server slower than its callers never lets it run empty.
            bytes.removeFirst(sent)
            sent = 0
        }
    }

    func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
    }
}
