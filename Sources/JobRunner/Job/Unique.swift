internal import RedisLink

/// That a queue holds at most one job of a kind with the same key.
///
/// A lock in Redis with a TTL, which holds the job's id: taken with the enqueue in one script, let
/// go by the script that ends the job, and only by the job that holds it.
public struct Unique: Sendable, Hashable {
    /// What makes two jobs the same.
    public enum Key: Sendable, Hashable {
        /// All arguments, as they are encoded.
        case arguments
        /// The value of one argument, by its name.
        case argument(String)
        /// This text.
        case key(String)
    }

    /// For how long.
    public enum End: String, Sendable, Hashable, CaseIterable {
        /// While it waits: until it starts.
        case start
        /// While it waits or runs: until it is done, dead or otherwise over.
        case done
        /// For the time `for`, whatever becomes of it.
        case time
        /// While it runs: all are enqueued, and another waits aside until this one is over.
        case running
    }

    /// What becomes of a job whose key is held.
    public enum Conflict: String, Sendable, Hashable, CaseIterable {
        /// It is not enqueued: the handle is that of the job that holds the key.
        case keep
        /// The same, and `enqueue` throws `alreadyEnqueued`.
        case reject
        /// It takes the key: the other is cancelled, also when it runs.
        case replace
    }

    /// What makes two jobs the same.
    public var key: Key
    /// Until when the key is held.
    public var until: End
    /// Its longest life, counted anew with every retry: 1 ms to 10 years.
    ///
    /// A job that waits or runs for longer is not unique any more.
    public var lifetime: Duration
    /// What becomes of a second one.
    public var onConflict: Conflict
    /// A second one puts off the first that waits.
    var debounce: Duration?
    var atMost: Duration?

    /// Unique by its arguments, until it is done, for a day at most; a second one is not enqueued.
    public init(
        by key: Key = .arguments, until: End = .done, for lifetime: Duration = .seconds(86_400),
        onConflict: Conflict = .keep
    ) {
        self.key = key
        self.until = until
        self.lifetime = lifetime
        self.onConflict = onConflict
    }

    /// Starts when nobody has enqueued one for this long: a later one replaces it and waits anew.
    ///
    /// - Parameters:
    ///   - quiet: 1 ms to 1 day.
    ///   - atMost: Longest time it is put off; nil is for ever.
    public static func debounce(
        for quiet: Duration, key: Key = .arguments, atMost: Duration? = nil
    ) -> Unique {
        // The lock outlives the wait by more than any worker is late.
        var unique = Unique(
            by: key, until: .start, for: quiet + quiet + .seconds(60), onConflict: .keep)
        unique.debounce = quiet
        unique.atMost = atMost
        return unique
    }

    /// At most one in this time: those that come sooner are not enqueued.
    public static func throttle(for time: Duration, key: Key = .arguments) -> Unique {
        Unique(by: key, until: .time, for: time)
    }

    /// What the enqueue script does when the key is held.
    var policy: String {
        if debounce != nil { return "debounce" }
        return onConflict == .replace ? "replace" : "keep"
    }

    /// - Throws: `JobRunnerError.invalid` for what is out of bounds or a key that is not there.
    package func lock(job: String, arguments: [UInt8]) throws -> UniqueLock {
        guard lifetime >= .milliseconds(1), lifetime <= Due.longest + .seconds(86_400) else {
            throw JobRunnerError.invalid(
                "unique: the time must be 1 ms to 10 years, got \(lifetime)")
        }
        if let debounce, !(.milliseconds(1) ... .seconds(86_400)).contains(debounce) {
            throw JobRunnerError.invalid("debounce must be 1 ms to 1 day, got \(debounce)")
        }
        let text: [UInt8]
        switch key {
        case .arguments: text = arguments
        case .key(let key): text = Array(key.utf8)
        case .argument(let name):
            guard let value = JSONArgument.text(of: name, in: arguments) else {
                throw JobRunnerError.invalid("unique: there is no argument '\(printable(name))'")
            }
            text = value
        }
        let readable = "\(job).\(String(decoding: text, as: UTF8.self))"
        let isName = (try? NameError.check(readable, as: .unique)) != nil
        let name = isName ? readable : sha1Hex(Array(job.utf8) + [10] + text)
        return UniqueLock(
            key: name, end: UniqueLock.End(rawValue: until.rawValue) ?? .done,
            milliseconds: lifetime.milliseconds)
    }
}

/// One argument of a job, read without decoding the others.
enum JSONArgument {
    /// The text of a string, the JSON of anything else; nil when it is missing or null.
    static func text(of name: String, in arguments: [UInt8]) -> [UInt8]? {
        arguments.withUnsafeBufferPointer { text(of: name, in: $0) }
    }

    static func text(of name: String, in arguments: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var scanner = JSONScanner(arguments)
        scanner.skipWhitespace()
        guard scanner.peek == UInt8(ascii: "{") else { return nil }
        scanner.at += 1
        var isFirst = true
        while let member = try? scanner.nextMember(isFirst: isFirst, depth: 1) {
            isFirst = false
            guard scanner.text(member.key) == name, !scanner.isNull(member.value) else { continue }
            if member.value.kind == .string { return Array(scanner.text(member.value).utf8) }
            return Array(arguments[member.value.range])
        }
        return nil
    }
}
