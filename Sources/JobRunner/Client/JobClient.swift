public import FoundationEssentials
package import RedisLink
internal import Synchronization

/// Puts jobs into Redis and reads their results; one for a whole process.
///
///     let jobs = try await JobClient()
///     let handle = try await jobs.enqueue(WelcomeEmail(userID: 7), in: .seconds(60))
///     let receipt = try await handle.value(timeout: .seconds(5))
///
/// Any number of tasks may call it at once: they share a socket, and enqueues of one queue
/// that come together travel as one batch.
public final class JobClient: Sendable {
    package let router: RedisRouter
    package let keys: Keys
    package let options: ClientOptions
    /// Who waits for results and progress.
    let watch: KeyWatch
    private let ownsRouter: Bool
    private let batchers = Mutex([String: EnqueueBatcher]())
    /// For enqueues that wait for replicas or disks: those block their connection on the server.
    private let durable = Mutex<Connection?>(nil)

    /// Connects, logs in and looks at the server.
    ///
    /// - Parameter url: Where Redis is; nil takes `JOBRUNNER_REDIS_URL`, then `REDIS_URL`, then
    ///   `redis://127.0.0.1:6379`.
    /// - Throws: `RedisURLError`, `RedisRouterError`, or `JobRunnerError.redis` when the server
    ///   cannot be reached, refuses the login, or is older than Redis 7.0.
    public convenience init(_ url: String? = nil, options: ClientOptions = ClientOptions())
        async throws
    {
        try self.init(connectingLater: url, options: options)
        do {
            _ = try await serverInfo().requireSupported()
        } catch let error as RedisError {
            close()
            throw JobRunnerError.redis(error)
        }
    }

    /// The same without a look at the server: for an app that must start while Redis is away.
    public convenience init(
        connectingLater url: String? = nil, options: ClientOptions = ClientOptions()
    ) throws {
        try self.init(RedisURL(url ?? Self.urlOfEnvironment()), options: options)
    }

    package init(
        _ url: RedisURL, options: ClientOptions,
        onEvent: @escaping @Sendable (ConnectionEvent) -> Void = { _ in }
    ) throws {
        try Failpoint.check()
        var connection = ConnectionOptions()
        connection.scripts = Scripts.ofClients
        connection.connectTimeout = options.connectTimeout
        connection.commandTimeout = options.commandTimeout
        connection.name = "jobrunner-client"
        connection.onEvent = onEvent
        router = try RedisRouter(url, options: connection, connections: options.connections)
        keys = Keys(prefix: options.prefix)
        self.options = options
        watch = KeyWatch(router, keys, maxBytes: options.resultBytes) {
            options.onEvent(.readsResultsAtIntervals(because: $0))
        }
        ownsRouter = true
    }

    /// A client on somebody else's sockets, who closes them.
    package init(sharing router: RedisRouter, prefix: String) {
        self.router = router
        keys = Keys(prefix: prefix)
        var options = ClientOptions()
        options.prefix = prefix
        self.options = options
        watch = KeyWatch(router, keys, maxBytes: options.resultBytes) { _ in }
        ownsRouter = false
    }

    deinit {
        close()
    }

    /// Closes the sockets; calls under way fail.
    public func close() {
        watch.stop()
        if ownsRouter { router.close() }
        durable.withLock { $0?.close() }
    }

    /// Made with its first use.
    func durableConnection() throws -> Connection {
        try durable.withLock { made in
            if let made { return made }
            let connection = try router.dedicated(for: keys.queues)
            made = connection
            return connection
        }
    }

    /// `JOBRUNNER_REDIS_URL`, then `REDIS_URL`, then the local server.
    package static func urlOfEnvironment() -> String {
        let environment = ProcessInfo.processInfo.environment
        return environment["JOBRUNNER_REDIS_URL"] ?? environment["REDIS_URL"]
            ?? "redis://127.0.0.1:6379"
    }

    // MARK: Enqueue

    /// Enqueues a job, to start now or later; one that takes an input is a step of a `Workflow`.
    ///
    /// When it returns, the job will be run to an end, as far as Redis keeps its data. When it
    /// throws `outcomeUnknown`, it may have been accepted; anything else: it was not.
    ///
    /// - Parameters:
    ///   - at: Not before this time, by the server's clock; a time that is past is now.
    ///   - delay: Not before this long from now; 0 to 10 years. Not both.
    ///   - queue: Instead of the one of the job's options.
    ///   - id: Instead of a new one: the same id is accepted once within a day.
    ///   - expires: Instead of its options': how long after it is due it may still start.
    ///   - priority: Instead of its options': 0 to 9.
    ///   - front: It is fetched next, before all that wait.
    ///   - tenant: Instead of the argument that its options' `fairBy` names.
    ///   - unique: Instead of its options'. The handle is that of the job that holds the key, with
    ///     `isDuplicate`, when that is another.
    ///   - reply: Where its outcome is sent as a job; see `ReplyJob`.
    ///   - durability: How safe it must be before this returns.
    public func enqueue<J: Job>(
        _ job: J, at time: Date? = nil, in delay: Duration? = nil, queue: String? = nil,
        id: String? = nil, expires: Duration? = nil, priority: Int? = nil, front: Bool = false,
        tenant: String? = nil, unique: Unique? = nil, replyTo reply: ReplyAddress? = nil,
        durability: Durability = .server
    ) async throws -> JobHandle<J.Output> where J.Input == NoInput {
        var options = J.options
        if let expires { options.expires = expires }
        if let priority { options.priority = priority }
        if let unique { options.unique = unique }
        let due = try Due(at: time, in: delay, debounce: options.unique?.debounce)
        let draft = try Draft(
            name: J.name, version: J.version, arguments: Self.encode(job), options: options,
            queue: queue, id: id, due: due, isFront: front, tenant: tenant,
            ties: Ties(reply: reply), maxBytes: self.options.maxJobBytes)
        return try await enqueue(draft, due: due, durability)
    }

    /// Enqueues many jobs of one kind, to start now, in batches of up to 1,000.
    ///
    /// - Parameters:
    ///   - queue: Instead of the one of the job's options.
    ///   - reply: Where the outcome of each is sent as a job.
    /// - Returns: A handle a job, in order.
    /// - Throws: The first failure; the jobs before it were accepted, those after it may be.
    public func enqueue<J: Job>(
        _ jobs: some Sequence<J> & Sendable, queue: String? = nil,
        replyTo reply: ReplyAddress? = nil
    ) async throws -> [JobHandle<J.Output>] where J.Input == NoInput {
        let maxBytes = options.maxJobBytes
        var iterator = jobs.makeIterator()
        return try await enqueue {
            try iterator.next().map { job in
                try Draft(
                    name: J.name, version: J.version, arguments: Self.encode(job),
                    options: J.options, queue: queue, id: nil, ties: Ties(reply: reply),
                    maxBytes: maxBytes)
            }
        }
    }

    package func enqueue<Output>(_ draft: Draft, due: Due, _ durability: Durability = .server)
        async throws -> JobHandle<Output>
    {
        let queue = draft.queue
        let acceptance: Acceptance
        if durability != .server {
            acceptance = try await enqueueDurably(draft, due: due, durability)
        } else if due == .now, !draft.hasOwnID, draft.terms.isPlain {
            let batcher = try await batcher(for: queue)
            acceptance = try await withCheckedContinuation { continuation in
                batcher.add([draft.job], for: SingleSink(continuation))
            }.get()
        } else {
            acceptance = try await enqueueAlone(draft, due: due)
        }
        return try handle(draft, acceptance)
    }

    /// What the caller gets for an answer of the server.
    func handle<Output>(_ draft: Draft, _ acceptance: Acceptance) throws -> JobHandle<Output> {
        var id = draft.job.id
        switch acceptance {
        case .accepted, .duplicate: break
        case .replaced(let other, let isGone): if isGone { note(replaced: other, by: draft) }
        case .held(let holder):
            let other = "\(draft.queue)/\(holder)"
            if draft.terms.rejects { throw JobRunnerError.alreadyEnqueued(by: other) }
            id = holder
        case .full: throw full(draft.queue)
        }
        return JobHandle(
            id: id, queue: draft.queue, isDuplicate: acceptance == .duplicate || id != draft.job.id,
            isKnown: true, results: draft.results, client: self)
    }

    /// A delayed job, or one with an id of the caller's: a script of its own.
    ///
    /// - Parameter connection: Instead of the shared one.
    func enqueueAlone(_ draft: Draft, due: Due, over connection: Connection? = nil) async throws
        -> Acceptance
    {
        _ = try await batcher(for: draft.queue)
        let window = draft.hasOwnID ? options.deduplicationOfOwnIDs : options.deduplication
        let call = QueueStore(keys.queue(draft.queue)).enqueue(
            draft.job, due: due, window: window.milliseconds, terms: draft.terms,
            longest: options.maxLength(of: draft.queue))
        let deadline = monotonicDeadline(after: options.enqueueTimeout)
        let fullUntil = monotonicDeadline(after: options.waitWhenFull)
        var fullness = Backoff(base: .milliseconds(10), limit: .milliseconds(200))
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        var wasSent = false
        while true {
            do {
                let connection = connection ?? router.connection(for: call.key)
                let answer = try await connection.send(call)
                Failpoint.enqueueAnswered.pass()
                let isPatient = monotonicNanoseconds() < fullUntil && !Task.isCancelled
                guard answer == .full, isPatient else { return answer }
                // No event tells of room in a list; a cancelled caller hears it of the next try.
                try? await Task.sleep(for: .nanoseconds(fullness.next(using: &random)))
            } catch {
                wasSent = wasSent || error.isOutcomeUnknown
                let isSafe = !wasSent || window > .zero
                if error.mayBeResent, isSafe, monotonicNanoseconds() < deadline {
                    // A cancelled caller's next try says so, and what is known of the job.
                    try? await Task.sleep(for: .nanoseconds(backoff.next(using: &random)))
                    continue
                }
                throw wasSent
                    ? JobRunnerError.outcomeUnknown(queue: draft.queue, id: draft.job.id, error)
                    : JobRunnerError(refused: error)
            }
        }
    }

    /// The batcher of a queue; with the first use of a queue its name is noted for `stats`.
    ///
    /// Ids that the caller chose are remembered longer, so they travel in batches of their own.
    func batcher(for queue: String, ownIDs: Bool = false) async throws -> EnqueueBatcher {
        // No queue's name has a slash.
        let name = ownIDs ? queue + "/" : queue
        if let known = batchers.withLock({ $0[name] }) { return known }
        let store = QueueStore(keys.queue(queue))
        do {
            let note = Command("SADD", keys.queues, queue)
            _ = try await router.connection(for: keys.queues).send(note)
        } catch  where error.mayBeResent {
            // Only `stats` would miss it; the enqueue itself has its own patience.
        } catch {
            throw JobRunnerError(refused: error)
        }
        return batchers.withLock { batchers in
            if let known = batchers[name] { return known }
            let window = ownIDs ? options.deduplicationOfOwnIDs : options.deduplication
            let batcher = EnqueueBatcher(
                store, router.connection(for: store.keys.ready),
                EnqueueBatcher.Terms(
                    window: window.milliseconds, timeout: options.enqueueTimeout,
                    maxLength: options.maxLength(of: queue), waitWhenFull: options.waitWhenFull))
            batchers[name] = batcher
            return batcher
        }
    }

    static func encode<J: Job>(_ job: J) throws -> [UInt8] {
        do {
            return [UInt8](try encoder.encode(job))
        } catch {
            throw JobRunnerError.unencodable(job: J.name, reason: encodingReason(error))
        }
    }

    private static let encoder = JSONEncoder()
}
