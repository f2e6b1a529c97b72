/// What a worker holds, by its own account and by the server's.
extension Dispatch {
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
            lanes[index].floor = max(lanes[index].floor, tag)
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
        for ack in lanes[index].unconfirmed + lanes[index].refused { tags.insert(ack.tag) }
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
        for held in buffer.removeAll().reversed() {
            lanes[held.lane].counts.released += 1
            note(
                Ack(tag: held.delivery.tag, writes: [.release(job: held.delivery.json)]), of: held,
                now: now)
        }
    }

    /// Gives the buffer back when its oldest waited too long: the slots became slow.
    mutating func releaseStale(now: Int64) {
        guard let oldest = buffer.first else { return }
        if now - oldest.fetchedAt > Self.bufferPatience { releaseBuffer(now: now) }
    }
}
