import Testing

@testable import JobRunner

/// Slots that open and close while jobs run.
@Suite struct DispatchSlotsTests {
    private typealias Fixture = DispatchFixture

    /// Two of four slots open, with jobs 1 and 2 of so many in them.
    private func running(_ jobs: Int = 2) -> Dispatch {
        var dispatch = Fixture.dispatch(concurrency: 2, most: 4)
        _ = dispatch.orders(now: 0)
        let orders = dispatch.cycled(0, life: 0, Fixture.reply(1...jobs, held: jobs), now: 1)
        #expect(orders.starts.count == 2)
        return dispatch
    }

    /// Ends the job of a slot; returns the tag that it goes on with.
    private func end(_ slot: Int, _ dispatch: inout Dispatch) throws -> Int? {
        let job = try #require(dispatch.slots[slot])
        let next = dispatch.finished(
            job, slot: slot, ack: Ack(tag: job.delivery.tag), goesOn: true, now: 2)
        return next?.delivery.tag
    }

    @Test func `only open slots are asked for`() {
        var dispatch = Fixture.dispatch(concurrency: 2, most: 4)
        #expect(dispatch.openSlots == 2 && dispatch.busy == 0)
        _ = dispatch.orders(now: 0)
        #expect(dispatch.lanes[0].flight?.want == 2)
        dispatch.open(4)
        #expect(dispatch.openSlots == 4 && dispatch.capacity == 2)
    }

    @Test func `a slot that opens gets the next job at once`() throws {
        var dispatch = running(4)
        #expect(dispatch.buffered == 2)
        dispatch.open(3)
        let orders = dispatch.orders(now: 2)
        #expect(orders.starts.map(\.job.delivery.tag) == [3])
        #expect(dispatch.busy == 3 && dispatch.openSlots == 3)
    }

    @Test func `free slots close at once, a busy one when its job ends`() throws {
        var dispatch = running()
        dispatch.open(4)
        #expect(dispatch.freeSlots.count == 2)
        dispatch.open(1)
        #expect(dispatch.freeSlots.isEmpty && dispatch.closing == 1)
        #expect(dispatch.busy == 2 && dispatch.openSlots == 2)
        #expect(dispatch.capacity <= 0)
        _ = try end(0, &dispatch)
        #expect(dispatch.busy == 1 && dispatch.openSlots == 1 && dispatch.closing == 0)
        _ = try end(1, &dispatch)
        #expect(dispatch.busy == 0 && dispatch.freeSlots.count == 1)
    }

    @Test func `a slot that is to close does not go on with the buffer`() throws {
        var dispatch = running(4)
        dispatch.open(1)
        #expect(try end(0, &dispatch) == nil)
        #expect(dispatch.orders(now: 2).starts.isEmpty)
        // The one that stays open does.
        #expect(try end(1, &dispatch) == 3)
        #expect(dispatch.busy == 1 && dispatch.buffered == 1)
    }

    @Test func `a growth first keeps those that were to close`() throws {
        var dispatch = running(4)
        dispatch.open(1)
        dispatch.open(3)
        #expect(dispatch.closing == 0 && dispatch.openSlots == 3)
        #expect(try end(0, &dispatch) == 3)
        #expect(dispatch.orders(now: 2).starts.map(\.job.delivery.tag) == [4])
    }

    @Test func `a suspect that runs alone leaves a closed slot behind`() throws {
        var dispatch = Fixture.dispatch(concurrency: 2, most: 4)
        _ = dispatch.orders(now: 0)
        let suspect = Delivery(tag: 1, json: [1], crashes: 1, isCancelled: false)
        let orders = dispatch.cycled(
            0, life: 0,
            .done(isPaused: false, acked: 0, held: 1, deliveries: [suspect]), now: 1)
        let slot = try #require(orders.starts.first?.slot)
        #expect(dispatch.suspectSlot == slot)
        // The free one closes; then the suspect's own has to wait for its end.
        dispatch.open(1)
        #expect(dispatch.busy == 1 && dispatch.openSlots == 1 && dispatch.closing == 0)
        _ = try end(slot, &dispatch)
        #expect(dispatch.suspectSlot == nil && dispatch.freeSlots == [slot])
    }

    @Test func `a stop with slots that are to close ends`() throws {
        var dispatch = running()
        dispatch.open(1)
        dispatch.drain(now: 2)
        for slot in 0..<2 { _ = try end(slot, &dispatch) }
        _ = dispatch.orders(now: 3, isForced: true)
        let end = dispatch.cycled(0, life: 0, Fixture.reply([], held: 0), now: 4)
        #expect(end.isDrained)
    }

    // MARK: The state's part

    private func scaling() throws -> WorkerEngine.State {
        var state = Fixture.state(Fixture.dispatch(concurrency: 2, most: 4))
        state.scale = SlotScale(2...4)
        _ = state.orders(now: 0)
        _ = state.dispatched { $0.cycled(0, life: 0, Fixture.reply(1...8, held: 8), now: 1) }
        return state
    }

    @Test func `a tick that finds all busy opens a slot, and jobs start`() throws {
        var state = try scaling()
        #expect(state.rescale(isShortOfMemory: false, now: 1) == nil)
        #expect(state.rescale(isShortOfMemory: false, now: 2) == nil)
        let change = state.rescale(isShortOfMemory: false, now: 3)
        #expect(change == .init(from: 2, to: 3, reason: .backlog))
        #expect(state.orders(now: 3).starts.count == 1)
        #expect(state.runs.count { $0.held != nil } == 3)
    }

    @Test func `a paused queue, one that was left and scheduled jobs are no backlog`() {
        var dispatch = Fixture.dispatch(weights: [1, 1], concurrency: 2)
        #expect(!dispatch.hasBacklog)
        dispatch.lanes[1].waiting = 5
        #expect(!dispatch.hasBacklog)
        dispatch.lanes[1].runnable = 5
        #expect(dispatch.hasBacklog)
        dispatch.lanes[1].isPaused = true
        #expect(!dispatch.hasBacklog)
        dispatch.lanes[1].isPaused = false
        dispatch.lanes[1].isJoined = false
        #expect(!dispatch.hasBacklog)
    }

    @Test func `nothing opens for a pool that starves, a suspect, or a stop`() throws {
        for hindrance in 0..<4 {
            var state = try scaling()
            for now in 1..<10 {
                switch hindrance {
                case 0:
                    // It starves anew between two ticks, though it answers at both.
                    _ = state.pool.ask(now: 0)
                    #expect(state.pool.look(now: PoolWatch.patience).isStarved)
                    _ = state.pool.answer(now: 0)
                case 1: state.dispatch.suspectSlot = 0
                case 2: state.dispatch.phase = .quiet
                default: break
                }
                let change = state.rescale(isShortOfMemory: hindrance == 3, now: Int64(now))
                #expect(change == nil, "\(hindrance)")
            }
            #expect(state.dispatch.openSlots == 2, "\(hindrance)")
        }
    }
}
