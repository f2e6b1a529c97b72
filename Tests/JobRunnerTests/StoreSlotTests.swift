import Testing

@testable import JobRunner
@testable import RedisLink

/// All keys of a call in one slot of Redis Cluster, the one its connection is chosen by.
@Suite(.timeLimit(.minutes(1))) struct StoreSlotTests {
    /// The words of a call as they go over the wire.
    private func words<Reply>(_ call: Call<Reply>) -> [String] {
        let text = String(decoding: call.command.wire, as: UTF8.self)
        return text.split(separator: "\r\n", omittingEmptySubsequences: false)
            .dropFirst().enumerated().compactMap { $0 % 2 == 1 ? String($1) : nil }
    }

    private func keys<Reply>(_ call: Call<Reply>) -> [String] {
        let words = words(call)
        guard words.first == "EVALSHA", let count = Int(words[2]) else { return [] }
        return Array(words[3..<3 + count])
    }

    @Test func `every script's keys share a slot`() async throws {
        let queue = try QueueFixture(queue: "mail.high-1")
        let store = queue.store
        let job = NewJob(id: "1", json: QueueFixture.job("1"))
        let kind = JobKind("a", version: 1)
        var unique = Terms()
        unique.unique = UniqueLock(key: "k", end: .done, milliseconds: 1)
        let ack = Ack(
            tag: 1,
            writes: [
                .result(id: "a", milliseconds: 1, json: [49]), .unlock(key: "b", id: "a"),
                .retry(milliseconds: 1, job: [49]), .park(kind: kind, job: [49]),
                .forget(id: "a"), .drop(id: "s"),
            ])
        let calls = [
            keys(store.enqueue(job, due: .now, window: 1, terms: unique)),
            keys(store.enqueueMany([job, job], window: 1)),
            keys(store.cycle(worker: "w", want: 1, acks: [ack])),
            keys(store.tick(worker: "w", joins: true, queue.upkeep)),
            keys(store.reap(worker: "w", isSure: true, crashes: 1)),
            keys(store.cancel("1", keep: .seconds(1))),
            keys(store.adopt(kind, worker: "w", want: 1)), keys(store.unpark(kind, .bury)),
            keys(store.retryDead([([49], [49], "1"), ([50], [50], "2")])),
            keys(store.deleteDead([[49]])), keys(store.deadPage(below: nil)),
            keys(store.promote()), keys(store.unlock("k", id: "1")),
            keys(
                store.noteStep(
                    worker: "w", tag: 1, of: StepOwner(job: "1", enqueued: nil, flow: nil),
                    field: "s", json: [49], bounds: StepBounds())),
        ]
        #expect(calls.map(\.count) == [10, 3, 15, 13, 6, 2, 7, 5, 4, 2, 1, 5, 1, 3])
        for keys in calls {
            for key in keys { #expect(key.hasPrefix("\(queue.prefix):{mail.high-1}:")) }
        }
        #expect(
            calls[2].suffix(5) == [
                queue.keys.result("a"), queue.keys.unique("b"), queue.keys.parked,
                queue.keys.parked(kind), queue.keys.steps("s"),
            ])
    }

    @Test func `a call is sent where its keys are`() throws {
        let store = try QueueFixture().store
        #expect(store.park(seconds: 1).key == store.keys.ready)
        #expect(store.result("1").key.hasPrefix(store.keys.base))
        #expect(Set(store.kinds.map(\.key)).count == store.kinds.count)
    }
}
