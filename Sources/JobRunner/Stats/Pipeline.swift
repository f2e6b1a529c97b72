internal import RedisLink
internal import Synchronization

/// Reads, or small writes, that belong together; a bounded number of them is on the wire at a time.
struct Pipeline: Sendable {
    /// One read, and where it goes.
    struct Read: Sendable {
        let key: String
        let command: Command

        init(_ name: String, _ key: String, _ words: String...) {
            self.key = key
            command = Command([name, key] + words)
        }

        init(key: String, command: Command) {
            self.key = key
            self.command = command
        }

        init<Reply>(_ call: Call<Reply>) {
            self.init(key: call.key, command: call.command)
        }
    }

    let router: RedisRouter
    /// 1,000 queues are not one pipeline of megabytes, yet a round trip costs nothing each.
    var batch = 512

    /// Sends all and waits for all.
    ///
    /// - Returns: A reply a read, in order; the server's refusals among them.
    /// - Throws: What is wrong with the connection or the server as a whole.
    func replies(to reads: [Read]) async throws(RedisError) -> [RedisValue] {
        var replies: [RedisValue] = []
        replies.reserveCapacity(reads.count)
        var start = 0
        while start < reads.count {
            let end = min(reads.count, start + batch)
            for result in await send(Array(reads[start..<end])) {
                let value = try result.get()
                if case .error(let error) = value, !Self.isOfOneKey(error) {
                    throw .server(error)
                }
                replies.append(value)
            }
            start = end
        }
        return replies
    }

    /// Whether other keys may be read all the same.
    private static func isOfOneKey(_ error: ServerError) -> Bool {
        error.code == .WRONGTYPE || error.code == .NOPERM
    }

    private func send(_ reads: [Read]) async -> [Result<RedisValue, RedisError>] {
        let gathering = Gathering(count: reads.count)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                gathering.start(continuation)
                for (index, read) in reads.enumerated() {
                    router.connection(for: read.key).submit(
                        read.command, isWanted: { gathering.isWanted }
                    ) { gathering.note(index, $0) }
                }
            }
        } onCancel: {
            gathering.cancel()
        }
    }
}

/// Collects the replies of a batch; resumes once: with all of them, or when cancelled.
private final class Gathering: Sendable {
    typealias Answer = Result<RedisValue, RedisError>

    private struct State {
        var answers: [Answer]
        var left: Int
        var isCancelled = false
        var continuation: CheckedContinuation<[Answer], Never>?
    }

    private let state: Mutex<State>

    init(count: Int) {
        let answers = [Answer](repeating: .failure(.cancelled), count: count)
        state = Mutex(State(answers: answers, left: count))
    }

    var isWanted: Bool { state.withLock { !$0.isCancelled } }

    func start(_ continuation: CheckedContinuation<[Answer], Never>) {
        let early: [Answer]? = state.withLock { state in
            guard state.isCancelled else {
                state.continuation = continuation
                return nil
            }
            return state.answers
        }
        if let early { continuation.resume(returning: early) }
    }

    func note(_ index: Int, _ answer: Answer) {
        let finished: CheckedContinuation<[Answer], Never>? = state.withLock { state in
            state.answers[index] = answer
            state.left -= 1
            guard state.left == 0 else { return nil }
            defer { state.continuation = nil }
            return state.continuation
        }
        if let finished { finished.resume(returning: state.withLock { $0.answers }) }
    }

    func cancel() {
        let waiting: CheckedContinuation<[Answer], Never>? = state.withLock { state in
            state.isCancelled = true
            defer { state.continuation = nil }
            return state.continuation
        }
        if let waiting { waiting.resume(returning: state.withLock { $0.answers }) }
    }
}
