import RedisLink
import Testing

@testable import JobRunner

/// Jobs that were lost with a worker run alone; acks the server refuses hold up nobody.
@Suite struct DispatchSuspectTests {
    private typealias Fixture = DispatchFixture

    private func reply(
        suspects: [Int], others: [Int], held: Int, crashes: Int = 2
    ) -> CycleReply {
        let jobs =
            suspects.map { Delivery(tag: $0, json: [1], crashes: crashes, isCancelled: false) }
            + others.map { Delivery(tag: $0, json: [1], crashes: 0, isCancelled: false) }
        return .done(isPaused: false, acked: 0, held: held, deliveries: jobs)
    }

    @Test func `a suspect runs alone, and what was fetched with it goes back`() throws {
        var dispatch = Fixture.dispatch()
        _ = dispatch.orders(now: 0)
        let orders = dispatch.cycled(
            0, life: 0, serial: dispatch.lanes[0].flight?.serial ?? 0,
            reply(suspects: [1, 2], others: [3, 4], held: 4), now: 1)
        // Not before the server has the others back: they would be counted with it.
        #expect(orders.starts.isEmpty)
        // Newest first, so that the oldest is fetched first again; nothing is fetched meanwhile.
        let flight = try #require(dispatch.lanes[0].flight)
        #expect(flight.acks.map(\.tag) == [4, 3, 2])
        let isAllReleased = flight.acks.allSatisfy { $0.isRelease }
        #expect(isAllReleased)
        #expect(flight.want == 0)
        let answered = dispatch.cycled(0, life: 0, Fixture.reply([], held: 1), now: 2)
        #expect(answered.cycles.isEmpty && answered.parks.isEmpty)
        #expect(answered.starts.map(\.job.delivery.tag) == [1])

        let job = try #require(dispatch.slots.compactMap { $0 }.first)
        let slot = try #require(dispatch.slots.firstIndex { $0 != nil })
        let next = dispatch.finished(
            job, slot: slot, ack: Ack(tag: 1), goesOn: true, now: 3)
        #expect(next == nil)
        #expect(dispatch.orders(now: 3).cycles.count == 1)
        #expect(dispatch.lanes[0].flight?.want == 4)
    }

    @Test func `a suspect waits for its neighbours to end, but not for long`() throws {
        var dispatch = Fixture.dispatch()
        _ = dispatch.orders(now: 0)
        let first = dispatch.cycled(0, life: 0, Fixture.reply([1], held: 1), now: 1)
        let fetch = try #require(first.parks.first?.fetch)
        let orders = dispatch.cycled(
            0, life: 0, serial: fetch.serial, reply(suspects: [2], others: [], held: 2), now: 2)
        #expect(orders.starts.isEmpty)
        #expect(orders.wakeAt == 2 + Dispatch.suspectPatience)
        #expect(orders.parks.isEmpty && orders.cycles.isEmpty)
        let late = dispatch.orders(now: 2 + Dispatch.suspectPatience)
        #expect(late.starts.map(\.job.delivery.tag) == [2])
        // It is not alone, so others may join it.
        #expect(dispatch.suspectSlot == nil)
    }

    @Test func `a job lost once runs alone only where other workers go on with the queue`() throws {
        for (workers, starts) in [(1, 2), (2, 0)] {
            var dispatch = Fixture.dispatch()
            dispatch.lanes[0].workers = workers
            _ = dispatch.orders(now: 0)
            let jobs = [1, 2].map {
                Delivery(tag: $0, json: [1], crashes: $0 == 1 ? 1 : 0, isCancelled: false)
            }
            let orders = dispatch.cycled(
                0, life: 0, serial: dispatch.lanes[0].flight?.serial ?? 0,
                .done(isPaused: false, acked: 0, held: 2, deliveries: jobs), now: 1)
            #expect(orders.starts.count == starts)
        }
    }

    @Test func `after ten seconds others run beside a suspect`() throws {
        var dispatch = Fixture.dispatch()
        _ = dispatch.orders(now: 0)
        let orders = dispatch.cycled(
            0, life: 0, serial: dispatch.lanes[0].flight?.serial ?? 0,
            reply(suspects: [1], others: [], held: 1), now: 1)
        #expect(orders.starts.map(\.job.delivery.tag) == [1])
        #expect(orders.wakeAt == 1 + Dispatch.suspectLimit)
        #expect(dispatch.orders(now: Dispatch.suspectLimit).cycles.isEmpty)
        let later = dispatch.orders(now: 1 + Dispatch.suspectLimit)
        #expect(dispatch.suspectSlot == nil)
        #expect(later.cycles.count + later.parks.count == 1)
    }

    @Test func `a job lost once runs alone for a tenth of a second`() {
        var dispatch = Fixture.dispatch()
        dispatch.lanes[0].workers = 2
        _ = dispatch.orders(now: 0)
        let orders = dispatch.cycled(
            0, life: 0, serial: dispatch.lanes[0].flight?.serial ?? 0,
            reply(suspects: [1], others: [], held: 1, crashes: 1), now: 1)
        #expect(orders.starts.map(\.job.delivery.tag) == [1])
        #expect(orders.wakeAt == 1 + Dispatch.firstCaution)
        #expect(dispatch.orders(now: Dispatch.firstCaution).cycles.isEmpty)
        #expect(dispatch.suspectSlot != nil)
        _ = dispatch.orders(now: 1 + Dispatch.firstCaution)
        #expect(dispatch.suspectSlot == nil)
    }

    @Test func `jobs lost once wait as long for neighbours, all together`() throws {
        var dispatch = Fixture.dispatch()
        dispatch.lanes[0].workers = 2
        _ = dispatch.orders(now: 0)
        let first = dispatch.cycled(0, life: 0, Fixture.reply([1], held: 1), now: 1)
        let fetch = try #require(first.parks.first?.fetch)
        let orders = dispatch.cycled(
            0, life: 0, serial: fetch.serial,
            reply(suspects: [2, 3, 4], others: [], held: 4, crashes: 1), now: 2)
        #expect(orders.starts.isEmpty)
        #expect(dispatch.orders(now: 1 + Dispatch.firstCaution).starts.isEmpty)
        let late = dispatch.orders(now: 2 + Dispatch.firstCaution)
        #expect(late.starts.map(\.job.delivery.tag) == [2, 3, 4])
    }

    @Test func `an ack the server refuses is set aside, and the others arrive`() throws {
        var random = SeededRandom(seed: 1)
        var dispatch = Fixture.dispatch()
        _ = dispatch.orders(now: 0)
        _ = dispatch.cycled(0, life: 0, Fixture.reply(1...4, held: 4), now: 1)
        for slot in 0..<4 {
            let job = try #require(dispatch.slots[slot])
            _ = dispatch.finished(
                job, slot: slot, ack: Ack(tag: job.delivery.tag), goesOn: false, now: 2)
        }
        _ = dispatch.orders(now: 2, isForced: true)
        // The server takes every ack but the one with tag 2.
        var now: Int64 = 3
        var arrived = Set<Int>()
        for _ in 0..<20 where dispatch.lanes[0].refused.isEmpty || arrived.count < 3 {
            now += 10_000_000_000
            _ = dispatch.orders(now: now)
            guard let flight = dispatch.lanes[0].flight else { continue }
            if flight.acks.contains(where: { $0.tag == 2 }) {
                _ = dispatch.cycleFailed(
                    0, life: 0, serial: flight.serial, isRefused: true, now: now, using: &random)
            } else {
                arrived.formUnion(flight.acks.map(\.tag))
                let held = 4 - arrived.count
                _ = dispatch.cycled(0, life: 0, Fixture.reply([], held: held), now: now)
            }
        }
        #expect(arrived == [1, 3, 4])
        #expect(dispatch.lanes[0].refused.map(\.tag) == [2])
        #expect(dispatch.lanes[0].isJoined && dispatch.lanes[0].unconfirmed.isEmpty)
        #expect(dispatch.tags(of: 0).contains(2))
        // Tried again after a while.
        _ = dispatch.orders(now: now + 40_000_000_000)
        #expect(dispatch.lanes[0].refused.isEmpty)
    }
}
