import JobRunnerTesting
import Synchronization

@testable import RedisLink

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension RedisServer {
    var unix: Endpoint { .unix(path: socketPath) }

    /// A connection to its socket.
    func connect(_ change: (inout ConnectionOptions) -> Void = { _ in }) throws -> Connection {
        var options = ConnectionOptions()
        change(&options)
        return try Connection(to: unix, options: options)
    }
}

extension Connection {
    /// Sends words.
    func send(_ words: String..., timeout: Duration? = nil) async throws(RedisError) -> RedisValue {
        try await send(Command(words), timeout: timeout)
    }

    /// Why words failed; nil when they did not.
    func error(_ words: String..., timeout: Duration? = nil) async -> RedisError? {
        do {
            _ = try await send(Command(words), timeout: timeout)
            return nil
        } catch {
            return error
        }
    }
}

extension RedisValue {
    static func text(_ text: String) -> RedisValue { .bytes(Array(text.utf8)) }
    static var ok: RedisValue { text("OK") }
}

extension Result {
    var error: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}

extension RedisError {
    /// The code of an error reply.
    var code: ServerError.Code? {
        if case .server(let error) = self { error.code } else { nil }
    }

    var isUnreachable: Bool { if case .unreachable = self { true } else { false } }
    var isClosed: Bool { if case .closed = self { true } else { false } }
    var isTimeout: Bool { if case .timeout = self { true } else { false } }
    var isProtocolViolation: Bool { if case .protocolViolation = self { true } else { false } }
}

/// What a connection reports, to be awaited.
final class EventLog: Sendable {
    let stream: AsyncStream<ConnectionEvent>
    private let continuation: AsyncStream<ConnectionEvent>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    var record: @Sendable (ConnectionEvent) -> Void {
        { [continuation] in continuation.yield($0) }
    }

    /// The next event that `matches`; others are passed over.
    func first(_ matches: (ConnectionEvent) -> Bool) async -> ConnectionEvent? {
        for await event in stream where matches(event) { return event }
        return nil
    }

    /// The text of the next loss.
    func loss() async -> String? {
        for await case .lost(_, let reason) in stream { return reason }
        return nil
    }
}

/// Collects what completions get, in their order.
final class Answers: Sendable {
    typealias Answer = Result<RedisValue, RedisError>

    private let stream: AsyncStream<Answer>
    private let continuation: AsyncStream<Answer>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    var completion: Connection.Completion {
        { [continuation] in continuation.yield($0) }
    }

    /// The next `count` answers.
    func next(_ count: Int) async -> [Answer] {
        var answers: [Answer] = []
        for await answer in stream {
            answers.append(answer)
            if answers.count == count { break }
        }
        return answers
    }
}

/// Set once, seen by other threads.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}

/// Why a login fails; nil when it does not.
func openError(
    _ endpoint: Endpoint, _ change: (inout ConnectionOptions) -> Void = { _ in }
) -> RedisError? {
    var options = ConnectionOptions()
    change(&options)
    do {
        _ = try Link.open(endpoint, options)
        return nil
    } catch {
        return error
    }
}

/// True as soon as the condition holds; false when it does not within 20 s.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while true {
        // Asked once more after the time: on a busy machine one yield may take all of it.
        let isOver = ContinuousClock.now >= deadline
        if try await condition() { return true }
        if isOver || Task.isCancelled { return false }
        poll(nil, 0, 1)
        await Task.yield()
    }
}

/// The names in a directory of `/proc/self`: `fd` or `task`.
func procEntries(_ name: String) -> [String] {
    guard let directory = opendir("/proc/self/\(name)") else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let text = withUnsafeBytes(of: entry.pointee.d_name) { raw in
            String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
        }
        // The directory's own descriptor is not there any more when the caller looks.
        if Int32(text) != nil, name != "fd" || Int32(text) != dirfd(directory) {
            names.append(text)
        }
    }
    return names
}

/// SplitMix64: the same numbers in every run of a test.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
