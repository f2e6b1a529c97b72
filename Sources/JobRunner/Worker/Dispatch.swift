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
        /// Lanes to block on with BRPOPLPUSH.
        var parks: [Int] = []
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
    /// Bytes one fetch should bring at most; a script copies each job through Lua.
    static let fetchBytes = 1_000_000

    var lanes: [Lane]
    let isStrict: Bool
    var phase = Phase.working
    private(set) var slots: [Held?]
    private var freeSlots: [Int]
    private var buffer = Fifo<Held>()
    /// Asked for and not yet answered, over all lanes.
    private var wanted = 0
    private var pace = Pace()
    /// Jobs given back that had not started.
    private(set) var released = 0

    init(lanes: [Lane], isStrict: Bool, concurrency: Int) {
        self.lanes = lanes
        self.isStrict = isStrict
        slots = Array(repeating: nil, count: concurrency)
        freeSlots = Array((0..<concurrency).reversed())
    }

    var busy: Int { slots.count - freeSlots.count }
    var buffered: Int { buffer.count }

    // MARK: Events

    /// A slot ended its job; it may go on with the one returned.
    mutating func finished(_ job: Held, slot: Int, ack: Ack, goesOn: Bool, now: Int64) -> Held? {
        note(ack, of: job, now: now)
        pace.count(1)
        if goesOn, let next = buffer.popFirst() {
            slots[slot] = next
            return next
        }
        slots[slot] = nil
        freeSlots.append(slot)
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

    private mutating func note(_ ack: Ack, of job: Held, now: Int64) {
        guard lanes[job.lane].life == job.life else { return }
        if lanes[job.lane].finished.isEmpty { lanes[job.lane].finishedSince = now }
        lanes[job.lane].finished.append(ack)
    }

    /// A cycle was answered.
    mutating func cycled(
        _ index: Int, life: Int, serial: Int, _ reply: CycleReply, now: Int64
    ) -> Orders {
        guard lanes[index].life == life, let flight = lanes[index].land(serial) else {
            return orders(now: now)
        }
        wanted -= flight.want
        lanes[index].lastCycle = now
        lanes[index].backoff.reset()
        guard case .done(let isPaused, _, let held, let deliveries) = reply else {
            return orders(now: now)
        }
        if flight.isResend { lanes[index].confirmResend(flight.acks.count) }
        lanes[index].isPaused = isPaused
        lanes[index].holding += deliveries.count - flight.acks.count
        if !lanes[index].undone.isEmpty {
            for ack in flight.acks where lanes[index].undone.remove(ack.tag) != nil {
                lanes[index].holding += 1
            }
        }
        if flight.want > 0 { lanes[index].isEmpty = deliveries.count < flight.want }
        var bytes = 0
        for delivery in deliveries {
            bytes += delivery.json.count
            buffer.append(
                Held(lane: index, life: life, delivery: delivery, fetchedAt: now))
        }
        if !deliveries.isEmpty {
            lanes[index].averageBytes =
                (lanes[index].averageBytes + bytes / deliveries.count + 1) / 2
        }
        // Asked for before the stop: others need not wait for the drain.
        if phase == .draining { releaseBuffer(now: now) }
        var orders = orders(now: now)
        if held != lanes[index].holding, !lanes[index].isReconciling {
            lanes[index].isReconciling = true
            orders.reconciles.append(index)
        }
        return orders
    }

    /// A cycle failed: its acks are sent again, alone; its fetch shows as `held`.
    mutating func cycleFailed(
        _ index: Int, life: Int, serial: Int, now: Int64,
        using random: inout some RandomNumberGenerator
    ) -> Orders {
        guard lanes[index].life == life, let flight = lanes[index].land(serial) else {
            return orders(now: now)
        }
        wanted -= flight.want
        lanes[index].keepForResend(flight)
        lanes[index].retryAt = now + lanes[index].backoff.next(using: &random)
        return orders(now: now)
    }

    /// A BRPOPLPUSH ended.
    ///
    /// - Parameter wait: ns to stay away after an error; 0 after an answer.
    mutating func woke(_ index: Int, hasJob: Bool, wait: Int64, now: Int64) -> Orders {
        lanes[index].isParked = false
        lanes[index].isEmpty = false
        if wait > 0 { lanes[index].retryAt = max(lanes[index].retryAt, now + wait) }
        var orders = orders(now: now)
        if hasJob, lanes[index].wanted == 0 { orders.unparks.append(index) }
        return orders
    }

    /// The server listed all tags it holds for this worker; returns those that are strange here.
    ///
    /// Cycles answered before it were executed before it, the others after it: so the list is
    /// what is held, exactly. Known tags that it lacks were undone by a server that lost its
    /// last writes: those jobs wait elsewhere, and their acks will change nothing.
    mutating func listed(_ index: Int, life: Int, tags: [Int]) -> [Int] {
        guard lanes[index].life == life else { return [] }
        let known = self.tags(of: index)
        lanes[index].undone = known.subtracting(tags)
        lanes[index].holding = tags.count
        return tags.filter { !known.contains($0) }
    }

    /// A reconciliation ended.
    ///
    /// - Parameters:
    ///   - strange: Jobs the server says are ours and we never saw: given back.
    ///   - missing: Strange tags whose jobs could not be read: the next `held` shows those that
    ///     are still there.
    mutating func reconciled(
        _ index: Int, life: Int, strange: [(tag: Int, json: [UInt8])], missing: Int = 0, now: Int64
    ) -> Orders {
        guard lanes[index].life == life else { return orders(now: now) }
        lanes[index].isReconciling = false
        lanes[index].holding -= missing
        for (tag, json) in strange.sorted(by: { $0.tag > $1.tag }) {
            if lanes[index].finished.isEmpty { lanes[index].finishedSince = now }
            lanes[index].finished.append(Ack(tag: tag, writes: [.release(job: json)]))
        }
        return orders(now: now, isForced: !strange.isEmpty)
    }

    /// Every tag of a lane that this worker knows of.
    func tags(of index: Int) -> Set<Int> {
        var tags = Set<Int>()
        for case .some(let held) in slots where held.lane == index && held.life == lanes[index].life
        {
            tags.insert(held.delivery.tag)
        }
        for held in buffer.all where held.lane == index && held.life == lanes[index].life {
            tags.insert(held.delivery.tag)
        }
        for ack in lanes[index].finished { tags.insert(ack.tag) }
        for ack in lanes[index].unconfirmed { tags.insert(ack.tag) }
        for flight in lanes[index].flights {
            for ack in flight.acks { tags.insert(ack.tag) }
        }
        return tags
    }

    /// What a lane has in slots and in the buffer.
    func jobs(of index: Int) -> [Delivery] {
        (slots.compactMap { $0 } + buffer.all)
            .filter { $0.lane == index && $0.life == lanes[index].life }.map(\.delivery)
    }

    /// Marks jobs in the buffer as cancelled: they will not run.
    mutating func markCancelled(_ tags: Set<Int>, in index: Int, life: Int) {
        guard buffer.all.contains(where: { tags.contains($0.delivery.tag) }) else { return }
        for var held in buffer.removeAll() {
            if held.lane == index, held.life == life, tags.contains(held.delivery.tag) {
                held.delivery.isCancelled = true
            }
            buffer.append(held)
        }
    }

    /// A lane's lease is lost: all it held is dropped; the slots that run such jobs are returned.
    mutating func lost(_ index: Int, newWorker: String) -> [Int] {
        wanted -= lanes[index].wanted
        let life = lanes[index].life
        lanes[index].startNewLife(newWorker)
        for held in buffer.removeAll() where held.lane != index { buffer.append(held) }
        return slots.indices.filter { slots[$0]?.lane == index && slots[$0]?.life == life }
    }

    /// Gives back what has not started, newest first, so that the oldest is fetched first again.
    mutating func releaseBuffer(now: Int64) {
        let jobs = buffer.removeAll()
        released += jobs.count
        for held in jobs.reversed() {
            lanes[held.lane].counts.released += 1
            note(
                Ack(tag: held.delivery.tag, writes: [.release(job: held.delivery.json)]), of: held,
                now: now)
        }
    }

    /// Gives the buffer back when its oldest waited too long: the slots became slow.
    mutating func releaseStale(now: Int64) {
        guard let oldest = buffer.first, now - oldest.fetchedAt > Self.bufferPatience else {
            return
        }
        releaseBuffer(now: now)
    }

    // MARK: Decisions

    /// Jobs to hold beyond the free slots, at the measured pace.
    private var prefetch: Int {
        min(Self.mostPrefetch, Int(pace.perNanosecond * Double(Self.prefetchNanoseconds)))
    }

    /// Fewer than this in the buffer: time to fetch.
    private var lowWater: Int { prefetch / 2 }

    private var capacity: Int { freeSlots.count + prefetch - buffer.count - wanted }

    /// What is to be done now.
    ///
    /// - Parameter isForced: Sends acks, and an empty cycle where none was sent for long.
    mutating func orders(now: Int64, isForced: Bool = false) -> Orders {
        pace.measure(now: now)
        var orders = Orders()
        while !freeSlots.isEmpty, phase != .draining, let job = buffer.popFirst() {
            let slot = freeSlots.removeLast()
            slots[slot] = job
            orders.starts.append((slot, job))
        }
        // From one queue at a time: with a fetch on the wire from each all would get the same.
        var isFetching = phase == .working && buffer.count <= lowWater
        for index in order() {
            let lane = lanes[index]
            guard lane.isJoined, lane.hasRoom else {
                // It is this one's turn: those behind it wait for its reply.
                if lane.isOpen { isFetching = false }
                continue
            }
            guard lane.retryAt <= now else {
                orders.wakeAt = min(orders.wakeAt ?? .max, lane.retryAt)
                continue
            }
            var want = 0
            if isFetching, lane.isOpen, capacity > 0, wanted == lane.wanted {
                let most = max(1, Self.fetchBytes / max(1, lane.averageBytes))
                want = min(capacity, Self.batch, most)
                // A second cycle is for a full batch: crumbs would cost the server more.
                if !lane.flights.isEmpty, want < Self.fullAcks { want = 0 }
                isFetching = false
            }
            send(index, want: want, now: now, isForced: isForced, &orders)
        }
        for index in lanes.indices {
            let lane = lanes[index]
            if phase == .working, lane.isJoined, lane.isEmpty, !lane.isPaused, !lane.isParked,
                lane.flights.isEmpty, lane.retryAt <= now
            {
                lanes[index].isParked = true
                orders.parks.append(index)
            }
        }
        orders.isDrained =
            phase == .draining && busy == 0
            && lanes.allSatisfy {
                $0.finished.isEmpty && $0.unconfirmed.isEmpty && $0.flights.isEmpty
            }
        return orders
    }

    private mutating func send(
        _ index: Int, want: Int, now: Int64, isForced: Bool, _ orders: inout Orders
    ) {
        let lane = lanes[index]
        var acks = lane.resend
        if !acks.isEmpty, !lane.flights.isEmpty { return }
        if !lane.flights.isEmpty, want == 0, lane.finished.count < Self.fullAcks { return }
        if acks.isEmpty, !lane.finished.isEmpty {
            let isPlenty = buffer.count > lowWater && lane.finished.count < Self.fullAcks
            if want == 0, isPlenty, !isForced, now - lane.finishedSince < Self.ackPatience {
                orders.wakeAt = min(orders.wakeAt ?? .max, lane.finishedSince + Self.ackPatience)
                return
            }
            if lane.finished.count <= 1000 {
                acks = lane.finished
                lanes[index].finished = []
            } else {
                acks = Array(lane.finished.prefix(1000))
                lanes[index].finished.removeFirst(1000)
            }
        }
        guard want > 0 || !acks.isEmpty || isForced else { return }
        wanted += want
        let serial = lanes[index].takeOff(
            acks: acks, want: want, isResend: !lane.unconfirmed.isEmpty)
        if want > 0 { charge(index) }
        let call = lane.store.cycle(worker: lane.worker, want: want, acks: acks)
        orders.cycles.append((index, lane.life, serial, call))
    }

    /// Which lane is asked first: by position, or by smooth weighted round robin.
    private func order() -> [Int] {
        guard !isStrict, lanes.count > 1 else { return Array(lanes.indices) }
        let credits = lanes.map { $0.credit + $0.weight }
        return credits.indices.sorted { credits[$0] > credits[$1] }
    }

    /// A lane was asked: the others that could have been gain on it.
    private mutating func charge(_ chosen: Int) {
        guard !isStrict, lanes.count > 1 else { return }
        var total = 0
        for index in lanes.indices where lanes[index].isOpen || index == chosen {
            lanes[index].credit += lanes[index].weight
            total += lanes[index].weight
        }
        lanes[chosen].credit -= total
    }
}

/// How fast jobs end here, measured over at least a millisecond.
struct Pace: Sendable {
    private(set) var perNanosecond = 0.0
    private var counted = 0
    private var since: Int64 = 0

    mutating func count(_ jobs: Int) {
        counted += jobs
    }

    mutating func measure(now: Int64) {
        let elapsed = now - since
        guard elapsed >= 1_000_000 else { return }
        let latest = Double(counted) / Double(elapsed)
        // A long gap says more than the past does.
        let weight = min(1, 0.3 + Double(elapsed) / 50_000_000)
        perNanosecond += (latest - perNanosecond) * weight
        counted = 0
        since = now
    }
}
