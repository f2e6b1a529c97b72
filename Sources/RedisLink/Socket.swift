#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The bytes' way to one server; TLS will be a second kind beside `Socket`.
///
/// Made, read and closed on one connection's thread. Reads and writes never
/// block: the thread polls `descriptor` for both.
protocol Transport {
    var descriptor: Int32 { get }
    /// What one thread at a time may write to; nil when bytes go through a state of this thread's.
    var shared: Socket? { get }
    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult
    func write(_ bytes: UnsafeRawBufferPointer) -> TransportResult
    /// Tells the peer that no more comes; reading goes on.
    func closeWriting()
    func close()
}

/// What one attempt to read or write came to.
enum TransportResult: Equatable {
    case moved(Int)
    case wouldBlock
    case ended(String)
}

/// A plain TCP or unix socket of our own: hiredis's blocking ones have neither
/// `MSG_NOSIGNAL` nor close-on-exec.
struct Socket: Transport, Sendable {
    let descriptor: Int32

    var shared: Socket? { self }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransportResult {
        let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        if count == 0 { return .ended("the server closed it") }
        return count > 0 ? .moved(count) : Self.failure()
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> TransportResult {
        let count = send(
            descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Self.noSignal)
        return count >= 0 ? .moved(count) : Self.failure()
    }

    func closeWriting() {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    func close() {
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }

    private static func failure() -> TransportResult {
        switch errno {
        case EAGAIN, EWOULDBLOCK, EINTR: .wouldBlock
        default: .ended(errorText(errno))
        }
    }

    // A write to a closed peer must not raise SIGPIPE in somebody's web app.
    #if os(Linux)
        private static let noSignal = Int32(MSG_NOSIGNAL)
    #else
        private static let noSignal: Int32 = 0
    #endif
}

/// Why a server could not be connected to.
struct ConnectFault: Error {
    let reason: String
}

extension Socket {
    /// Connects, trying each address of a name in turn.
    ///
    /// - Parameter deadline: On the monotonic clock, for all addresses together; looking
    ///   the name up has the resolver's own limits.
    static func connect(to endpoint: Endpoint, deadline: Int64) throws(ConnectFault) -> Socket {
        switch endpoint {
        case .unix(let path):
            return try connectUnix(path, deadline)
        case .tcp(let host, let port):
            return try connectTCP(host, port, deadline)
        }
    }

    private static func connectUnix(_ path: String, _ deadline: Int64) throws(ConnectFault)
        -> Socket
    {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard bytes.count <= room else {
            throw ConnectFault(reason: "the path of a unix socket has at most \(room) bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return try withUnsafeBytes(of: &address) { raw throws(ConnectFault) in
            try open(AF_UNIX, raw, deadline)
        }
    }

    private static func connectTCP(_ host: String, _ port: Int, _ deadline: Int64)
        throws(ConnectFault) -> Socket
    {
        var hints = addrinfo()
        #if os(Linux)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            throw ConnectFault(reason: "\(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var fault = ConnectFault(reason: "the name has no address")
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            let raw = UnsafeRawBufferPointer(
                start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
            do {
                let socket = try open(entry.pointee.ai_family, raw, deadline)
                socket.keepAlive()
                return socket
            } catch {
                fault = error
            }
        }
        throw fault
    }

    private static func open(_ family: Int32, _ address: UnsafeRawBufferPointer, _ deadline: Int64)
        throws(ConnectFault) -> Socket
    {
        #if os(Linux)
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw ConnectFault(reason: errorText(errno)) }
        let socket = Socket(descriptor: descriptor)
        #if !os(Linux)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
            socket.set(SOL_SOCKET, SO_NOSIGPIPE, 1)
        #endif
        guard let start = address.baseAddress?.assumingMemoryBound(to: sockaddr.self) else {
            socket.close()
            throw ConnectFault(reason: "no address")
        }
        #if canImport(Glibc)
            var code = Glibc.connect(descriptor, start, socklen_t(address.count))
        #else
            var code = Darwin.connect(descriptor, start, socklen_t(address.count))
        #endif
        if code < 0 { code = errno }
        if code == EINPROGRESS || code == EINTR { code = socket.awaitConnected(deadline) }
        if code != 0 {
            socket.close()
            throw ConnectFault(reason: code == ETIMEDOUT ? "timed out" : errorText(code))
        }
        return socket
    }

    /// Waits for a connect under way; returns an errno, 0 when connected.
    private func awaitConnected(_ deadline: Int64) -> Int32 {
        while true {
            let left = (deadline - monotonicNanoseconds()) / 1_000_000
            if left <= 0 { return ETIMEDOUT }
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if poll(&entry, 1, Int32(min(left, 60_000))) > 0 { break }
        }
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        return code
    }

    /// Finds a dead peer in about 10 s, idle or not, and sends small writes at once.
    private func keepAlive() {
        set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
        #if os(Linux)
            set(Int32(IPPROTO_TCP), TCP_KEEPIDLE, 5)
            set(Int32(IPPROTO_TCP), TCP_KEEPINTVL, 2)
            set(Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
            set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, 10_000)
        #endif
    }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}
