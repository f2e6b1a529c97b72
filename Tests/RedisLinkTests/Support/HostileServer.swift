import Synchronization

@testable import RedisLink

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A peer that misbehaves: real sockets on threads of its own, and a script of what it says.
///
/// Not a stand-in for Redis: it exists for what no Redis would do.
final class HostileServer: Sendable {
    let endpoint: Endpoint
    private let listener: Int32

    /// Listens on a free port of 127.0.0.1; `behave` runs on a thread a connection and ends it.
    init(_ behave: @escaping @Sendable (HostilePeer) -> Void) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                let failed =
                    bind(listener, $0, length) != 0 || listen(listener, 128) != 0
                    || getsockname(listener, $0, &length) != 0
                precondition(!failed, errorText(errno))
            }
        }
        endpoint = .tcp(host: "127.0.0.1", port: Int(UInt16(bigEndian: address.sin_port)))
        self.listener = listener
        startPeer("hostile") {
            var number = 0
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { break }
                _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
                var on: Int32 = 1
                let size = socklen_t(MemoryLayout<Int32>.size)
                setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
                let of = number
                number += 1
                startPeer("hostile-peer") {
                    let peer = HostilePeer(descriptor, number: of)
                    behave(peer)
                    peer.close()
                }
            }
            close(listener)
        }
    }

    /// Says `bytes` to whoever connects, without a word of theirs, and waits for their end.
    convenience init(saying bytes: [UInt8]) {
        self.init { peer in
            peer.send(bytes)
            peer.awaitEnd()
        }
    }

    /// Logs everybody in, answers their first command with `bytes` and waits for their end.
    convenience init(answering bytes: [UInt8]) {
        self.init { peer in
            guard peer.logIn(), peer.next() != nil else { return }
            peer.send(bytes)
            peer.awaitEnd()
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}

/// The other end of one connection, on one thread.
final class HostilePeer {
    /// How many connected before it.
    let number: Int
    private let descriptor: Int32
    private var reader = ReplyReader(maxReplyBytes: 1 << 30)
    private var isOpen = true
    private var room = [UInt8](repeating: 0, count: 64 << 10)

    init(_ descriptor: Int32, number: Int) {
        self.descriptor = descriptor
        self.number = number
    }

    /// The words of the next command; nil at the end.
    func next() -> [String]? {
        while true {
            do {
                if let command = try reader.next() { return command.array?.compactMap(\.text) }
                let count = recv(descriptor, &room, room.count, 0)
                guard count > 0 else { return nil }
                try reader.feed(room[..<count])
            } catch {
                return nil
            }
        }
    }

    /// False when the other end is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { raw in
            var sent = 0
            while sent < raw.count {
                let rest = UnsafeRawBufferPointer(rebasing: raw[sent...])
                let count = Glibc.send(
                    descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Answers the pipeline that logs in, as Redis does; false when the other end is gone.
    func logIn() -> Bool {
        while let command = next() {
            switch command.first {
            case "PING": return send("+PONG\r\n")
            case "CLIENT" where command.count == 2: send(":7\r\n")
            default: send("+OK\r\n")
            }
        }
        return false
    }

    /// Returns when the other end has closed.
    func awaitEnd() { while next() != nil {} }

    /// Closes; unread bytes make it a reset.
    func close() {
        guard isOpen else { return }
        isOpen = false
        _ = Glibc.close(descriptor)
    }
}

/// Without a thread there is no test.
private func startPeer(_ name: String, _ body: @escaping @Sendable () -> Void) {
    do { try startThread(name, body) } catch { preconditionFailure("\(error)") }
}
