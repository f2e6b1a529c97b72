internal import RedisLink

/// A job this worker holds: fetched, perhaps running.
struct Held: Sendable {
    let lane: Int
    /// The lane's life it was fetched in.
    let life: Int
    var delivery: Delivery
    /// Monotonic ns.
    var fetchedAt: Int64 = 0
}

/// What a worker decides: which queue to ask, for how much, when to send acks.
///
/// A value under the worker's lock. Every event is a method; what must be done then is
/// in the `Orders` it returns, and done outside the lock.
struct Dispatch: Sendable {
    /// What to do now.
    struct Orders: Sendable {
        var cycles: [(lane: Int, life: Int, serial: Int, call: Call<CycleReply>)] = []
        /// Lanes to block on with BRPOPLPUSH, and the fetch to send right behind it.
        var parks: [(lane: Int, life: Int, fetch: (serial: Int, call: Call<CycleReply>)?)] = []
        /// Lanes whose parked job nobody here has room for.
        var unparks: [Int] = []
        /// Jobs for free slots, with the slots.
        var starts: [(slot: Int, job: Held)] = []
        /// Lanes whose held jobs differ from the server's count.
        var reconciles: [Int] = []
        /// Ask again at this monotonic time.
        var wakeAt: Int64?
        /// The last job ended and all acks are confirmed.
        var isDrained = false
    }

    enum Phase: String, Sendable {
        case working
        /// Fetches nothing; goes on with what it has.
        case quiet
        /// Gives back what has not started; ends when nothing runs.
        case draining
    }

    /// Most jobs one cycle takes or acks by choice: beyond 64 to 128 nothing is gained
    /// (protocol, section 7).
    static let batch = 128
    /// Acks that are worth a trip while there is plenty to do.
    static let fullAcks = 64
    /// Most jobs held beyond the free slots.
    static let mostPrefetch = 512
    /// How much work to hold, in time: hides the round trip of fast jobs, is none of slow ones.
    static let prefetchNanoseconds: Int64 = 10_000_000
    /// Longest an ack waits for company while there is plenty to do.
    static let ackPatience: Int64 = 1_000_000
    /// Longest a fetched job waits for a slot; then another worker may be quicker.
    static let bufferPatience: Int64 = 1_000_000_000
    /// Longest a suspect waits for the other jobs of this process to end.
    static let suspectPatience: Int64 = 500_000_000
    /// Longest a suspect runs alone: what takes a worker down mostly does it soon, and the others
    /// of a worker that runs for hours must not wait as long.
    static let suspectLimit: Int64 = 10_000_000_000
    /// Both for a job that was lost once: most of those were killed from outside with all their
    /// neighbours, and are to run again within a second.
    static let firstCaution: Int64 = 100_000_000
    /// Bytes one fetch should bring at most; a script copies each job through Lua.
    static let fetchBytes = 1_000_000

    var lanes: [Lane]
    let isStrict: Bool
    var phase = Phase.working
    /// Of all slots that may be open at once.
    var slots: [Held?]
    /// Open, and without a job.
    var freeSlots: [Int]
    /// Given no jobs now; empty when the number of slots is fixed.
    var closedSlots: [Int]
    /// How many busy slots close when their job ends.
    var closing = 0
    var buffer = Fifo<Held>()
    /// Asked for and not yet answered, over all lanes.
    var wanted = 0
    var pace = Pace()
    /// Jobs that the server took back during the stop.
    var released = 0
    /// Connections that block on the server, and may still bring jobs.
    var openParkings: Int
    /// The slot of a suspect that runs alone: nothing else starts or is fetched beside it.
    var suspectSlot: Int?
    /// Monotonic ns until which it does.
    var suspectUntil: Int64 = 0

    /// - Parameters:
    ///   - concurrency: Slots that are open at first.
    ///   - most: Slots that may be open at once; nil is no more than those.
    init(lanes: [Lane], isStrict: Bool, concurrency: Int, most: Int? = nil) {
        let most = max(concurrency, most ?? 0)
        self.lanes = lanes
        self.isStrict = isStrict
        openParkings = lanes.count
        slots = Array(repeating: nil, count: most)
        freeSlots = Array((0..<concurrency).reversed())
        closedSlots = Array((concurrency..<most).reversed())
    }

    var busy: Int { slots.count - freeSlots.count - closedSlots.count }
    var buffered: Int { buffer.count }

    // MARK: Events

    /// A slot ended its job; it may go on with the one returned.
    mutating func finished(_ job: Held, slot: Int, ack: Ack, goesOn: Bool, now: Int64) -> Held? {
        note(ack, of: job, now: now)
        pace.count(1)
        if slot == suspectSlot {
            suspectSlot = nil
        } else if goesOn, closing == 0, suspectSlot == nil, phase != .draining,
            let next = buffer.first, !isSuspect(next)
        {
            _ = buffer.popFirst()
            slots[slot] = next
            return next
        }
        slots[slot] = nil
        vacate(slot)
        return nil
    }

    /// True when `orders` has something to do after `finished`: keeps the hot path short.
    func isDue(_ lane: Int, now: Int64) -> Bool {
        // Field by field: a copy of the lane would touch a dozen reference counts a job.
        let isFull = lanes[lane].finished.count >= Self.fullAcks
        if !lanes[lane].flights.isEmpty { return isFull && lanes[lane].hasRoom }
        return isFull || buffer.count <= lowWater
            || now - lanes[lane].finishedSince >= Self.ackPatience
    }

    /// Sees to it that the first ack of a batch does not wait for a second one that never ends.
    func alarm(_ lane: Int) -> Orders? {
        guard lanes[lane].finished.count == 1, lanes[lane].flights.isEmpty else { return nil }
        return Orders(wakeAt: lanes[lane].finishedSince + Self.ackPatience)
    }

    mutating func note(_ ack: Ack, of job: Held, now: Int64) {
        guard lanes[job.lane].life == job.life else { return }
        if lanes[job.lane].finished.isEmpty { lanes[job.lane].finishedSince = now }
        lanes[job.lane].finished.append(ack)
    }

    /// A cycle was answered.
    mutating func cycled(
        _ index: Int, life: Int, serial: Int, _ reply: CycleReply, now: Int64
    ) -> Orders {
        let wasParked = lanes[index].parked?.serial == serial
        guard lanes[index].life == life, let flight = lanes[index].land(serial) else {
            return orders(now: now)
        }
        wanted -= flight.want
        lanes[index].lastCycle = now
        lanes[index].backoff.reset()
        guard case .done(let isPaused, _, let held, let deliveries, let wait) = reply else {
            return orders(now: now)
        }
        if flight.isResend { lanes[index].confirmResend(flight.acks.count) }
        lanes[index].isPaused = isPaused
        lanes[index].holding += deliveries.count - flight.acks.count
        if phase == .draining { released += flight.acks.count { $0.isRelease } }
        if !lanes[index].undone.isEmpty {
            for ack in flight.acks where lanes[index].undone.remove(ack.tag) != nil {
                lanes[index].holding += 1
            }
        }
        if let kind = flight.adopts {
            // Fewer than asked for: the next tick tells whether there are more.
            if deliveries.count < flight.want { lanes[index].adoptable.removeAll { $0 == kind } }
        } else if flight.want > 0 {
            // Less than asked for by the queue's own limit says nothing of what is there.
            lanes[index].isEmpty = deliveries.count < flight.want && wait == 0
            lanes[index].limitedUntil = wait == 0 ? 0 : now + Int64(wait) * 1_000_000
        }
        var bytes = 0
        for delivery in deliveries {
            bytes += delivery.json.count
            lanes[index].floor = max(lanes[index].floor, delivery.tag)
            buffer.append(
                Held(lane: index, life: life, delivery: delivery, fetchedAt: now))
        }
        if !deliveries.isEmpty {
            lanes[index].averageBytes =
                (lanes[index].averageBytes + bytes / deliveries.count + 1) / 2
        }
        // Two connections answer in any order: the counts compare only while one is silent.
        let isComparable =
            lanes[index].parked == nil && (!wasParked || lanes[index].flights.isEmpty)
        let isStrange =
            isComparable && held != lanes[index].holding && !lanes[index].isReconciling
        if isStrange { lanes[index].isReconciling = true }
        var orders = orders(now: now)
        if isStrange { orders.reconciles.append(index) }
        return orders
    }

    /// A cycle failed: its acks are sent again, alone; its fetch shows as `held`.
    mutating func cycleFailed(
        _ index: Int, life: Int, serial: Int, isRefused: Bool = false, now: Int64,
        using random: inout some RandomNumberGenerator
    ) -> Orders {
        let wasParked = lanes[index].parked?.serial == serial
        guard lanes[index].life == life, let flight = lanes[index].land(serial) else {
            return orders(now: now)
        }
        wanted -= flight.want
        // A parked fetch that a stop ended says nothing of the server.
        if wasParked, phase != .working { return orders(now: now) }
        lanes[index].keepForResend(flight, isRefused: isRefused, now: now)
        lanes[index].retryAt = now + lanes[index].backoff.next(using: &random)
        return orders(now: now)
    }

    /// A BRPOPLPUSH with a fetch behind it ended; that one's answer says what there is.
    ///
    /// - Parameter wait: ns to stay away after an error; 0 after an answer.
    mutating func rest(_ index: Int, wait: Int64, now: Int64) -> Orders {
        if wait > 0 { stayAway(index, wait, now) }
        return Orders()
    }

    private mutating func stayAway(_ index: Int, _ wait: Int64, _ now: Int64) {
        // A stop closes these connections itself, and has jobs to give back.
        guard phase == .working else { return }
        lanes[index].retryAt = max(lanes[index].retryAt, now + wait)
    }

    /// A connection that blocked on the server is closed: it brings no more jobs.
    mutating func parkingEnded(now: Int64) -> Orders {
        openParkings -= 1
        return orders(now: now)
    }

    /// A BRPOPLPUSH ended.
    ///
    /// - Parameter wait: ns to stay away after an error; 0 after an answer.
    mutating func woke(_ index: Int, hasJob: Bool, wait: Int64, now: Int64) -> Orders {
        lanes[index].isParked = false
        lanes[index].isEmpty = false
        if wait > 0 { stayAway(index, wait, now) }
        var orders = orders(now: now)
        if hasJob, lanes[index].wanted == 0 { orders.unparks.append(index) }
        return orders
    }
}
