#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension Link {
    /// Connects; logs in and names the client; then loads the scripts.
    ///
    /// These wait for the login: Redis takes no argument of over 16 KiB from who has not logged in,
    /// and would close the connection instead of telling that it wants a password.
    ///
    /// - Throws: `unreachable` for what may pass by itself, `server` when the login was
    ///   refused, `protocolViolation` when it is not Redis that answers.
    static func open(_ endpoint: Endpoint, _ options: ConnectionOptions) throws(RedisError) -> Link
    {
        let address = endpoint.description
        let deadline = monotonicDeadline(after: options.connectTimeout)
        let socket: Socket
        do throws(ConnectFault) {
            socket = try Socket.connect(to: endpoint, deadline: deadline)
        } catch {
            throw .unreachable(address: address, reason: error.reason)
        }
        var reader = ReplyReader(maxReplyBytes: options.maxReplyBytes)
        do throws(RedisError) {
            var clientID: Int?
            for steps in [login(options), loading(options.scripts)] where !steps.isEmpty {
                let replies = try exchange(
                    steps.map(\.command), socket, &reader, address: address, deadline: deadline)
                guard replies.count == steps.count, reader.isBetweenReplies else {
                    throw .protocolViolation(address: address, reason: "a reply nobody asked for")
                }
                clientID = try check(replies, of: steps, options, address: address) ?? clientID
            }
            return Link(socket, reader, address: address, clientID: clientID)
        } catch {
            socket.close()
            throw error
        }
    }

    private struct Step {
        let command: Command
        /// A refusal of a step that is needed ends the connection.
        let isNeeded: Bool
    }

    private static func login(_ options: ConnectionOptions) -> [Step] {
        var steps: [Step] = []
        if let password = options.password {
            let words = options.user.map { ["AUTH", $0, password] } ?? ["AUTH", password]
            steps.append(Step(command: Command(words), isNeeded: true))
        }
        if options.database != 0 {
            steps.append(Step(command: Command("SELECT", "\(options.database)"), isNeeded: true))
        }
        steps.append(Step(command: Command("CLIENT", "SETNAME", options.name), isNeeded: false))
        steps.append(Step(command: Command("CLIENT", "ID"), isNeeded: false))
        steps.append(ping)
        return steps
    }

    private static func loading(_ scripts: [Script]) -> [Step] {
        if scripts.isEmpty { return [] }
        return scripts.map { script in
            var load = Arguments()
            load.append("SCRIPT")
            load.append("LOAD")
            load.append(script.source)
            return Step(command: Command(name: "SCRIPT", load), isNeeded: false)
        } + [ping]
    }

    private static var ping: Step { Step(command: Command("PING"), isNeeded: false) }

    private static func check(
        _ replies: [RedisValue], of steps: [Step], _ options: ConnectionOptions, address: String
    ) throws(RedisError) -> Int? {
        var clientID: Int?
        for (reply, step) in zip(replies, steps) {
            if case .integer(let id) = reply { clientID = id }
            guard case .error(let error) = reply else { continue }
            switch error.code {
            case .LOADING, .MASTERDOWN, .NOAUTH, .WRONGPASS: throw .server(error)
            default: if step.isNeeded { throw .server(withoutSecret(error, options)) }
            }
        }
        // The last step is PING. Another answer is an echo, such as that of a TCP socket
        // that connected to itself because nobody listened: every reply would be wrong.
        switch replies.last {
        case .bytes(Array("PONG".utf8)), .error: return clientID
        default: throw .protocolViolation(address: address, reason: "it answered PING wrongly")
        }
    }

    /// Redis quotes the words of a command it does not know: after AUTH, the password.
    private static func withoutSecret(_ error: ServerError, _ options: ConnectionOptions)
        -> ServerError
    {
        let quotes = error.message.contains("with args")
        guard let password = options.password,
            quotes || (!password.isEmpty && error.message.contains(password))
        else { return error }
        return ServerError("\(error.code.rawValue) the server does not take AUTH")
    }

    /// Writes commands and reads as many replies, blocking this thread until `deadline`.
    private static func exchange(
        _ commands: [Command], _ socket: Socket, _ reader: inout ReplyReader, address: String,
        deadline: Int64
    ) throws(RedisError) -> [RedisValue] {
        var output = OutputBuffer()
        for command in commands { output.append(command.wire) }
        var replies: [RedisValue] = []
        var beginning: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 16 << 10)
        while replies.count < commands.count {
            let left = (deadline - monotonicNanoseconds() + 999_999) / 1_000_000
            guard left > 0 else {
                throw .unreachable(address: address, reason: "it accepted and then said nothing")
            }
            let events = output.isEmpty ? POLLIN : POLLIN | POLLOUT
            var entry = pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)
            guard poll(&entry, 1, Int32(clamping: left)) > 0 else { continue }
            if !output.isEmpty, case .moved(let count) = output.withBytes({ socket.write($0) }) {
                output.removeFirst(count)
            }
            switch room.withUnsafeMutableBytes({ socket.read(into: $0) }) {
            case .wouldBlock: continue
            case .ended(let reason):
                // "max number of clients reached", "DENIED Redis is running in protected mode".
                if case .error(let error) = replies.first {
                    throw .unreachable(address: address, reason: "\(reason): \(error)")
                }
                throw .unreachable(address: address, reason: reason)
            case .moved(let count):
                if beginning.isEmpty { beginning = Array(room[..<min(count, 24)]) }
                do throws(ReplyFault) {
                    try reader.feed(room[..<count])
                    while let reply = try reader.next() { replies.append(reply) }
                } catch {
                    throw .protocolViolation(address: address, reason: "got '\(shown(beginning))'")
                }
            }
        }
        return replies
    }

    /// Printable ASCII of what a stranger sent first.
    private static func shown(_ bytes: [UInt8]) -> String {
        String(
            decoding: bytes.map { (32...126).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    }
}
