import RedisLink
import Testing

@testable import JobRunner

/// Numbers that a seed repeats: SplitMix64.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// What the scripts should do, in memory.
private struct StoreModel {
    var ready: [String] = []
    var landing: [String] = []
    var scheduled: Set<String> = []
    var dead: [String] = []
    var seen: Set<String> = []
    var results: Set<String> = []
    var crashes: [String: Int] = [:]
    /// Worker → tag → id; of those that are registered.
    var active: [String: [Int: String]] = [:]

    /// Fetches, oldest first: both lists keep their oldest at the end.
    mutating func fetch(_ worker: String, _ want: Int, fence: Int) -> [String] {
        var jobs: [String] = []
        while jobs.count < want, let job = landing.popLast() ?? ready.popLast() {
            active[worker]?[fence + jobs.count] = job
            jobs.append(job)
        }
        return jobs
    }

    /// A sweep's word on parked jobs; every tick of these tests sweeps.
    mutating func giveParkedBack() {
        ready += landing
        landing = []
    }
}

/// Random calls against the model, step by step.
@Suite(.timeLimit(.minutes(10))) struct StoreModelTests {
    @Test(arguments: 1...8)
    func `random calls do what the model does`(_ seed: Int) async throws {
        print("StoreModelTests: seed \(seed)")
        var random = SeededRandom(seed: UInt64(seed))
        // No lease lapses by itself, however busy the machine is: the model has no time.
        let queue = try QueueFixture(lease: 3_600_000)
        let store = queue.store
        var model = StoreModel()
        var workers: [String] = []
        var made = 0
        for step in 0..<250 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0:
                let worker = "w\(step)"
                try await queue.join(worker)
                workers.append(worker)
                model.active[worker] = [:]
                model.giveParkedBack()
            case 1...3:
                // Sometimes an id of before.
                made += Int.random(in: 0..<5, using: &random) == 0 ? 0 : 1
                let id = "j\(made)"
                let isLater = Int.random(in: 0..<5, using: &random) == 0
                let call = store.enqueue(
                    NewJob(id: id, json: QueueFixture.job(id)),
                    due: isLater ? .after(milliseconds: 3_600_000) : .now, window: 600_000)
                let isNew = model.seen.insert(id).inserted
                #expect(try await queue.send(call) == (isNew ? .accepted : .duplicate))
                if isNew, isLater { model.scheduled.insert(id) }
                if isNew, !isLater { model.ready.insert(id, at: 0) }
            case 4:
                guard let job = model.ready.popLast() else { continue }
                model.landing.insert(job, at: 0)
                #expect(try await queue.send(store.park(seconds: 1)))
            case 5...9:
                guard let worker = workers.randomElement(using: &random) else { continue }
                try await cycle(worker, queue, &model, &random)
            case 10:
                guard let index = workers.indices.randomElement(using: &random) else { continue }
                let worker = workers.remove(at: index)
                let counts = Int.random(in: 0...1, using: &random) == 0
                try await reap(worker, counted: counts, queue, &model)
            default:
                // Everything later becomes due now.
                for id in model.scheduled.sorted() {
                    let job = String(decoding: QueueFixture.job(id), as: UTF8.self)
                    try await queue.redis("ZADD", queue.keys.scheduled, "1", job)
                }
                let reply = try await queue.send(
                    store.tick(worker: "", joins: false, queue.upkeep))
                #expect(reply.reaping.isEmpty)
                for id in model.scheduled.sorted() { model.ready.insert(id, at: 0) }
                model.scheduled = []
                model.giveParkedBack()
            }
            try await compare(model, queue, "seed \(seed), step \(step)")
        }
    }

    private func cycle(
        _ worker: String, _ queue: QueueFixture, _ model: inout StoreModel,
        _ random: inout SeededRandom
    ) async throws {
        var acks: [Ack] = []
        for (tag, id) in (model.active[worker] ?? [:]).sorted(by: { $0.key < $1.key })
        where Bool.random(using: &random) {
            let job = QueueFixture.job(id)
            let forget = Ack.Write.forget(id: id)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: acks.append(Ack(tag: tag))
            case 1:
                let write = Ack.Write.result(id: id, milliseconds: 600_000, json: [49])
                acks.append(Ack(tag: tag, writes: [write, forget]))
                model.results.insert(id)
                model.crashes[id] = nil
            case 2:
                acks.append(Ack(tag: tag, writes: [.retry(milliseconds: 3_600_000, job: job)]))
                model.scheduled.insert(id)
            case 3:
                acks.append(Ack(tag: tag, writes: [.bury(reason: "r", job: job), forget]))
                model.dead.append(id)
                model.crashes[id] = nil
            default:
                acks.append(Ack(tag: tag, writes: [.release(job: job)]))
                model.ready.append(id)
            }
            model.active[worker]?[tag] = nil
        }
        let want = Int.random(in: 0...4, using: &random)
        let reply = try await queue.cycle(worker, want: want, acks)
        #expect(reply.acked == acks.count)
        let fence = reply.deliveries.first?.tag ?? 0
        let expected = model.fetch(worker, want, fence: fence)
        #expect(reply.deliveries.map { QueueFixture.id($0.json) } == expected)
        #expect(reply.deliveries.map(\.crashes) == expected.map { model.crashes[$0] ?? 0 })
        #expect(reply.held == model.active[worker]?.count)
        // Sent again, the acks change nothing.
        if Bool.random(using: &random) {
            #expect(try await queue.cycle(worker, acks).acked == 0)
        }
    }

    private func reap(
        _ worker: String, counted: Bool, _ queue: QueueFixture, _ model: inout StoreModel
    ) async throws {
        let limit = 2
        let call = queue.store.reap(worker: worker, isSure: true, crashes: counted ? limit : 0)
        let reply = try #require(try await queue.send(call))
        var given = 0
        var buried = 0
        for (_, id) in (model.active[worker] ?? [:]).sorted(by: { $0.key > $1.key }) {
            if counted { model.crashes[id, default: 0] += 1 }
            if counted, model.crashes[id] ?? 0 > limit {
                model.crashes[id] = nil
                model.dead.append(id)
                buried += 1
            } else {
                model.ready.append(id)
                given += 1
            }
        }
        model.active[worker] = nil
        #expect(reply.counts == (0, given, buried))
        guard
            case .lost = try await queue.send(
                queue.store.cycle(worker: worker, want: 1, acks: []))
        else { return #expect(Bool(false), "a reaped worker still has its lease") }
    }

    private func compare(_ model: StoreModel, _ queue: QueueFixture, _ place: String) async throws {
        #expect(try await queue.ids(queue.keys.ready) == model.ready, "\(place)")
        #expect(try await queue.ids(queue.keys.landing) == model.landing, "\(place)")
        #expect(Set(try await queue.ids(queue.keys.scheduled)) == model.scheduled, "\(place)")
        #expect(try await queue.ids(queue.keys.dead).sorted() == model.dead.sorted(), "\(place)")
        var ids = model.ready + model.landing + model.dead + model.scheduled
        for jobs in model.active.values { ids += jobs.values }
        #expect(Set(ids).count == ids.count, "\(place)")
        try await queue.expectOnePlace(ids)
        #expect(
            try await queue.integer("ZCARD", queue.keys.workers) == model.active.count, "\(place)")
    }
}
