internal import RedisLink
internal import Synchronization

/// Watches keys of one server for any number of waiters, over one connection: no polling.
///
/// Reads on that connection make the server remember who read (CLIENT TRACKING), and tell the
/// subscription beside it when the key changes. Nobody who writes pays for it, and where nobody
/// waits nothing is done at all. What a lost wake-up costs is in `WatchBook`.
///
/// The connection is made for the first waiter and kept: it costs two sockets and a thread that
/// sleeps, and the next waiter does not wait for a connect.
final class KeyWatch: Sendable {
    private struct State {
        var book = WatchBook()
        var random = SystemRandomNumberGenerator()
        var connection: Connection?
        /// The server's number of the subscribed client; nil while it is not.
        var listener: Int?
        /// Counts the times tracking was turned on: what an older one's reads say is over.
        var generation = 0
        var hasSaid = false
        var trust = AnswerTrust()
        var isStopped = false
        /// Sleeps until `wakesAt`, monotonic ns.
        var timer: Task<Void, Never>?
        var wakesAt = Int64.max
        var lastPass: Int64 = 0
    }

    private static let channel = "__redis__:invalidate"
    /// Between two passes through all who wait, ns: their deadlines may be as many as they are.
    private static let passesApart: Int64 = 5_000_000

    private let router: RedisRouter
    /// What workers know this client by, and the channel on which they tell it outcomes.
    private let client = JobID.generate(now: Int64(WallClock.milliseconds())).description
    private let answers: String
    private let maxBytes: Int
    private let onRefusal: @Sendable (RedisError) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maxBytes: A longer value is cut, to one byte more.
    ///   - onRefusal: Told once, when the server does not tell of changes.
    init(
        _ router: RedisRouter, _ keys: Keys, maxBytes: Int,
        onRefusal: @escaping @Sendable (RedisError) -> Void
    ) {
        self.router = router
        answers = keys.answers(client)
        self.maxBytes = maxBytes
        self.onRefusal = onRefusal
    }

    deinit { stop() }

    /// How many wait: for tests.
    var count: Int { state.withLock { $0.book.count } }
    /// The server tells of changes: for tests.
    var isTracking: Bool { state.withLock { $0.book.isTracking } }

    /// What a job names so that its outcome comes as a message; nil while that would not be heard.
    var caller: String? {
        let now = monotonicNanoseconds()
        return state.withLock { state in
            state.book.isTracking && state.trust.isGiven(now: now) ? client : nil
        }
    }

    /// Begins to watch a key.
    ///
    /// - Parameters:
    ///   - deadline: Monotonic; past it, the key is read once more.
    ///   - isFresh: A value is not expected to be there yet.
    ///   - isTold: A message is to bring it, for the job names `caller`.
    /// - Returns: For `remove`.
    func add(
        _ watcher: any KeyWatcher, key: String, deadline: Int64, isFresh: Bool,
        isTold: Bool = false
    ) -> WatchBook.ID? {
        let connection: Connection
        do throws(RedisError) {
            connection = try connect(for: key)
        } catch {
            watcher.ended(error == .stopped ? .stopped : .failed(error))
            return nil
        }
        let (id, steps, generation) = state.withLock { state in
            let (id, steps) = state.book.add(
                watcher, key: key, deadline: deadline, isFresh: isFresh,
                told: isTold ? monotonicNanoseconds() : nil)
            schedule(&state)
            return (id, steps, state.generation)
        }
        perform(steps, connection, generation)
        return id
    }

    /// Makes a watch end sooner than was said.
    func limit(_ id: WatchBook.ID, to deadline: Int64) {
        state.withLock { state in
            state.book.limit(id, to: deadline)
            schedule(&state)
        }
    }

    /// Watches no more; nothing is said of it.
    func remove(_ id: WatchBook.ID) {
        state.withLock { _ = $0.book.remove(id) }
    }

    /// Closes the connection; all who wait hear `stopped`.
    func stop() {
        let (watchers, connection) = state.withLock { state in
            state.isStopped = true
            state.timer?.cancel()
            defer { state.connection = nil }
            return (state.book.removeAll(), state.connection)
        }
        connection?.close()
        for watcher in watchers { watcher.ended(.stopped) }
    }

    // MARK: Effects

    private func connect(for key: String) throws(RedisError) -> Connection {
        let result: Result<Connection, RedisError> = state.withLock { state in
            if state.isStopped { return .failure(.stopped) }
            if let connection = state.connection { return .success(connection) }
            let subscription = Subscription(to: [Self.channel], optional: answers) { [weak self] in
                self?.heard($0)
            }
            do throws(RedisError) {
                let connection = try router.listening(for: key, subscription) { [weak self] in
                    self?.heard($0)
                }
                state.connection = connection
                return .success(connection)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Decides under the lock, then does it without.
    private func step(_ decide: (inout State, _ now: Int64) -> WatchBook.Steps) {
        let (steps, connection, generation) = state.withLock { state in
            let steps = decide(&state, monotonicNanoseconds())
            if steps.missesMessages { state.trust.miss(now: monotonicNanoseconds()) }
            schedule(&state)
            return (steps, state.connection, state.generation)
        }
        if let connection { perform(steps, connection, generation) }
    }

    private func perform(
        _ steps: WatchBook.Steps, _ connection: Connection, _ generation: Int
    ) {
        var commands: [(Command, Connection.Completion)] = []
        for (key, how, number) in steps.reads {
            if how == .armed {
                commands.append(
                    (
                        Command("CLIENT", "CACHING", "YES"),
                        { [weak self] in self?.refused($0, generation) }
                    ))
            }
            commands.append(
                (
                    QueueStore.read(key, atMost: maxBytes),
                    { [weak self] in self?.answered(key, number, $0) }
                ))
        }
        if !commands.isEmpty { connection.submit(together: commands) }
        for (watcher, value) in steps.seen { watcher.saw(value) }
        for (watcher, end) in steps.ended { watcher.ended(end) }
    }

    private func answered(
        _ key: String, _ number: Int, _ result: Result<RedisValue, RedisError>
    ) {
        let value = result.flatMap { value -> Result<[UInt8]?, RedisError> in
            if case .error(let error) = value { return .failure(.server(error)) }
            return .success(QueueStore.present(value))
        }
        step { $0.book.answered(key, number, value, now: $1, using: &$0.random) }
    }

    // MARK: What the connection says

    private func heard(_ event: SubscriptionEvent) {
        switch event {
        case .subscribed(let clientID):
            state.withLock { state in
                state.listener = clientID
                state.trust.reset()
            }
            track()
        case .listening: state.withLock { $0.trust.listens() }
        case .message(answers, let payload):
            guard let bytes = payload.bytes,
                let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
            else { return }
            let key = String(decoding: bytes[..<end], as: UTF8.self)
            let value = Array(bytes[(end + 1)...])
            step { state, _ in
                state.trust.heard()
                return state.book.told(key, value.isEmpty ? nil : value)
            }
        case .message(_, let payload):
            // Null is of all keys: somebody emptied the database.
            let keys = payload.array?.map(\.text) ?? [nil]
            for key in keys { step { state, _ in state.book.changed(key) } }
        case .lost:
            state.withLock { state in
                state.listener = nil
                state.trust.reset()
            }
            untrack()
        case .failed(let error, _): say(error)
        }
    }

    private func heard(_ event: ConnectionEvent) {
        switch event {
        case .connected: track()
        case .lost: untrack()
        case .failed: break
        }
    }

    /// Asks the server to tell, then reads everything: what is asked goes out in that order.
    private func track() {
        let asked = state.withLock { state in
            guard let listener = state.listener, let connection = state.connection else {
                return nil as (Int, Connection, Int)?
            }
            state.generation += 1
            return (listener, connection, state.generation)
        }
        guard let (listener, connection, generation) = asked else { return }
        let command = Command("CLIENT", "TRACKING", "ON", "REDIRECT", "\(listener)", "OPTIN")
        connection.submit(command) { [weak self] in self?.refused($0, generation) }
        step { state, _ in state.book.setTracking(true) }
    }

    private func untrack() {
        step { state, _ in state.book.setTracking(false) }
    }

    /// An answer of the server to a wish to be told.
    private func refused(_ result: Result<RedisValue, RedisError>, _ generation: Int) {
        guard case .success(.error(let error)) = result,
            state.withLock({ $0.generation == generation && $0.book.isTracking })
        else { return }
        untrack()
        // The subscription was lost a moment ago: it comes back and asks again.
        if !error.message.contains("redirect") { say(.server(error)) }
    }

    private func say(_ error: RedisError) {
        guard !error.isTransient else { return }
        let isFirst = state.withLock { state in
            defer { state.hasSaid = true }
            return !state.hasSaid
        }
        if isFirst { onRefusal(error) }
    }

    // MARK: Time

    /// Makes the timer wake when the book wants it, unless it does before.
    private func schedule(_ state: inout State) {
        let time = max(state.book.nextTime, state.lastPass + Self.passesApart)
        guard !state.isStopped, !state.book.isEmpty, time < state.wakesAt else { return }
        state.timer?.cancel()
        state.wakesAt = time
        // Nobody awaits it: it holds nothing while it sleeps, and sleeps seconds at most.
        state.timer = Task { [weak self] in
            let wait = Duration.nanoseconds(max(0, time - monotonicNanoseconds()))
            guard (try? await Task.sleep(for: wait)) != nil else { return }
            self?.pass()
        }
    }

    private func pass() {
        step { state, now in
            state.wakesAt = .max
            state.lastPass = now
            return state.book.pass(now: now)
        }
    }
}
