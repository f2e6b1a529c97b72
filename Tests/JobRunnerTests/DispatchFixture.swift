import RedisLink

@testable import JobRunner

/// What the pure tests of a worker's decisions are made of.
enum DispatchFixture {
    static let millisecond: Int64 = 1_000_000

    /// Lanes that have joined, of queues `q0`, `q1`, …; a weight makes them weighted.
    static func dispatch(
        weights: [Int?] = [nil], concurrency: Int = 4, most: Int? = nil, joined: Bool = true
    ) -> Dispatch {
        let lanes = weights.enumerated().map { index, weight in
            var lane = Lane(
                QueueStore(Keys(prefix: "t").queue("q\(index)")), weight: weight ?? 1, worker: "w")
            lane.isJoined = joined
            return lane
        }
        return Dispatch(
            lanes: lanes, isStrict: weights.allSatisfy { $0 == nil }, concurrency: concurrency,
            most: most)
    }

    static func state(_ dispatch: Dispatch) -> WorkerEngine.State {
        WorkerEngine.State(
            dispatch: dispatch,
            runs: Array(repeating: WorkerEngine.SlotRun(), count: dispatch.slots.count))
    }

    static func delivery(_ tag: Int, cancelled: Bool = false) -> Delivery {
        Delivery(
            tag: tag, json: Array(#"{"id":"j\#(tag)","job":"a"}"#.utf8), crashes: 0,
            isCancelled: cancelled)
    }

    static func reply(_ tags: some Sequence<Int>, held: Int, paused: Bool = false) -> CycleReply {
        .done(isPaused: paused, acked: 0, held: held, deliveries: tags.map { delivery($0) })
    }

    static func verdict(_ held: Held, _ kind: JobEnd.Verdict = .done) -> Verdict {
        Verdict(
            ack: Ack(tag: held.delivery.tag),
            end: JobEnd(
                verdict: kind, job: "a", id: "j", queue: "q0", attempt: 1, ran: .zero, reason: "",
                retryIn: nil),
            handled: true)
    }
}

extension Dispatch {
    /// A stop whose connections that block are closed already.
    mutating func drain(now: Int64) {
        phase = .draining
        while openParkings > 0 { _ = parkingEnded(now: now) }
    }
}
