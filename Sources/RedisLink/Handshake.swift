#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension Link {
    /// Connects, logs in, names the client and loads the scripts: one pipeline.
    ///
    /// - Throws: `unreachable` for what may pass by itself, `server` when the login was
    ///   refused, `protocolViolation` when it is not Redis that answers.
    static func open(_ endpoint: Endpoint, _ options: ConnectionOptions) throws(RedisError) -> Link
    {
        let address = endpoint.description
        let deadline = monotonicNanoseconds() + options.connectTimeout.nanoseconds
        let socket: Socket
        do throws(ConnectFault) {
            socket = try Socket.connect(to: endpoint, deadline: deadline)
        } catch {
            throw .unreachable(address: address, reason: error.reason)
        }
        var reader = ReplyReader(maxReplyBytes: options.maxReplyBytes)
        do throws(RedisError) {
            let steps = handshake(options)
            let replies = try exchange(
                steps.map(\.command), socket, &reader, address: address, deadline: deadline)
            let clientID = try check(replies, of: steps, address: address)
            return Link(socket, reader, clientID: clientID)
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

    private static func handshake(_ options: ConnectionOptions) -> [Step] {
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
        for script in options.scripts {
            var load = Arguments()
            load.append("SCRIPT")
            load.append("LOAD")
            load.append(script.source)
            steps.append(Step(command: Command(name: "SCRIPT", load), isNeeded: false))
        }
        steps.append(Step(command: Command("PING"), isNeeded: false))
        return steps
    }

    private static func check(_ replies: [RedisValue], of steps: [Step], address: String)
        throws(RedisError) -> Int?
    {
        var clientID: Int?
        for (reply, step) in zip(replies, steps) {
            if case .integer(let id) = reply { clientID = id }
            guard case .error(let error) = reply else { continue }
            switch error.code {
            case .LOADING, .MASTERDOWN, .NOAUTH, .WRONGPASS: throw .server(error)
            default: if step.isNeeded { throw .server(error) }
            }
        }
        return clientID
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
            case .ended(let reason): throw .unreachable(address: address, reason: reason)
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
        String(decoding: bytes.map { (32...126).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    }
}
