import RedisLink
import Testing

@testable import JobRunner

/// The server's count of what a worker holds against the worker's own.
@Suite struct DispatchReconcileTests {
    private typealias Fixture = DispatchFixture

    /// A worker that holds jobs 1 to 4 in its four slots.
    private func working() -> Dispatch {
        var dispatch = Fixture.dispatch()
        _ = dispatch.orders(now: 0)
        _ = dispatch.cycled(0, life: 0, Fixture.reply(1...4, held: 4), now: 1)
        return dispatch
    }

    @Test func `jobs that a server forgot are asked for once, not in a loop`() throws {
        var dispatch = working()
        let job = try #require(dispatch.slots[0])
        // The server came back without the fetch: it holds nothing for us.
        _ = dispatch.finished(job, slot: 0, ack: Ack(tag: 1), goesOn: false, now: 2)
        // The fetch that asks for the free slot says so, and only once.
        let orders = dispatch.orders(now: 2, isForced: true)
        #expect(orders.cycles.count == 1)
        let strange = dispatch.cycled(0, life: 0, Fixture.reply([], held: 0), now: 3)
        #expect(strange.reconciles == [0])
        #expect(strange.parks.isEmpty)
        #expect(dispatch.listed(0, life: 0, tags: []) == [])
        let after = dispatch.reconciled(0, life: 0, strange: [], now: 4)
        #expect(after.cycles.isEmpty)
        #expect(dispatch.lanes[0].holding == 0)

        // What it runs is acked all the same, and that changes nothing.
        for slot in 1..<4 {
            let job = try #require(dispatch.slots[slot])
            _ = dispatch.finished(
                job, slot: slot, ack: Ack(tag: job.delivery.tag), goesOn: false, now: 5)
        }
        _ = dispatch.orders(now: 5, isForced: true)
        let end = dispatch.cycled(0, life: 0, Fixture.reply([], held: 0), now: 6)
        #expect(end.reconciles.isEmpty)
        #expect(dispatch.lanes[0].holding == 0)
        #expect(dispatch.lanes[0].undone.isEmpty)
    }

    /// Else an ack of the old job would take the new one away.
    @Test(.timeLimit(.minutes(1)))
    func `a server that forgot its last writes gives no tag again that was seen`() async throws {
        let queue = try QueueFixture()
        try await queue.join("w")
        try await queue.push("1", "2", "3")
        let kind = JobKind("a", version: 1)
        for (key, member) in [
            (queue.keys.parked, kind.description), (queue.keys.parked(kind), "{}"),
        ] {
            _ = try await queue.integer("ZADD", key, "1", member)
        }
        var lane = Lane(queue.store, weight: 1, worker: "w")
        lane.isJoined = true
        var dispatch = Dispatch(lanes: [lane], isStrict: true, concurrency: 2, most: 2)
        _ = dispatch.orders(now: 0)
        // Given by a server before it was rolled back; they are above its clock of today.
        let seen = 8_000_000_000_000_000
        _ = dispatch.cycled(0, life: 0, Fixture.reply([seen - 1, seen], held: 2), now: 1)

        func given(_ call: Call<CycleReply>?) async throws -> [Int] {
            guard case .done(_, _, _, let jobs, _) = try await queue.send(#require(call))
            else { return [] }
            return jobs.map(\.tag)
        }
        let job = try #require(dispatch.slots[0])
        _ = dispatch.finished(job, slot: 0, ack: Ack(tag: seen - 1), goesOn: false, now: 2)
        let fetch = dispatch.orders(now: 2, isForced: true).cycles.first?.call
        #expect(try await given(fetch) == [seen + 1])
        // Its reply was lost: the server's list shows the tag, which is seen by that.
        _ = dispatch.cycled(0, life: 0, Fixture.reply([], held: 2), now: 3)
        _ = dispatch.listed(0, life: 0, tags: [seen, seen + 9])
        let back = dispatch.reconciled(0, life: 0, strange: [(seen + 9, [1])], now: 4)
        #expect(back.cycles.count == 1)
        dispatch.lanes[0].adoptable = [kind]
        let adopt = dispatch.cycled(0, life: 0, Fixture.reply([], held: 1), now: 5).cycles
        #expect(try await given(adopt.first?.call) == [seen + 10])
    }

    @Test func `strange jobs are given back, newest first`() throws {
        var dispatch = working()
        _ = dispatch.orders(now: 2, isForced: true)
        let orders = dispatch.cycled(0, life: 0, Fixture.reply([], held: 6), now: 3)
        #expect(orders.reconciles == [0])
        #expect(dispatch.listed(0, life: 0, tags: [1, 2, 3, 4, 8, 9]) == [8, 9])
        let given = dispatch.reconciled(0, life: 0, strange: [(8, [1]), (9, [2])], now: 4)
        #expect(given.cycles.count == 1)
        #expect(dispatch.lanes[0].flight?.acks.map(\.tag) == [9, 8])
        let end = dispatch.cycled(0, life: 0, Fixture.reply([], held: 4), now: 5)
        #expect(end.reconciles.isEmpty)
    }

    @Test func `a listing that fails is not repeated at once, and not forgotten`() throws {
        var dispatch = working()
        _ = dispatch.orders(now: 2, isForced: true)
        _ = dispatch.cycled(0, life: 0, Fixture.reply([], held: 5), now: 3)
        let failed = dispatch.reconciled(0, life: 0, strange: [], now: 4)
        #expect(failed.cycles.isEmpty)
        _ = dispatch.orders(now: 5, isForced: true)
        #expect(dispatch.cycled(0, life: 0, Fixture.reply([], held: 5), now: 6).reconciles == [0])
    }

    @Test func `strange jobs that could not be read are asked for again`() throws {
        var dispatch = working()
        _ = dispatch.orders(now: 2, isForced: true)
        _ = dispatch.cycled(0, life: 0, Fixture.reply([], held: 5), now: 3)
        #expect(dispatch.listed(0, life: 0, tags: [1, 2, 3, 4, 8]) == [8])
        _ = dispatch.reconciled(0, life: 0, strange: [], missing: 1, now: 4)
        _ = dispatch.orders(now: 5, isForced: true)
        #expect(dispatch.cycled(0, life: 0, Fixture.reply([], held: 5), now: 6).reconciles == [0])
    }
}
