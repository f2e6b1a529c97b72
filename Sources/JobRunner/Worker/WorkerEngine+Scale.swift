internal import RedisLink
internal import Synchronization

/// Slots that open and close with the work.
extension WorkerEngine {
    /// The share of `memoryLimit` from which no slots open.
    static let fullMemory = 0.8

    /// Whether this process holds so much that more slots could have it replaced.
    ///
    /// Costs a system call; not asked by a worker whose number of slots is fixed.
    var isShortOfMemory: Bool {
        guard options.slots.count > 1, let limit = options.memoryLimit else { return false }
        return Double(ProcessMemory.resident()) > Self.fullMemory * Double(limit)
    }
}

extension WorkerEngine.State {
    /// A tick: opens or closes slots; returns what changed.
    mutating func rescale(isShortOfMemory: Bool, now: Int64) -> SlotScale.Change? {
        // A suspect runs alone, a worker that stops takes no jobs: idle slots mean nothing then.
        guard scale != nil, dispatch.phase == .working, dispatch.suspectSlot == nil,
            dispatch.buffer.first?.delivery.isSuspect != true
        else { return nil }
        let isStarved = pool.isReported || pool.starvations != starvationsSeen
        starvationsSeen = pool.starvations
        let look = SlotScale.Look(
            now: now, ended: dispatch.pace.total, busy: dispatch.busy,
            hasBacklog: dispatch.hasBacklog, isStarved: isStarved,
            isShortOfMemory: isShortOfMemory)
        guard let change = scale?.look(look) else { return nil }
        dispatch.open(change.to)
        return change
    }
}
