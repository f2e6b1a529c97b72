/// How many slots are open: jobs are started on no others.
extension Dispatch {
    /// Slots that have a job or may get one; those that close when theirs ends included.
    var openSlots: Int { slots.count - closedSlots.count }

    /// Jobs wait: here, or in a queue that may be asked.
    var hasBacklog: Bool {
        if !buffer.isEmpty { return true }
        for index in lanes.indices where lanes[index].isJoined && !lanes[index].isPaused {
            if lanes[index].runnable > 0 { return true }
        }
        return false
    }

    /// Opens or closes slots: free ones at once, busy ones when their job ends.
    ///
    /// A fetch that is under way was for the slots of before: what it brings too much waits in the
    /// buffer, and goes back when that takes long.
    ///
    /// - Parameter count: 1 to `slots.count`.
    mutating func open(_ count: Int) {
        let more = count - (openSlots - closing)
        if more >= 0 {
            let kept = min(more, closing)
            closing -= kept
            for _ in kept..<more { if let slot = closedSlots.popLast() { freeSlots.append(slot) } }
        } else {
            let closed = min(-more, freeSlots.count)
            // Those that were free for longest.
            closedSlots += freeSlots.prefix(closed)
            freeSlots.removeFirst(closed)
            closing += -more - closed
        }
    }

    /// A slot's job ended and it does not go on.
    mutating func vacate(_ slot: Int) {
        if closing > 0 {
            closing -= 1
            closedSlots.append(slot)
        } else {
            freeSlots.append(slot)
        }
    }
}
