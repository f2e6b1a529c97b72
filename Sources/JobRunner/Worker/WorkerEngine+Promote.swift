internal import RedisLink
internal import Synchronization

/// Jobs that are due between two ticks: made ready in time, by any worker that knows of them.
extension WorkerEngine {
    /// Asks the server to make ready what is due; returns when the next is.
    func promoteDue(_ now: Int64) -> Int64 {
        let (due, next) = state.withLock { $0.promotions(now: now) }
        for (lane, store) in due {
            router.connection(for: store.keys.ready).submit(store.promote()) { result in
                // Unanswered: the next tick does it.
                guard let reply = try? result.get() else { return }
                self.promoted(lane, moved: reply.moved, next: reply.next)
            }
        }
        return next
    }

    private func promoted(_ lane: Int, moved: Int, next: Int?) {
        let now = monotonicNanoseconds()
        let orders = state.withLock { state in
            state.dispatch.lanes[lane].promoted(moved: moved, next: next, now: now)
            return state.orders(now: now)
        }
        perform(orders)
        clock.wake(at: now)
    }
}

extension WorkerEngine.State {
    /// The lanes that have due jobs, and when the others will.
    mutating func promotions(now: Int64) -> (due: [(lane: Int, store: QueueStore)], next: Int64) {
        var due: [(lane: Int, store: QueueStore)] = []
        var next = Int64.max
        guard dispatch.phase == .working else { return (due, next) }
        for index in dispatch.lanes.indices {
            let lane = dispatch.lanes[index]
            // The tick that ends a pause, or joins, tells of what is due as well.
            guard lane.isJoined, !lane.isPaused else { continue }
            if lane.promoteAt <= now {
                dispatch.lanes[index].promoteAt = .max
                due.append((index, lane.store))
            } else {
                next = min(next, lane.promoteAt)
            }
        }
        return (due, next)
    }
}

extension Lane {
    /// Least time between two promotions of a worker, ns, for each worker of the queue: however
    /// many there are, together they ask 500 times a second at most.
    static let promotionGap: Int64 = 2_000_000

    /// - Parameter next: ms until the next is due; nil there is none.
    mutating func promoted(moved: Int, next: Int?, now: Int64) {
        if moved > 0 { isEmpty = false }
        guard let next else { return }
        // What is left of a full call goes on at once.
        let wait = next == 0 && moved > 0 ? 0 : max(Int64(next) * 1_000_000, gap)
        promoteAt = min(promoteAt, now + wait)
    }

    private var gap: Int64 { Self.promotionGap * Int64(workers) }
}
