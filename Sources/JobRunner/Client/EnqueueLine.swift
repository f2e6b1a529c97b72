internal import RedisLink

/// The jobs of one queue that wait to be sent, in the order they were given.
///
/// A value: decides what flies when; `EnqueueBatcher` sends it.
struct EnqueueLine {
    struct Item: Sendable {
        let job: NewJob
        /// Its place in the line: it keeps that when it has to be sent again.
        let order: Int
        /// Monotonic ns until which an outage is waited out.
        let deadline: Int64
        /// Monotonic ns until which a full queue is waited out.
        let fullUntil: Int64
        /// Sent at least once, and no answer came.
        var wasSent = false
        let sink: any EnqueueSink
        let index: Int

        func answer(_ result: Result<Acceptance, JobRunnerError>) {
            sink.enqueued(index, result)
        }
    }

    /// Bound of `enqueue_many`, and of its bytes.
    static let mostJobs = 1000
    private static let mostBytes = 1 << 20
    /// A batch of so many may fly beside another.
    private static let largeBatch = 250

    private(set) var waiting: [Item] = []
    private var nextOrder = 0
    private var inFlight = 0
    /// Nothing is sent until a wait is over.
    private var isHeld = false
    private var backoff = Backoff()
    private var fullness = Backoff(base: .milliseconds(10), limit: .milliseconds(200))
    /// Why the line is held; nil when the queue is full.
    private(set) var fault: RedisError?

    mutating func add(
        _ job: NewJob, deadline: Int64, fullUntil: Int64, _ sink: any EnqueueSink, _ index: Int
    ) {
        waiting.append(
            Item(
                job: job, order: nextOrder, deadline: deadline, fullUntil: fullUntil, sink: sink,
                index: index))
        nextOrder += 1
    }

    /// The next batch, when it may fly.
    mutating func next(mayFlyBeside: Bool) -> [Item]? {
        guard !waiting.isEmpty, !isHeld else { return nil }
        let mayBeSecond = mayFlyBeside && inFlight == 1 && waiting.count >= Self.largeBatch
        guard inFlight == 0 || mayBeSecond else { return nil }
        inFlight += 1
        var count = 0
        var bytes = 0
        for item in waiting.prefix(Self.mostJobs) {
            bytes += item.job.json.count
            if bytes > Self.mostBytes, count > 0 { break }
            count += 1
        }
        if count == waiting.count {
            var batch: [Item] = []
            swap(&batch, &waiting)
            return batch
        }
        let batch = Array(waiting.prefix(count))
        waiting.removeFirst(count)
        return batch
    }

    /// A batch has landed, and some of it has to be sent again.
    ///
    /// - Parameter fault: Nil when the queue is full.
    /// - Returns: How long to wait for that, ns; nil when nobody has to, or waits already.
    mutating func land(
        _ again: [Item], because fault: RedisError?, using random: inout some RandomNumberGenerator
    ) -> Int64? {
        inFlight -= 1
        guard let first = again.first else {
            backoff.reset()
            fullness.reset()
            return nil
        }
        let place = waiting.firstIndex { $0.order > first.order } ?? waiting.count
        waiting.insert(contentsOf: again, at: place)
        self.fault = fault
        guard !isHeld else { return nil }
        isHeld = true
        return fault == nil ? fullness.next(using: &random) : backoff.next(using: &random)
    }

    /// The wait is over.
    ///
    /// - Returns: Those whose time is over as well.
    mutating func goOn(now: Int64) -> [Item] {
        isHeld = false
        // A full queue is asked once more: its answer ends the wait of those who are overdue.
        guard fault != nil else { return [] }
        let overdue = waiting.filter { $0.deadline <= now }
        if !overdue.isEmpty { waiting.removeAll { $0.deadline <= now } }
        return overdue
    }
}
