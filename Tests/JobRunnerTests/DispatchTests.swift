import RedisLink
import Testing

@testable import JobRunner

/// Which queue is asked, for how much, when acks go: one decision a test.
@Suite struct DispatchTests {
    private typealias Fixture = DispatchFixture
    private static let millisecond = DispatchFixture.millisecond

    /// Ends the job of a slot.
    private func finish(_ dispatch: inout Dispatch, slot: Int, at now: Int64) throws -> Held? {
        let job = try #require(dispatch.slots[slot])
        return dispatch.finished(
            job, slot: slot, ack: Ack(tag: job.delivery.tag), goesOn: true, now: now)
    }

    /// A dispatch with one slot that ended so many jobs in each of the last milliseconds.
    private func fast(_ jobs: Int) throws -> Dispatch {
        var dispatch = Fixture.dispatch(concurrency: 1)
        var tag = 0
        for round in 0..<60 {
            let now = Int64(round) * Self.millisecond
            _ = dispatch.orders(now: now)
            var ended = 0
            while ended < jobs {
                if let flight = dispatch.lanes[0].flight {
                    let tags = tag..<tag + flight.want
                    tag += flight.want
                    let held = dispatch.lanes[0].holding + flight.want - flight.acks.count
                    _ = dispatch.cycled(0, life: 0, Fixture.reply(tags, held: held), now: now)
                }
                while ended < jobs, dispatch.slots[0] != nil {
                    _ = try finish(&dispatch, slot: 0, at: now)
                    ended += 1
                }
                _ = dispatch.orders(now: now)
            }
        }
        return dispatch
    }

    @Test(arguments: [1, 4, 100, 1024])
    func `a new worker asks for its free slots, at most a batch`(_ concurrency: Int) {
        var dispatch = Fixture.dispatch(concurrency: concurrency)
        #expect(dispatch.orders(now: 0).cycles.count == 1)
        #expect(dispatch.lanes[0].flight?.want == min(concurrency, Dispatch.batch))
        // A second one flies beside it only for a full batch.
        #expect(dispatch.orders(now: 1).cycles.count == (concurrency == 1024 ? 1 : 0))
        #expect(dispatch.orders(now: 2).cycles.isEmpty)
    }

    @Test func `one that has not joined asks for nothing`() {
        var dispatch = Fixture.dispatch(joined: false)
        let orders = dispatch.orders(now: 0, isForced: true)
        #expect(orders.cycles.isEmpty && orders.parks.isEmpty)
    }

    @Test func `a paused queue is asked for nothing, and not waited on`() {
        var dispatch = Fixture.dispatch()
        dispatch.lanes[0].isPaused = true
        let orders = dispatch.orders(now: 0)
        #expect(orders.cycles.isEmpty && orders.parks.isEmpty)
    }

    @Test func `an empty queue is waited on, once, with a fetch behind the wait`() throws {
        var dispatch = Fixture.dispatch()
        _ = dispatch.orders(now: 0)
        let parks = dispatch.cycled(0, life: 0, Fixture.reply([], held: 0), now: 1).parks
        #expect(parks.map(\.lane) == [0])
        let fetch = try #require(parks.first?.fetch)
        #expect(dispatch.lanes[0].parked?.want == 4)
        #expect(dispatch.orders(now: 2).parks.isEmpty)
        let rest = dispatch.rest(0, wait: 0, now: 3)
        #expect(rest.cycles.isEmpty && rest.parks.isEmpty && rest.unparks.isEmpty)
        let answered = dispatch.cycled(
            0, life: 0, serial: fetch.serial, Fixture.reply([1], held: 1), now: 4)
        #expect(answered.starts.map(\.job.delivery.tag) == [1])
        // It brought less than it asked for: nothing more is there.
        #expect(answered.parks.map(\.lane) == [0])
        #expect(dispatch.lanes[0].parked?.want == 3)
    }

    @Test func `one of several empty queues is waited on without a fetch, and asked when it wakes`()
    {
        var dispatch = Fixture.dispatch(weights: [nil, nil])
        _ = dispatch.orders(now: 1)
        let parks = dispatch.cycled(0, life: 0, Fixture.reply([], held: 0), now: 2).parks
        #expect(parks.map(\.lane) == [0])
        #expect(parks.allSatisfy { $0.fetch == nil })
        _ = dispatch.cycled(1, life: 0, Fixture.reply([], held: 0), now: 2)
        let woken = dispatch.woke(0, hasJob: true, wait: 0, now: 3)
        #expect(woken.cycles.map(\.lane) == [0])
        #expect(woken.unparks.isEmpty)
    }

    @Test func `a refused wake-up keeps the next one waiting`() throws {
        var dispatch = Fixture.dispatch()
        _ = dispatch.orders(now: 0)
        let parks = dispatch.cycled(0, life: 0, Fixture.reply([], held: 0), now: 1).parks
        let fetch = try #require(parks.first?.fetch)
        _ = dispatch.rest(0, wait: 1000, now: 2)
        let answered = dispatch.cycled(
            0, life: 0, serial: fetch.serial, Fixture.reply([], held: 0), now: 3)
        #expect(answered.parks.isEmpty)
        #expect(answered.wakeAt == 1002)
        #expect(dispatch.orders(now: 1002).parks.map(\.lane) == [0])
    }

    @Test func `a wake-up that no slot is free for is passed on`() {
        var dispatch = Fixture.dispatch(concurrency: 1)
        _ = dispatch.orders(now: 0)
        _ = dispatch.cycled(0, life: 0, Fixture.reply([1], held: 1), now: 1)
        dispatch.lanes[0].isParked = true
        #expect(dispatch.woke(0, hasJob: true, wait: 0, now: 2).unparks == [0])
        dispatch.lanes[0].isParked = true
        #expect(dispatch.woke(0, hasJob: false, wait: 0, now: 2).unparks.isEmpty)
    }

    @Test func `after an error of a wake-up it stays away for a while`() {
        var dispatch = Fixture.dispatch()
        dispatch.lanes[0].isParked = true
        dispatch.lanes[0].isEmpty = true
        let orders = dispatch.woke(0, hasJob: false, wait: 1000, now: 5)
        #expect(orders.cycles.isEmpty && orders.parks.isEmpty)
        #expect(orders.wakeAt == 1005)
        #expect(dispatch.orders(now: 1005).cycles.count == 1)
    }

    @Test func `slow jobs are not prefetched, fast ones are`() throws {
        var slow = Fixture.dispatch(concurrency: 2)
        _ = slow.orders(now: 0)
        _ = slow.cycled(0, life: 0, Fixture.reply(1...2, held: 2), now: 1)
        _ = try finish(&slow, slot: 0, at: 1000 * Self.millisecond)
        _ = slow.orders(now: 1000 * Self.millisecond)
        #expect(slow.lanes[0].flight?.want == 1)

        // So many a millisecond for 10 milliseconds, and the free slot.
        let want = try fast(10).mostWanted
        #expect((60...101).contains(want), "\(want)")
        #expect(try fast(100).mostWanted == Dispatch.batch)
    }

    @Test func `large jobs are fetched by bytes`() {
        var dispatch = Fixture.dispatch(concurrency: 100)
        dispatch.lanes[0].averageBytes = 65_536
        _ = dispatch.orders(now: 0)
        #expect(dispatch.lanes[0].flight?.want == 15)
        dispatch = Fixture.dispatch(concurrency: 100)
        dispatch.lanes[0].averageBytes = 5_000_000
        _ = dispatch.orders(now: 0)
        #expect(dispatch.lanes[0].flight?.want == 1)
    }

    @Test func `an ack goes at once when there is nothing else to do`() throws {
        var dispatch = Fixture.dispatch()
        _ = dispatch.orders(now: 0)
        _ = dispatch.cycled(0, life: 0, Fixture.reply([1], held: 1), now: 1)
        let slot = try #require(dispatch.slots.firstIndex { $0 != nil })
        #expect(try finish(&dispatch, slot: slot, at: 2) == nil)
        #expect(dispatch.orders(now: 2).cycles.count == 1)
        #expect(dispatch.lanes[0].flight?.acks.map(\.tag) == [1])
    }

    @Test func `at most a thousand acks go at once, the others after them`() {
        var dispatch = Fixture.dispatch()
        dispatch.lanes[0].finished = (0..<1500).map { Ack(tag: $0) }
        dispatch.lanes[0].isEmpty = true
        _ = dispatch.orders(now: 5 * Self.millisecond)
        #expect(dispatch.lanes[0].flight?.acks.count == 1000)
        #expect(dispatch.lanes[0].finished.count == 500)
        dispatch.lanes[0].holding = 1500
        _ = dispatch.cycled(0, life: 0, Fixture.reply([], held: 500), now: 6 * Self.millisecond)
        #expect(dispatch.lanes[0].flight?.acks.map(\.tag) == Array(1000..<1500))
    }

    @Test func `acks whose answer was lost go again, alone, after a wait`() {
        var dispatch = Fixture.dispatch()
        var random = SeededRandom(seed: 1)
        dispatch.lanes[0].finished = [Ack(tag: 7)]
        dispatch.lanes[0].holding = 1
        _ = dispatch.orders(now: 5 * Self.millisecond)
        #expect(dispatch.lanes[0].flight?.want == 4)
        let failed = dispatch.cycleFailed(
            0, life: 0, now: 6 * Self.millisecond, using: &random)
        #expect(failed.cycles.isEmpty)
        let again = failed.wakeAt ?? 0
        _ = dispatch.orders(now: again)
        #expect(dispatch.lanes[0].flight?.want == 0)
        #expect(dispatch.lanes[0].flight?.acks.map(\.tag) == [7])
        let answered = dispatch.cycled(0, life: 0, Fixture.reply([], held: 0), now: again)
        #expect(answered.reconciles.isEmpty)
        #expect(dispatch.lanes[0].flight?.want == 4)
    }

    @Test func `strict queues are asked by position`() {
        var dispatch = Fixture.dispatch(weights: [nil, nil], concurrency: 150)
        #expect(dispatch.orders(now: 0).cycles.map(\.lane) == [0])
        // The lower one waits for the answer, though slots are free.
        #expect(dispatch.orders(now: 1).cycles.isEmpty)
        let full = dispatch.cycled(0, life: 0, Fixture.reply(1...128, held: 128), now: 2)
        #expect(full.cycles.map(\.lane) == [0])
        let rest = dispatch.cycled(0, life: 0, Fixture.reply([200], held: 129), now: 3)
        #expect(rest.cycles.map(\.lane) == [1])
        #expect(rest.parks.map(\.lane) == [0])
    }

    @Test func `weighted queues are asked in proportion, whoever has jobs`() {
        var dispatch = Fixture.dispatch(weights: [5, 3, 1], concurrency: 1)
        var asked = [0, 0, 0]
        var tag = 0
        for round in 0..<900 {
            let now = Int64(round) * 1000 * Self.millisecond
            _ = dispatch.orders(now: now)
            guard let lane = dispatch.lanes.firstIndex(where: { $0.flight?.want ?? 0 > 0 }) else {
                Issue.record("nobody is asked in round \(round)")
                return
            }
            asked[lane] += 1
            tag += 1
            // All that is on the wire is answered, the fetch with a job.
            for index in dispatch.lanes.indices {
                guard let flight = dispatch.lanes[index].flight else { continue }
                let tags = flight.want > 0 ? [tag] : []
                let held = dispatch.lanes[index].holding + tags.count - flight.acks.count
                _ = dispatch.cycled(index, life: 0, Fixture.reply(tags, held: held), now: now)
            }
            if let job = dispatch.slots[0] {
                _ = dispatch.finished(
                    job, slot: 0, ack: Ack(tag: job.delivery.tag), goesOn: true, now: now)
            }
        }
        #expect(asked == [500, 300, 100])
    }

    @Test func `a lost lease forgets its own and leaves the other queues alone`() {
        var dispatch = Fixture.dispatch(weights: [nil, nil], concurrency: 2)
        _ = dispatch.orders(now: 0)
        _ = dispatch.cycled(0, life: 0, Fixture.reply([1], held: 1), now: 1)
        _ = dispatch.cycled(1, life: 0, Fixture.reply([2], held: 1), now: 2)
        dispatch.lanes[0].finished = [Ack(tag: 9)]
        let wanted = dispatch.wanted
        let own = dispatch.lanes[0].flight?.want ?? 0
        #expect(dispatch.lost(0, newWorker: "w+1").count == 1)
        #expect(dispatch.wanted == wanted - own)
        #expect(dispatch.lanes[0].life == 1)
        #expect(dispatch.lanes[0].finished.isEmpty)
        #expect(!dispatch.lanes[0].isJoined)
        #expect(dispatch.tags(of: 1) == [2])
        // A late answer of the old life changes nothing.
        _ = dispatch.cycled(0, life: 0, Fixture.reply([3], held: 1), now: 3)
        #expect(dispatch.buffered == 0)
        #expect(dispatch.lanes[0].holding == 0)
    }

    @Test func `draining ends when nothing runs and every ack is confirmed`() throws {
        var dispatch = Fixture.dispatch(concurrency: 1)
        _ = dispatch.orders(now: 0)
        _ = dispatch.cycled(0, life: 0, Fixture.reply(1...2, held: 2), now: 1)
        dispatch.phase = .draining
        // Another may come with the connection that blocks: the buffer waits for it.
        #expect(!dispatch.orders(now: 2).isDrained)
        #expect(dispatch.buffered == 1)
        #expect(!dispatch.parkingEnded(now: 2).isDrained)
        #expect(dispatch.buffered == 0)
        #expect(try finish(&dispatch, slot: 0, at: 3) == nil)
        #expect(!dispatch.orders(now: 3).isDrained)
        let held = dispatch.lanes[0].flight?.acks.count == 2 ? 0 : 1
        let answered = dispatch.cycled(0, life: 0, Fixture.reply([], held: held), now: 4)
        if held == 1 {
            #expect(!answered.isDrained)
            #expect(
                dispatch.cycled(0, life: 0, Fixture.reply([], held: 0), now: 5).isDrained)
        } else {
            #expect(answered.isDrained)
        }
    }

    @Test func `a pace is measured over a millisecond and forgets the past`() {
        var pace = Pace()
        pace.count(100)
        pace.measure(now: 500_000)
        #expect(pace.perNanosecond == 0)
        pace.measure(now: 1_000_000)
        #expect(pace.perNanosecond > 0)
        pace.measure(now: 1_000_000_000)
        #expect(pace.perNanosecond == 0)
    }
}

extension Dispatch {
    /// What one fetch asks for when nothing is held.
    fileprivate var mostWanted: Int {
        var copy = self
        copy.releaseBuffer(now: 0)
        for slot in slots.indices {
            guard let job = copy.slots[slot] else { continue }
            _ = copy.finished(
                job, slot: slot, ack: Ack(tag: job.delivery.tag), goesOn: false, now: 0)
        }
        while let flight = copy.lanes[0].flight {
            let held = copy.lanes[0].holding - flight.acks.count
            copy.lanes[0].isEmpty = true
            let reply = DispatchFixture.reply([], held: held)
            _ = copy.cycled(0, life: 0, reply, now: 59_000_001)
        }
        copy.lanes[0].isEmpty = false
        _ = copy.orders(now: 59_000_002)
        return copy.lanes[0].flight?.want ?? 0
    }
}
