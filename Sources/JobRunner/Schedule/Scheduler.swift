internal import RedisLink
internal import Synchronization

/// Enqueues the ticks of some queues' schedules, beside all others that do: no leader.
///
/// Looks once a second what is due within two, and is woken at that time. In a queue that a worker
/// works on its `tick` tells of the first tick anyway: there, looking costs nothing until one is
/// near. What it cannot reach it tries again with the next look; whether a tick was fired is for
/// `fire.lua` to say.
final class Scheduler: Sendable {
    /// Hears what happens, on the connection's thread.
    enum News: Sendable {
        case event(ScheduleEvent)
        case trouble(queue: String, RedisError)
    }

    private let keys: Keys
    private let connection: @Sendable (_ key: String) -> Connection
    private let wake: @Sendable (_ at: Int64) -> Void
    private let onNews: @Sendable (News) -> Void
    private let books: Mutex<[String: ScheduleBook]>

    /// - Parameters:
    ///   - connection: Which one to use for a key.
    ///   - wake: Asks to be called with `fireDue` at a monotonic time, ns.
    init(
        keys: Keys, queues: [String], connection: @escaping @Sendable (String) -> Connection,
        wake: @escaping @Sendable (Int64) -> Void, onNews: @escaping @Sendable (News) -> Void
    ) {
        self.keys = keys
        self.connection = connection
        self.wake = wake
        self.onNews = onNews
        books = Mutex([:])
        add(queues)
    }

    /// Further queues, from now on.
    func add(_ queues: [String]) {
        books.withLock { books in
            for queue in queues where books[queue] == nil {
                books[queue] = ScheduleBook(queue: queue)
            }
        }
    }

    private func store(_ queue: String) -> QueueStore { QueueStore(keys.queue(queue)) }

    private var milliseconds: Int { Int(monotonicNanoseconds() / 1_000_000) }

    /// Asks what is due soon, of all queues; once a second.
    ///
    /// - Parameter known: Queues whose first tick the caller hears of: those are not asked for.
    func look(but known: Set<String> = []) {
        for queue in books.withLock({ $0.keys.sorted() }) where !known.contains(queue) {
            look(queue)
        }
    }

    /// The same of one queue, for whoever knows by other means that something is due there.
    func look(_ queue: String) {
        let call = store(queue).dueSchedules()
        connection(call.key).submit(call) { result in
            switch result {
            case .success(let found): self.looked(queue, found)
            case .failure(.stopped): break
            case .failure(let error): self.onNews(.trouble(queue: queue, error))
            }
        }
    }

    private func looked(_ queue: String, _ found: DueSchedules) {
        let news = books.withLock { $0[queue]?.looked(found, monotonic: milliseconds) }
        guard let news else { return }
        for trouble in news.troubles {
            onNews(
                .event(
                    ScheduleEvent(
                        what: .unusable, schedule: trouble.name, queue: queue,
                        reason: trouble.error.description)))
        }
        for question in news.questions {
            let call = store(queue).standing(question.name)
            connection(call.key).submit(call) { result in
                guard let tick = try? result.get() else { return }
                self.books.withLock { $0[queue]?.stands(question, at: tick) }
                self.rouse(queue)
            }
        }
        rouse(queue)
    }

    private func rouse(_ queue: String) {
        let at = books.withLock { $0[queue]?.wakeAt }
        if let at { wake(Int64(at) * 1_000_000) }
    }

    /// Fires what is due; returns when to be called again, monotonic ns.
    func fireDue() -> Int64 {
        let now = milliseconds
        let (firings, next) = books.withLock { books in
            var firings: [(queue: String, firing: Firing)] = []
            var next = Int64.max
            for queue in books.keys {
                firings += (books[queue]?.due(monotonic: now) ?? []).map { (queue, $0) }
                if let at = books[queue]?.wakeAt { next = min(next, Int64(at) * 1_000_000) }
            }
            return (firings, next)
        }
        for (queue, firing) in firings { fire(queue, firing) }
        return next
    }

    private func fire(_ queue: String, _ firing: Firing) {
        let call = store(queue).fire(firing)
        connection(call.key).submit(call) { result in
            if case .failure(let error) = result {
                if case .stopped = error { return }
                self.onNews(.trouble(queue: queue, error))
            }
            let event = self.books.withLock {
                $0[queue]?.answered(firing, try? result.get(), monotonic: self.milliseconds)
            }
            if let event = event ?? nil { self.onNews(.event(event)) }
            self.rouse(queue)
        }
    }
}
