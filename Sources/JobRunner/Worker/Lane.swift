internal import RedisLink

/// One queue as a worker sees it: what is on the wire, what waits to be sent, what it holds.
///
/// A value: decides nothing alone, does nothing itself.
struct Lane: Sendable {
    /// A `cycle` on the wire; one at a time a queue.
    struct Flight: Sendable {
        let acks: [Ack]
        let want: Int
    }

    let store: QueueStore
    /// Share of fetches under weights; unused when queues are strict by position.
    let weight: Int
    /// Registered once, and new after every lost lease.
    var worker: String
    /// Counts the lives: what a slot says of an earlier one is dropped.
    var life = 0
    var isJoined = false
    var isPaused = false
    /// The last fetch brought less than it asked for; a wake-up makes it false.
    var isEmpty = false
    /// A BRPOPLPUSH is on the wire.
    var isParked = false

    /// Ended here and not yet sent.
    var finished: [Ack] = []
    /// Monotonic ns of the oldest of `finished`.
    var finishedSince: Int64 = 0
    var flight: Flight?
    /// Sent, and the reply was lost: to be sent again, alone, before anything else.
    var unconfirmed: [Ack] = []
    /// Jobs this worker knows it holds, unsent and unconfirmed acks included.
    var holding = 0
    var isReconciling = false
    /// Tags of ours that the server forgot; nearly always none.
    var undone: Set<Int> = []

    /// Monotonic ns before which nothing is sent: after errors.
    var retryAt: Int64 = 0
    var backoff = Backoff()
    /// Monotonic ns of the last answered `cycle`.
    var lastCycle: Int64 = 0
    /// Bytes of an average job, so that a fetch stays near 1 MB.
    var averageBytes = 256
    /// Smooth weighted round robin.
    var credit = 0
    /// `cancels` of the last tick.
    var cancels = ""
    var counts = Counts()
    /// Jobs that waited at the last tick, and what was last written of that.
    var waiting = 0
    private var writtenWaiting = -1

    init(_ store: QueueStore, weight: Int, worker: String) {
        self.store = store
        self.weight = weight
        self.worker = worker
    }

    /// Has jobs to fetch, as far as is known.
    var isWilling: Bool { isJoined && !isPaused && !isEmpty && unconfirmed.isEmpty }
    /// May fetch as far as this queue is concerned.
    var isOpen: Bool { isWilling && flight == nil }

    /// How many jobs wait, when that has changed since it was last asked.
    mutating func takeWaiting() -> Int? {
        guard isJoined, waiting != writtenWaiting else { return nil }
        writtenWaiting = waiting
        return waiting
    }

    /// The lease is lost: forget all of that life.
    mutating func startNewLife(_ worker: String) {
        self.worker = worker
        life += 1
        isJoined = false
        finished = []
        unconfirmed = []
        flight = nil
        holding = 0
        isReconciling = false
        undone = []
        isEmpty = false
    }
}
