internal import RedisLink

/// One queue as a worker sees it: what is on the wire, what waits to be sent, what it holds.
///
/// A value: decides nothing alone, does nothing itself.
struct Lane: Sendable {
    /// A `cycle` on the wire.
    struct Flight: Sendable {
        /// Replies are matched by it: two threads may send in another order than they decided.
        let serial: Int
        let acks: [Ack]
        let want: Int
        /// Its acks are those of `unconfirmed`, sent again.
        let isResend: Bool
        /// Asked for parked jobs of this kind.
        var adopts: JobKind?
    }

    /// Most cycles on the wire: while the server works on one, the next is made ready.
    static let mostFlights = 2

    let store: QueueStore
    /// Share of fetches under weights; unused when queues are strict by position.
    let weight: Int
    /// Registered once, and new after every lost lease.
    var worker: String
    /// Counts the lives: what a slot says of an earlier one is dropped.
    var life = 0
    var isJoined = false
    var isPaused = false
    /// Monotonic ns until which the queue's own limit has no token.
    var limitedUntil: Int64 = 0
    /// Names of jobs that are paused.
    var muted: Set<String> = []
    /// What jobs that were put aside wait for, as far as is known here.
    var blockades: Set<Blockade> = []
    /// Monotonic ns at which a scheduled job is due.
    var promoteAt = Int64.max
    /// How many workers the queue has.
    var workers = 1
    /// The last fetch brought less than it asked for; a wake-up makes it false.
    var isEmpty = false
    /// A BRPOPLPUSH is on the wire.
    var isParked = false

    /// Ended here and not yet sent.
    var finished: [Ack] = []
    /// Monotonic ns of the oldest of `finished`.
    var finishedSince: Int64 = 0
    private(set) var flights: [Flight] = []
    /// The fetch that waits on the server behind a BRPOPLPUSH: executed the moment that wakes.
    private(set) var parked: Flight?
    private var serial = 0
    /// Sent, and the reply was lost: to be sent again, alone, before anything else.
    private(set) var unconfirmed: [Ack] = []
    /// Acks the server refused, each alone: their jobs are held, and do not hold up the others.
    private(set) var refused: [Ack] = []
    private var refusedAt: Int64 = 0
    private static let refusedPatience: Int64 = 30_000_000_000
    /// How many of them travel together: fewer after each refusal, so that one the server
    /// cannot take does not hold up the others for ever (protocol, 8.7).
    private var resendSize = 1000
    /// Jobs this worker knows it holds, unsent and unconfirmed acks included.
    var holding = 0
    var isReconciling = false
    /// Kinds of parked jobs that this worker knows.
    var adoptable: [JobKind] = []
    /// The highest tag seen: a server that lost its last writes could give one of ours again.
    var floor = 0
    /// Tags of ours that the server forgot; nearly always none.
    var undone: Set<Int> = []

    /// Monotonic ns before which nothing is sent: after errors.
    var retryAt: Int64 = 0
    /// Half a second at most: a server that takes commands again is noticed within that.
    var backoff = Backoff(limit: .milliseconds(500))
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
    /// Those of them that could be fetched: not the scheduled ones.
    var runnable = 0
    private var writtenWaiting = -1
    private var writtenMinute = 0

    init(_ store: QueueStore, weight: Int, worker: String) {
        self.store = store
        self.weight = weight
        self.worker = worker
    }

    /// May fetch as far as this queue is concerned: it has jobs, as far as is known.
    var isOpen: Bool { isJoined && !isPaused && !isEmpty && unconfirmed.isEmpty }

    /// All that ended here has been confirmed, and nothing is on the wire.
    var isSettled: Bool { finished.isEmpty && unconfirmed.isEmpty && flights.isEmpty }

    /// Asked for and not yet answered.
    var wanted: Int { flights.reduce(parked?.want ?? 0) { $0 + $1.want } }

    /// May send at all: the first cycle always, a second one only beside another that went well.
    var hasRoom: Bool {
        flights.isEmpty || (flights.count < Self.mostFlights && unconfirmed.isEmpty)
    }

    /// Puts a cycle on the wire.
    ///
    /// - Returns: Its serial.
    mutating func takeOff(acks: [Ack], want: Int, isResend: Bool, adopts: JobKind? = nil) -> Int {
        serial += 1
        flights.append(
            Flight(serial: serial, acks: acks, want: want, isResend: isResend, adopts: adopts))
        return serial
    }

    /// What is to be sent again first.
    var resend: [Ack] { Array(unconfirmed.prefix(resendSize)) }

    /// A cycle failed.
    ///
    /// - Parameter isRefused: The server answered with an error that waiting does not mend:
    ///   halving what travels together finds the ack it means, which is set aside.
    mutating func keepForResend(_ flight: Flight, isRefused: Bool, now: Int64) {
        guard flight.isResend else {
            unconfirmed += flight.acks
            return
        }
        guard isRefused else { return }
        resendSize = max(1, flight.acks.count / 2)
        if flight.acks.count == 1, !unconfirmed.isEmpty {
            refused.append(unconfirmed.removeFirst())
            refusedAt = now
        }
    }

    /// Tries refused acks again, once in a while: somebody may have mended the key they write to.
    mutating func retryRefused(now: Int64) {
        guard !refused.isEmpty, now - refusedAt >= Self.refusedPatience else { return }
        unconfirmed += refused
        refused = []
    }

    /// Acks that were sent again have arrived.
    mutating func confirmResend(_ count: Int) {
        unconfirmed.removeFirst(min(count, unconfirmed.count))
        resendSize = 1000
    }

    /// Puts a fetch behind a BRPOPLPUSH.
    ///
    /// - Returns: Its serial.
    mutating func park(want: Int) -> Int {
        serial += 1
        parked = Flight(serial: serial, acks: [], want: want, isResend: false)
        return serial
    }

    /// Takes an answered cycle off the wire; nil for one of an earlier life.
    mutating func land(_ serial: Int) -> Flight? {
        if let flight = parked, flight.serial == serial {
            parked = nil
            isParked = false
            return flight
        }
        guard let index = flights.firstIndex(where: { $0.serial == serial }) else { return nil }
        return flights.remove(at: index)
    }

    /// How many jobs wait, when that has changed since it was last asked or a minute has begun.
    ///
    /// Once a minute in any case: a queue that was empty for an hour would have no sample to
    /// tell the jobs that came since by.
    mutating func takeWaiting(minute: Int) -> Int? {
        guard isJoined, waiting != writtenWaiting || minute != writtenMinute else { return nil }
        writtenWaiting = waiting
        writtenMinute = minute
        return waiting
    }

    /// Everything that ended and is not confirmed, for the last cycles of a worker.
    mutating func takeAcks() -> [Ack] {
        defer {
            unconfirmed = []
            finished = []
        }
        return unconfirmed + finished
    }

    /// The lease is lost: forget all of that life.
    mutating func startNewLife(_ worker: String) {
        self.worker = worker
        life += 1
        isJoined = false
        finished = []
        unconfirmed = []
        refused = []
        flights = []
        // The old fetch waits on the connection still and will be refused; a new one may follow it.
        if parked != nil { isParked = false }
        parked = nil
        holding = 0
        isReconciling = false
        undone = []
        adoptable = []
        isEmpty = false
    }
}
