/// Reads a Redis URL byte by byte; Foundation's `URL` accepts or repairs what must be an error.
///
/// Numbers, bounds: RFC 3986 for the form, `sun_path` of 108 bytes for sockets.
struct RedisURLParser {
    /// What is wrong, before the text is put beside it.
    struct Failure: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private enum Kind { case server, unix, sentinel, cluster }
    private let bytes: [UInt8]

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func parse() throws(Failure) -> RedisURL {
        guard !bytes.isEmpty else { throw Failure("it is empty") }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw Failure("a space or control character in it must be a percent code")
        }
        let (kind, isTLS, start) = try scheme()

        // 1. authority / path ? query; a fragment means a '#' that was not encoded.
        let authorityEnd = bytes[start...].firstIndex { "/?#".utf8.contains($0) } ?? bytes.count
        let queryStart =
            bytes[authorityEnd...].firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
        let authority = bytes[start..<authorityEnd]
        let rest = bytes[authorityEnd...]
        if !authority.isEmpty, authority.lastIndex(of: UInt8(ascii: "@")) == nil,
            rest.contains(UInt8(ascii: "@"))
        {
            throw Failure("write '/', '?' and '#' in a password as %2F, %3F and %23")
        }
        if rest.contains(UInt8(ascii: "#")) { throw Failure("write '#' as %23") }
        let path = bytes[authorityEnd..<queryStart]

        // 2. [user:password@]hosts
        let at = authority.lastIndex(of: UInt8(ascii: "@"))
        let (user, password) = try login(at.map { authority[..<$0] })
        let hosts = at.map { authority[($0 + 1)...] } ?? authority

        // 3. what the path means depends on the scheme.
        var databaseText: ArraySlice<UInt8>?
        var topology: RedisURL.Topology
        switch kind {
        case .unix:
            guard hosts.isEmpty else { throw Failure("a socket has no host: unix:///path") }
            topology = .single(.unix(path: try socketPath(path)))
        case .server:
            let endpoints = try endpoints(hosts, defaultPort: 6379)
            guard endpoints.count == 1 else {
                throw Failure("several hosts need redis+sentinel:// or redis+cluster://")
            }
            topology = .single(endpoints[0])
            databaseText = path.dropFirst()
        case .sentinel:
            let endpoints = try endpoints(hosts, defaultPort: 26379)
            let parts = path.dropFirst()
            let slash = parts.firstIndex(of: UInt8(ascii: "/")) ?? parts.endIndex
            let master = try decode(parts[..<slash], "the master's name")
            guard !master.isEmpty else { throw Failure("the master's name is missing") }
            topology = .sentinel(endpoints, master: master)
            databaseText = parts[slash...].dropFirst()
        case .cluster:
            topology = .cluster(try endpoints(hosts, defaultPort: 6379))
            databaseText = path.dropFirst()
        }

        // 4. the database, in the path or as ?db=
        var database: Int?
        if let text = databaseText, !text.isEmpty { database = try self.database(text) }
        if let option = try queryDatabase(bytes[queryStart...].dropFirst()) {
            guard database == nil else { throw Failure("the database is given twice") }
            database = option
        }
        if kind == .cluster, (database ?? 0) != 0 {
            throw Failure("Redis Cluster has only database 0")
        }
        return RedisURL(
            topology, isTLS: isTLS, user: user, password: password, database: database ?? 0)
    }

    private func scheme() throws(Failure) -> (Kind, isTLS: Bool, start: Int) {
        guard let end = schemeEnd(bytes) else {
            throw Failure("scheme is missing; write redis://host:port")
        }
        let name = String(decoding: bytes[..<(end - 3)], as: UTF8.self).lowercased()
        let (kind, isTLS): (Kind, Bool) =
            switch name {
            case "redis": (.server, false)
            case "rediss": (.server, true)
            case "unix": (.unix, false)
            case "redis+sentinel", "redis-sentinel": (.sentinel, false)
            case "rediss+sentinel", "rediss-sentinel": (.sentinel, true)
            case "redis+cluster", "redis-cluster": (.cluster, false)
            case "rediss+cluster", "rediss-cluster": (.cluster, true)
            default:
                throw Failure(
                    "scheme must be redis, rediss, unix, redis+sentinel or redis+cluster")
            }
        return (kind, isTLS, end)
    }

    private func login(
        _ text: ArraySlice<UInt8>?
    ) throws(Failure) -> (user: String?, password: String?) {
        guard let text, !text.isEmpty else { return (nil, nil) }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else {
            // redis-cli takes a lone word for the password, redis-py for the user.
            throw Failure("write the login as 'user:password@' or ':password@'")
        }
        let user = try decode(text[..<colon], "the user")
        let password = try decode(text[(colon + 1)...], "the password")
        if user.isEmpty { return (nil, password.isEmpty ? nil : password) }
        return (user, password)
    }

    private func endpoints(
        _ text: ArraySlice<UInt8>, defaultPort: Int
    ) throws(Failure) -> [Endpoint] {
        var result: [Endpoint] = []
        for part in text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            result.append(try endpoint(part, defaultPort: defaultPort))
        }
        return result
    }

    private func endpoint(
        _ text: ArraySlice<UInt8>, defaultPort: Int
    ) throws(Failure) -> Endpoint {
        let host: ArraySlice<UInt8>
        let after: ArraySlice<UInt8>
        if text.first == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]")) else {
                throw Failure("']' is missing after the IPv6 address")
            }
            host = text[(text.startIndex + 1)..<close]
            after = text[(close + 1)...]
            guard isIPv6(host) else { throw Failure("the IPv6 address is not valid") }
        } else {
            let colon = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
            host = text[..<colon]
            after = text[colon...]
            guard !host.isEmpty else { throw Failure("host is missing") }
            guard host.count <= 253, host.allSatisfy(isHostByte) else {
                throw Failure("host is not valid")
            }
        }
        var port = defaultPort
        if let first = after.first {
            guard first == UInt8(ascii: ":"), let number = whole(after.dropFirst(), upTo: 65535),
                number > 0
            else { throw Failure("port must be 1 to 65535") }
            port = number
        }
        return .tcp(host: String(decoding: host, as: UTF8.self), port: port)
    }

    private func socketPath(_ text: ArraySlice<UInt8>) throws(Failure) -> String {
        let path = try decode(text, "the path")
        guard path.utf8.count > 1 else { throw Failure("the socket's path is missing") }
        guard path.utf8.count <= 107 else {
            throw Failure("the socket's path is longer than 107 bytes")
        }
        return path
    }

    private func database(_ text: ArraySlice<UInt8>) throws(Failure) -> Int {
        guard let number = whole(text, upTo: Int(Int32.max)) else {
            throw Failure("database must be a whole number from 0 to 2147483647")
        }
        return number
    }

    private func queryDatabase(_ text: ArraySlice<UInt8>) throws(Failure) -> Int? {
        var found: Int?
        for option in text.split(separator: UInt8(ascii: "&")) {
            guard option.starts(with: "db=".utf8) else {
                throw Failure("the only option after '?' is db")
            }
            guard found == nil else { throw Failure("the database is given twice") }
            found = try database(option.dropFirst(3))
        }
        return found
    }

    private func whole(_ text: ArraySlice<UInt8>, upTo limit: Int) -> Int? {
        guard !text.isEmpty else { return nil }
        var value = 0
        for byte in text {
            guard isDigit(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
            if value > limit { return nil }
        }
        return value
    }

    /// Resolves percent codes; `part` names the place, since the value may be a secret.
    private func decode(_ text: ArraySlice<UInt8>, _ part: String) throws(Failure) -> String {
        var decoded: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            guard text[index] == UInt8(ascii: "%") else {
                decoded.append(text[index])
                index += 1
                continue
            }
            guard index + 2 < text.endIndex, let high = hex(text[index + 1]),
                let low = hex(text[index + 2]), high | low != 0
            else { throw Failure("bad percent code in \(part)") }
            decoded.append(high << 4 | low)
            index += 3
        }
        guard let result = String(validating: decoded, as: UTF8.self) else {
            throw Failure("\(part) is not UTF-8")
        }
        return result
    }
}

/// The index after `://`, when what stands before it can be a scheme.
private func schemeEnd(_ bytes: [UInt8]) -> Int? {
    let name = bytes.prefix { isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) }
    guard !name.isEmpty, bytes[name.endIndex...].starts(with: "://".utf8) else { return nil }
    return name.endIndex + 3
}

/// The text with everything that could be a password replaced by `***`.
///
/// It must hold for URLs that do not parse, so it guesses wide: all from the first colon to the
/// last `@` (a password with a raw `/` in it), what stands where a port should (a forgotten
/// host), every option but `db`.
func redact(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let start = schemeEnd(bytes) ?? 0
    var result = Array(bytes[..<start])
    var rest = bytes[start...]
    let isSocket = result.elementsEqual("unix://".utf8) && rest.first == UInt8(ascii: "/")
    if !isSocket, let at = rest.lastIndex(of: UInt8(ascii: "@")) {
        let login = rest[..<at]
        if let end = login.firstIndex(where: { ":/?#".utf8.contains($0) }),
            login[end] == UInt8(ascii: ":")
        {
            result += login[...end]
        }
        result += "***@".utf8
        rest = rest[(at + 1)...]
    }
    let authorityEnd = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
    let hosts = rest[..<authorityEnd].split(
        separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    for (index, host) in hosts.enumerated() {
        if index > 0 { result.append(UInt8(ascii: ",")) }
        let colon = host.firstIndex(of: UInt8(ascii: ":"))
        if host.first != UInt8(ascii: "["), let colon,
            !host[(colon + 1)...].allSatisfy({ isDigit($0) || $0 == UInt8(ascii: "-") })
        {
            result += host[...colon]
            result += "***".utf8
        } else {
            result += host
        }
    }
    let pathEnd = rest[authorityEnd...].firstIndex { "?#".utf8.contains($0) } ?? rest.endIndex
    result += rest[authorityEnd..<pathEnd]
    if pathEnd < rest.endIndex {
        result.append(rest[pathEnd])
        let query = rest[(pathEnd + 1)...]
        let isDatabase =
            query.starts(with: "db=".utf8) && query.count < 16
            && !query.contains(UInt8(ascii: "&"))
        result += isDatabase ? query : ArraySlice("***".utf8)
    }
    return printable(String(decoding: result, as: UTF8.self))
}

private func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
private func isLetter(_ byte: UInt8) -> Bool { (byte | 32) &- 97 < 26 }
private func isHostByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || ".-_".utf8.contains(byte)
}

/// Whether the text has the letters of an IPv6 address, with an optional `%zone`.
private func isIPv6(_ text: ArraySlice<UInt8>) -> Bool {
    let zone = text.firstIndex(of: UInt8(ascii: "%")) ?? text.endIndex
    let address = text[..<zone]
    return address.filter { $0 == UInt8(ascii: ":") }.count >= 2
        && address.allSatisfy { hex($0) != nil || ":.".utf8.contains($0) }
        && text[zone...].dropFirst().allSatisfy(isHostByte)
}

private func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - 48
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - 55
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - 87
    default: nil
    }
}
