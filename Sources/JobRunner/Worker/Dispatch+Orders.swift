internal import RedisLink

/// What is to be done now: whom to ask, for how much, what to send.
extension Dispatch {
    /// Jobs to hold beyond the free slots, at the measured pace.
    var prefetch: Int {
        min(Self.mostPrefetch, Int(pace.perNanosecond * Double(Self.prefetchNanoseconds)))
    }

    /// Fewer than this in the buffer: time to fetch.
    var lowWater: Int { prefetch / 2 }

    var capacity: Int { freeSlots.count + prefetch - buffer.count - wanted }

    /// What is to be done now.
    ///
    /// - Parameter isForced: Sends acks, and an empty cycle where none was sent for long.
    mutating func orders(now: Int64, isForced: Bool = false) -> Orders {
        pace.measure(now: now)
        var orders = Orders()
        endSuspicion(&orders, now: now)
        start(&orders, now: now)
        releaseWhenComplete(now: now)
        // From one queue at a time: with a fetch on the wire from each all would get the same.
        let hasSuspect = suspectSlot != nil || hasSuspectFirst
        var isFetching = phase == .working && buffer.count <= lowWater && !hasSuspect
        for index in order() {
            lanes[index].retryRefused(now: now)
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
            if lane.limitedUntil > now {
                orders.wakeAt = min(orders.wakeAt ?? .max, lane.limitedUntil)
            } else if isFetching, lane.isOpen, capacity > 0, wanted == lane.wanted {
                let most = max(1, Self.fetchBytes / max(1, lane.averageBytes))
                want = min(capacity, Self.batch, most)
                // A second cycle is for a full batch: crumbs would cost the server more.
                if !lane.flights.isEmpty, want < Self.fullAcks { want = 0 }
                isFetching = false
            }
            if want == 0, phase == .working, !hasSuspect, adopt(index, &orders) { continue }
            send(index, want: want, now: now, isForced: isForced, &orders)
        }
        for index in lanes.indices {
            let lane = lanes[index]
            if phase == .working, lane.isJoined, lane.isEmpty, !lane.isPaused, !lane.isParked,
                !lane.isReconciling, !hasSuspect,
                lane.flights.isEmpty, max(lane.retryAt, lane.limitedUntil) <= now
            {
                lanes[index].isParked = true
                orders.parks.append((index, lane.life, parkedFetch(index)))
            }
        }
        orders.isDrained =
            phase == .draining && busy == 0 && openParkings == 0 && wanted == 0
            && lanes.allSatisfy { $0.isSettled }
        return orders
    }

    /// A job that may have been what took a worker down.
    ///
    /// Where other workers go on with the queue, any that was lost; a worker that is the only one
    /// has no process to spare, and waits for the second time.
    func isSuspect(_ job: Held) -> Bool {
        job.delivery.crashes >= (lanes[job.lane].workers > 1 ? 1 : 2)
    }

    var hasSuspectFirst: Bool { buffer.first.map { isSuspect($0) } ?? false }

    /// Lets others run beside a suspect that has run alone for long.
    private mutating func endSuspicion(_ orders: inout Orders, now: Int64) {
        guard suspectSlot != nil else { return }
        guard suspectUntil > now else { return suspectSlot = nil }
        orders.wakeAt = min(orders.wakeAt ?? .max, suspectUntil)
    }

    /// Starts what waits in the buffer on free slots.
    ///
    /// A suspect runs alone at first: when it takes this process down as well, no neighbour is
    /// counted with it. What else is held goes back before, and the server has confirmed that. When
    /// that, or the end of the other slots, does not come soon, it runs all the same: it must not
    /// hold up the queue.
    private mutating func start(_ orders: inout Orders, now: Int64) {
        while suspectSlot == nil, !freeSlots.isEmpty, phase != .draining, let job = buffer.first {
            let isSuspect = isSuspect(job)
            let isAlone = isSuspect && busy == 0
            let isFirst = job.delivery.crashes < 2
            let patience =
                job.fetchedAt + (isFirst ? Self.firstCaution : Self.suspectPatience)
            if isSuspect, patience > now, !isAlone || !holdsOnlyFirst(now: now) {
                orders.wakeAt = min(orders.wakeAt ?? .max, patience)
                return
            }
            _ = buffer.popFirst()
            let slot = freeSlots.removeLast()
            slots[slot] = job
            orders.starts.append((slot, job))
            if isAlone {
                suspectSlot = slot
                suspectUntil = now + (isFirst ? Self.firstCaution : Self.suspectLimit)
                orders.wakeAt = min(orders.wakeAt ?? .max, suspectUntil)
            }
        }
    }

    /// Gives back all of the buffer but its first; true when the server holds nothing else for this
    /// worker any more.
    private mutating func holdsOnlyFirst(now: Int64) -> Bool {
        if buffer.count > 1, let first = buffer.popFirst() {
            releaseBuffer(now: now)
            buffer.append(first)
        }
        return wanted == 0
            && lanes.allSatisfy { $0.isSettled }
    }

    /// Gives back what will not start here, before a stop or beside a suspect: all at once, when
    /// nothing more can come, so that it waits in the order it had.
    private mutating func releaseWhenComplete(now: Int64) {
        let isStopping = phase == .draining && openParkings == 0
        if isStopping || suspectSlot != nil, wanted == 0 { releaseBuffer(now: now) }
    }

    /// The fetch to send behind a BRPOPLPUSH, so that the job that wakes this worker comes with
    /// the wake-up: a round trip and three thread wake-ups less.
    ///
    /// Only with one queue: with several, what each would reserve would be missing to the others.
    private mutating func parkedFetch(_ index: Int) -> (serial: Int, call: Call<CycleReply>)? {
        guard lanes.count == 1, capacity > 0 else { return nil }
        let lane = lanes[index]
        let most = max(1, Self.fetchBytes / max(1, lane.averageBytes))
        let want = min(capacity, Self.batch, most)
        wanted += want
        return (
            lanes[index].park(want: want),
            lane.store.cycle(worker: lane.worker, want: want, acks: [], floor: lane.floor)
        )
    }

    /// Asks for parked jobs of a kind that is known here, beside whatever is reserved for others;
    /// false when there is none, or no room.
    private mutating func adopt(_ index: Int, _ orders: inout Orders) -> Bool {
        let lane = lanes[index]
        let room = freeSlots.count + prefetch - buffer.count
        guard let kind = lane.adoptable.first, lane.isJoined, !lane.isPaused, room > 0,
            lane.flights.isEmpty, lane.unconfirmed.isEmpty
        else { return false }
        let want = min(room, Self.batch)
        wanted += want
        let serial = lanes[index].takeOff(acks: [], want: want, isResend: false, adopts: kind)
        orders.cycles.append(
            (
                index, lane.life, serial,
                lane.store.adopt(kind, worker: lane.worker, want: want, floor: lane.floor)
            ))
        return true
    }

    mutating func send(
        _ index: Int, want: Int, now: Int64, isForced: Bool, _ orders: inout Orders
    ) {
        let lane = lanes[index]
        var acks = lane.resend
        if !acks.isEmpty, !lane.flights.isEmpty { return }
        if !lane.flights.isEmpty, want == 0, lane.finished.count < Self.fullAcks { return }
        if acks.isEmpty, !lane.finished.isEmpty {
            // A suspect waits for what was fetched with it to be given back.
            let isPlenty =
                buffer.count > lowWater && lane.finished.count < Self.fullAcks
                && !hasSuspectFirst
            if want == 0, isPlenty, !isForced, now - lane.finishedSince < Self.ackPatience {
                orders.wakeAt = min(orders.wakeAt ?? .max, lane.finishedSince + Self.ackPatience)
                return
            }
            if phase == .draining, openParkings > 0 {
                // What is given back now could be brought again by a connection that still blocks.
                acks = Array(lane.finished.filter { !$0.isRelease }.prefix(1000))
                let sent = Set(acks.map(\.tag))
                lanes[index].finished.removeAll { sent.contains($0.tag) }
            } else if lane.finished.count <= 1000 {
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
        let call = lane.store.cycle(
            worker: lane.worker, want: want, acks: acks, floor: lane.floor)
        orders.cycles.append((index, lane.life, serial, call))
    }

    /// Which lane is asked first: by position, or by smooth weighted round robin.
    func order() -> [Int] {
        guard !isStrict, lanes.count > 1 else { return Array(lanes.indices) }
        let credits = lanes.map { $0.credit + $0.weight }
        return credits.indices.sorted { credits[$0] > credits[$1] }
    }

    /// A lane was asked: the others that could have been gain on it.
    mutating func charge(_ chosen: Int) {
        guard !isStrict, lanes.count > 1 else { return }
        var total = 0
        for index in lanes.indices where lanes[index].isOpen || index == chosen {
            lanes[index].credit += lanes[index].weight
            total += lanes[index].weight
        }
        lanes[chosen].credit -= total
    }
}
