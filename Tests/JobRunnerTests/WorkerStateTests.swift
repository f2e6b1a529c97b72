import RedisLink
import Testing

@testable import JobRunner

/// What a worker's state does with ends, cancels and news, without a server.
@Suite struct WorkerStateTests {
    private typealias Fixture = DispatchFixture

    /// One slot that runs the first of `jobs`, the others in the buffer.
    private func running(_ jobs: Int) throws -> (WorkerEngine.State, Held) {
        var state = Fixture.state(Fixture.dispatch(concurrency: 1))
        let first = state.orders(now: 0)
        #expect(first.cycles.count == 1)
        let orders = state.dispatched {
            $0.cycled(0, life: 0, Fixture.reply(1...jobs, held: jobs), now: 1)
        }
        return (state, try #require(orders.starts.first?.job))
    }

    @Test func `a cancel that comes too late does not hit the slot's next job`() throws {
        var (state, job) = try running(2)
        state.cancel(0, .notWanted)
        let (next, orders) = state.finish(job, 0, Fixture.verdict(job), now: 2)
        #expect(next == nil)
        let started = try #require(orders?.starts.first)
        #expect(started.job.delivery.tag == 2)
        #expect(state.runs[0].cancel == nil)
        #expect(state.runs[0].held?.delivery.tag == 2)
    }

    @Test func `a slot that was not cancelled goes on with the next job`() throws {
        var (state, job) = try running(2)
        state.runs[0].deadline = 5
        state.runs[0].reportedAt = 7
        let (next, _) = state.finish(job, 0, Fixture.verdict(job), now: 2)
        #expect(next?.delivery.tag == 2)
        #expect(state.runs[0].deadline == nil)
        #expect(state.runs[0].reportedAt == 0)
    }

    private func tick(cancels: String = "", ready: Int = 0) -> TickReply {
        TickReply(
            isAlive: true, isPaused: false, cancels: cancels, ready: ready, landing: 0,
            scheduled: 0, hasMore: false, reaping: [], parked: [], now: 0, next: nil, workers: 1,
            muted: [], blocked: [], due: nil)
    }

    @Test func `a worker whose slots are busy for long asks what it holds`() throws {
        var (state, _) = try running(1)
        let half: Int64 = 500 * DispatchFixture.millisecond
        #expect(!state.news(0, 0, tick(), 1000, half).isStale)
        #expect(state.news(0, 0, tick(), 1000, half + 2).isStale)
        #expect(state.orders(now: half + 2, isForced: true).cycles.count == 1)
        #expect(!state.news(0, 0, tick(), 1000, half + 3).isStale)
    }

    @Test func `jobs behind slots that became slow are given back, newest first`() throws {
        var (state, _) = try running(4)
        let second: Int64 = 1000 * DispatchFixture.millisecond
        _ = state.news(0, 0, tick(), 30_000, second)
        #expect(state.dispatch.buffered == 3)
        _ = state.news(0, 0, tick(), 30_000, second + 2)
        #expect(state.dispatch.buffered == 0)
        #expect(state.dispatch.lanes[0].finished.map(\.tag) == [4, 3, 2])
        let orders = state.orders(now: second + 2)
        #expect(orders.cycles.count == 1)
        #expect(state.dispatch.lanes[0].flight?.want == 0)
        #expect(state.dispatch.lanes[0].flight?.acks.count == 3)
    }

    @Test func `an ack does not wait for the tick when the next job is long`() throws {
        var (state, job) = try running(4)
        let (next, orders) = state.finish(job, 0, Fixture.verdict(job), now: 10)
        #expect(next != nil)
        let millisecond = DispatchFixture.millisecond
        #expect(state.dispatch.lanes[0].flight == nil)
        #expect(orders?.wakeAt == 10 + millisecond)
        #expect(state.orders(now: 10 + millisecond).cycles.count == 1)
    }

    @Test func `what a fetch brings after a stop is given back at once`() throws {
        var state = Fixture.state(Fixture.dispatch(concurrency: 1))
        _ = state.orders(now: 0)
        state.dispatch.drain(now: 0)
        let orders = state.dispatched {
            $0.cycled(0, life: 0, Fixture.reply(1...2, held: 2), now: 1)
        }
        #expect(orders.starts.isEmpty)
        #expect(!orders.isDrained)
        #expect(state.dispatch.lanes[0].flight?.acks.map(\.tag) == [2, 1])
        let end = state.dispatched { $0.cycled(0, life: 0, Fixture.reply([], held: 0), now: 2) }
        #expect(end.isDrained)
    }

    @Test func `a slot that ends after a stop starts nothing of the buffer`() throws {
        var (state, job) = try running(2)
        // The connections that block are not closed yet: what they bring goes back with the rest.
        state.dispatch.phase = .draining
        let (next, orders) = state.finish(job, 0, Fixture.verdict(job), now: 2)
        #expect(next == nil)
        #expect(orders?.starts.isEmpty == true)
        state.dispatch.drain(now: 3)
        #expect(state.dispatch.lanes[0].counts.released == 1)
        #expect(state.dispatch.buffered == 0)
    }

    @Test func `only what the server took back counts as released`() throws {
        var (state, job) = try running(3)
        state.dispatch.drain(now: 2)
        #expect(state.dispatch.lanes[0].flight?.acks.map(\.tag) == [3, 2])
        let release = Verdict(
            ack: Ack(tag: 1, writes: [.release(job: [])]), end: Fixture.verdict(job).end,
            handled: false)
        let orders = state.finish(job, 0, release, now: 3).orders
        #expect(orders?.isDrained == false)
        #expect(state.dispatch.released == 0)
        _ = state.dispatched { $0.cycled(0, life: 0, Fixture.reply([], held: 1), now: 4) }
        #expect(state.dispatch.released == 2)
        let end = state.dispatched { $0.cycled(0, life: 0, Fixture.reply([], held: 0), now: 5) }
        #expect(end.isDrained)
        #expect(state.dispatch.released == 3)
    }

    @Test func `a cancel reaches jobs that were fetched and have not started`() throws {
        var (state, job) = try running(3)
        #expect(state.dispatch.jobs(of: 0).map(\.tag) == [1, 2, 3])
        state.cancel([1, 3], in: 0, life: 0)
        #expect(state.runs[0].cancel == .notWanted)
        let (_, orders) = state.finish(job, 0, Fixture.verdict(job), now: 2)
        let second = try #require(orders?.starts.first?.job)
        #expect(second.delivery.tag == 2)
        #expect(!second.delivery.isCancelled)
        let third = state.finish(second, 0, Fixture.verdict(second), now: 3).next
        #expect(third?.delivery.tag == 3)
        #expect(third?.delivery.isCancelled == true)
    }

    @Test func `a fetch that a stop overtook does not change the order`() throws {
        var (state, _) = try running(3)
        _ = state.dispatch.lanes[0].takeOff(acks: [], want: 2, isResend: false)
        state.dispatch.wanted += 2
        state.dispatch.drain(now: 2)
        #expect(state.dispatch.buffered == 2)
        _ = state.dispatched { $0.cycled(0, life: 0, Fixture.reply(4...5, held: 5), now: 3) }
        #expect(state.dispatch.lanes[0].flight?.acks.map(\.tag) == [5, 4, 3, 2])
    }
}
