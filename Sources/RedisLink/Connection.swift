internal import Synchronization

/// One socket to one server, served by one thread that batches what is queued.
///
/// Callers on any thread append a command and are called back, or resumed, when its
/// reply is there. The thread writes everything queued since its last turn as one
/// pipeline and reads all replies before it turns again. It connects when there is
/// something to send, and again, with backoff, when the connection breaks; commands
/// that were not sent yet wait for that until their timeout.
public final class Connection: Sendable {
    /// What a completion gets; it runs on the connection's thread and must be short.
    public typealias Completion = @Sendable (Result<RedisValue, RedisError>) -> Void

    private let shared: ConnectionShared

    /// Where it leads.
    public var endpoint: Endpoint { shared.endpoint }

    /// Starts the thread; connects with the first command.
    ///
    /// - Parameter subscription: What it listens to, over a second socket, from now on.
    /// - Throws: `RedisError.unreachable` when the process is out of descriptors or threads.
    public convenience init(
        to endpoint: Endpoint, options: ConnectionOptions, subscription: Subscription? = nil
    ) throws(RedisError) {
        try self.init(to: endpoint, options: options, subscription: subscription, among: nil)
    }

    /// - Parameter siblings: Those of the same router.
    init(
        to endpoint: Endpoint, options: ConnectionOptions, subscription: Subscription? = nil,
        among siblings: Siblings?
    ) throws(RedisError) {
        let shared = ConnectionShared(endpoint, options, try Wakeup(), siblings)
        self.shared = shared
        try startThread("redis") { ConnectionThread(shared, subscription).run() }
    }

    deinit {
        shared.stop()
    }

    /// Queues a command; `completion` is called exactly once.
    ///
    /// - Parameters:
    ///   - timeout: From now to the reply; the options' command timeout when nil. Commands
    ///     are answered in order, so one behind a blocking command waits for that too.
    ///   - isWanted: Asked before sending; false fails it with `cancelled`, unsent.
    public func submit(
        _ command: Command, timeout: Duration? = nil,
        isWanted: (@Sendable () -> Bool)? = nil, completion: @escaping Completion
    ) {
        let timeout = timeout ?? shared.options.commandTimeout
        let request = Request(
            command: command, timeout: timeout,
            deadline: monotonicDeadline(after: timeout), isWanted: isWanted,
            completion: completion)
        if !shared.queue(CollectionOfOne(request)) { completion(.failure(.stopped)) }
    }

    /// Queues commands that go out back to back, whatever others queue meanwhile.
    ///
    /// - Parameter timeout: As for one command, for each.
    public func submit(
        together commands: [(Command, Completion)], timeout: Duration? = nil
    ) {
        let timeout = timeout ?? shared.options.commandTimeout
        let deadline = monotonicDeadline(after: timeout)
        let requests = commands.map {
            Request(
                command: $0, timeout: timeout, deadline: deadline, isWanted: nil, completion: $1)
        }
        guard !shared.queue(requests) else { return }
        for request in requests { request.completion(.failure(.stopped)) }
    }

    /// Sends a command and waits for its reply without holding a thread.
    ///
    /// - Throws: Any `RedisError`; an error reply is `.server`. After `cancelled` the
    ///   command may still be executed if it was on the wire.
    public func send(_ command: Command, timeout: Duration? = nil) async throws(RedisError)
        -> RedisValue
    {
        let waiter = Waiter()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard waiter.wait(continuation) else { return }
                submit(command, timeout: timeout, isWanted: { waiter.isWaiting }) {
                    waiter.finish($0)
                }
            }
        } onCancel: {
            waiter.finish(.failure(.cancelled))
        }
        return try result.get().orThrow()
    }

    /// The server's number of this client, for CLIENT UNBLOCK; nil while not connected.
    public var clientID: Int? { shared.clientID }

    /// Sends nothing more, and closes when the server has: the replies to what it had executed by
    /// then still arrive, and nothing is executed afterwards.
    ///
    /// The server drops the blocking command of a client that has closed its side. What was not
    /// sent fails with `stopped`, what was not answered with `closed`.
    ///
    /// - Parameters:
    ///   - patience: How long the server has; then the socket is closed as it is.
    ///   - onEnd: Called once, when it is closed, on the connection's thread or on the caller's.
    public func end(patience: Duration, onEnd: @escaping @Sendable () -> Void) {
        shared.end(by: monotonicDeadline(after: patience), onEnd)
    }

    /// As `end(patience:onEnd:)`; returns when it is closed.
    public func end(patience: Duration) async {
        await withCheckedContinuation { continuation in
            end(patience: patience) { continuation.resume() }
        }
    }

    /// Closes the socket; what waits fails, later commands are refused.
    ///
    /// At once, or when a connect that is under way ends.
    public func close() {
        shared.stop()
    }
}

extension RedisValue {
    /// The value, unless it is an error reply.
    public func orThrow() throws(RedisError) -> RedisValue {
        if case .error(let error) = self { throw .server(error) }
        return self
    }
}

/// A caller that waits: finished once, by the reply or by cancellation, whichever is first.
private final class Waiter: Sendable {
    private typealias Continuation = CheckedContinuation<Result<RedisValue, RedisError>, Never>

    private enum State {
        case new
        case waiting(Continuation)
        case finished(Result<RedisValue, RedisError>?)
    }

    private let state = Mutex(State.new)

    var isWaiting: Bool {
        state.withLock { if case .waiting = $0 { true } else { false } }
    }

    /// False when it was finished before it waited; then the continuation is resumed.
    func wait(_ continuation: CheckedContinuation<Result<RedisValue, RedisError>, Never>) -> Bool {
        let early: Result<RedisValue, RedisError>? = state.withLock { state in
            if case .finished(let result) = state { return result ?? .failure(.cancelled) }
            state = .waiting(continuation)
            return nil
        }
        if let early { continuation.resume(returning: early) }
        return early == nil
    }

    func finish(_ result: Result<RedisValue, RedisError>) {
        let continuation: Continuation? = state.withLock { state in
            switch state {
            case .new:
                state = .finished(result)
                return nil
            case .waiting(let continuation):
                state = .finished(nil)
                return continuation
            case .finished:
                return nil
            }
        }
        continuation?.resume(returning: result)
    }
}
