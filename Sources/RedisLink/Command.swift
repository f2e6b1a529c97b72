internal import CHiredis

/// One command in RESP, formatted by hiredis, ready for the wire.
public struct Command: Sendable {
    /// The command's first word, or the script's name: for errors and logs.
    public let name: String
    let wire: [UInt8]
    /// Set for EVALSHA: what to send instead when the server does not know the script.
    let script: Script?
    #if DEBUG
        /// For the fault tests.
        package var onWrite: CommandHooks?
    #endif

    /// Formats a command from its words.
    public init(_ words: String...) {
        self.init(words)
    }

    /// Formats a command from its words.
    public init(_ words: [String]) {
        var arguments = Arguments()
        for word in words { arguments.append(word) }
        self.init(name: words.first ?? "", arguments)
    }

    /// Formats a command from bytes; `arguments` begins with the command's name.
    public init(name: String, _ arguments: Arguments) {
        self.name = name
        self.wire = arguments.formatted()
        self.script = nil
    }

    /// A call of a script by its digest.
    ///
    /// - Parameter arguments: What `Arguments(calling:keys:)` began: keys, then the rest.
    public init(script: Script, _ arguments: Arguments) {
        self.name = script.name
        self.wire = arguments.formatted()
        self.script = script
    }

    /// The same call as EVAL: after NOSCRIPT, which did nothing, this is safe at once.
    func evaluated() -> [UInt8]? {
        guard let script else { return nil }
        // "*N\r\n" then "$7\r\nEVALSHA\r\n" then "$40\r\n<digest>\r\n".
        guard let count = wire.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let rest = count + 1 + 13 + 47
        var bytes = Array(wire[...count])
        bytes += Array("$4\r\nEVAL\r\n$\(script.source.count)\r\n".utf8)
        bytes += script.source
        bytes += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
        bytes += wire[rest...]
        return bytes
    }
}

#if DEBUG
    /// What is called on the connection's thread around the writing of a command.
    package struct CommandHooks: Sendable {
        package let before: @Sendable () -> Void
        /// All of it is in the socket, and its reply not yet read.
        package let after: @Sendable () -> Void

        package init(
            before: @escaping @Sendable () -> Void, after: @escaping @Sendable () -> Void
        ) {
            self.before = before
            self.after = after
        }
    }
#endif

/// The words of one command, packed in one buffer: no allocation a word.
public struct Arguments: Sendable {
    private var buffer: [UInt8] = []
    private var lengths: [Int] = []

    /// No words yet.
    public init() {}

    /// The beginning of a script call: EVALSHA, digest, number of keys, keys.
    public init(calling script: Script, keys: [String]) {
        begin(calling: script, keys: keys.count)
        for key in keys { append(key) }
    }

    /// The same for keys that are appended one by one: `keys` of them must follow.
    public mutating func begin(calling script: Script, keys: Int) {
        append("EVALSHA")
        append(script.digest)
        append(keys)
    }

    /// Makes room for words to come; both are hints.
    public mutating func reserve(words: Int, bytes: Int) {
        lengths.reserveCapacity(lengths.count + words)
        buffer.reserveCapacity(buffer.count + bytes)
    }

    /// Appends one word.
    public mutating func append(_ word: String) {
        let before = buffer.count
        buffer.append(contentsOf: word.utf8)
        lengths.append(buffer.count - before)
    }

    /// Appends one word of bytes.
    public mutating func append(_ word: [UInt8]) {
        buffer.append(contentsOf: word)
        lengths.append(word.count)
    }

    /// Appends one word made of parts.
    public mutating func append(_ first: String, _ second: String, _ third: String) {
        let before = buffer.count
        buffer.append(contentsOf: first.utf8)
        buffer.append(contentsOf: second.utf8)
        buffer.append(contentsOf: third.utf8)
        lengths.append(buffer.count - before)
    }

    /// Appends numbers in decimal, each a word.
    public mutating func append(_ numbers: Int...) {
        for number in numbers { append(number) }
    }

    /// Appends a number in decimal, without a String: a fence has more digits than fit inline.
    public mutating func append(_ number: Int) {
        let before = buffer.count
        var rest = number.magnitude
        repeat {
            buffer.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        if number < 0 { buffer.append(UInt8(ascii: "-")) }
        buffer[before...].reverse()
        lengths.append(buffer.count - before)
    }

    /// The RESP bytes, by hiredis's formatter (binary-safe: no format string).
    func formatted() -> [UInt8] {
        buffer.withUnsafeBytes { raw in
            // An empty buffer has no address; hiredis wants one even for empty words.
            withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: lengths.count) {
                words in
                // hiredis reads `lengths[i]` bytes of each word, so any address does for none.
                let start =
                    raw.assumingMemoryBound(to: CChar.self).baseAddress
                    ?? UnsafePointer(bitPattern: 1)
                var offset = 0
                for (index, length) in lengths.enumerated() {
                    words.initializeElement(at: index, to: start.map { $0 + offset })
                    offset += length
                }
                var target: UnsafeMutablePointer<CChar>?
                let count = redisFormatCommandArgv(
                    &target, Int32(lengths.count), words.baseAddress, lengths)
                precondition(count > 0, "hiredis could not format a command: out of memory")
                guard let target else { return [] }
                defer { redisFreeCommand(target) }
                return Array(
                    UnsafeRawBufferPointer(start: target, count: Int(count)))
            }
        }
    }
}

extension Command {
    /// The same command, not to be sent as EVAL once more.
    func asEvaluated() -> Command {
        Command(name: name, wire: [], script: nil)
    }

    private init(name: String, wire: [UInt8], script: Script?) {
        self.name = name
        self.wire = wire
        self.script = script
    }
}
