internal import RedisLink

extension WorkerEngine.State {
    /// What a tick's answer changes for a lane.
    struct News {
        var store: QueueStore
        var worker: String
        var hasJoined = false
        var asksForCancelled = false
        /// No cycle for half a lease: one is due for its `held`.
        var isStale = false
    }

    /// - Parameter lease: ms.
    mutating func news(
        _ index: Int, _ life: Int, _ reply: TickReply, _ lease: Int, _ now: Int64,
        knows: (JobKind) -> Bool = { _ in false }
    ) -> News {
        var lane = dispatch.lanes[index]
        var news = News(store: lane.store, worker: lane.worker)
        guard lane.life == life else { return news }
        if !lane.isJoined {
            lane.isJoined = true
            lane.lastCycle = now
            news.hasJoined = true
        }
        news.isStale = lane.flights.isEmpty && now - lane.lastCycle > Int64(lease) * 500_000
        lane.isPaused = reply.isPaused
        lane.adoptable = reply.parked.map(\.kind).filter(knows)
        lane.muted = reply.muted
        lane.workers = max(1, reply.workers)
        // A bell may have said more since this was asked.
        if let next = reply.next {
            lane.promoteAt = min(lane.promoteAt, now + Int64(next) * 1_000_000)
        }
        lane.runnable = reply.ready + reply.landing
        lane.waiting = lane.runnable + reply.scheduled
        if lane.cancels != reply.cancels {
            lane.cancels = reply.cancels
            news.asksForCancelled = true
        }
        // Jobs and no alarm: a wake-up that was lost, or a pause that ended.
        if reply.ready + reply.landing > 0, !lane.isParked { lane.isEmpty = false }
        dispatch.lanes[index] = lane
        dispatch.releaseStale(now: now)
        return news
    }

    /// Cancels what runs of some deliveries, and marks those that have not started.
    mutating func cancel(_ tags: Set<Int>, in lane: Int, life: Int) {
        guard !tags.isEmpty else { return }
        for slot in runs.indices {
            guard let held = runs[slot].held, held.lane == lane, held.life == life,
                tags.contains(held.delivery.tag)
            else { continue }
            cancel(slot, .notWanted)
        }
        dispatch.markCancelled(tags, in: lane, life: life)
    }
}
