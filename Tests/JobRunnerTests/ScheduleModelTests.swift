import Testing

@testable import JobRunner

/// What the scripts of schedules should do, in memory.
private struct ScheduleModel {
    var definition: [UInt8] = []
    var isPaused = false
    /// Where it stands, nominal; kept while it is paused.
    var tick: Int?
    /// It has a due time.
    var isStanding = false
    var ready: [String] = []
    var missed = 0

    mutating func fire(_ firing: Firing) -> FireReply {
        guard !definition.isEmpty, firing.definition == definition else { return .changed }
        if isPaused { return .paused }
        guard isStanding, tick == firing.expected else { return .already }
        if firing.tick != nil { ready.append(firing.id) }
        missed += firing.missed
        tick = firing.next
        isStanding = firing.next != nil
        return firing.tick == nil ? .moved : .fired
    }

    mutating func change(from old: [UInt8], _ change: ScheduleChange) -> Bool? {
        guard definition == old else { return nil }
        if case .put = change {} else if definition.isEmpty { return nil }
        switch change {
        case .remove:
            self = ScheduleModel(ready: ready)
            return true
        case .pause:
            defer { (isPaused, isStanding) = (true, false) }
            return !isPaused
        case .resume(let next, _):
            guard isPaused else { return false }
            (isPaused, tick, isStanding) = (false, next, true)
        case .put(let json, let next, _, let keeps):
            definition = json
            if isPaused || isStanding && keeps { return true }
            (tick, isStanding) = (next, true)
        }
        return true
    }
}

/// Random calls of several processes, each with a view that may be old, against that model.
@Suite(.timeLimit(.minutes(2))) struct ScheduleModelTests {
    /// What a process read: the definition, and where the schedule stood.
    private struct View {
        var definition: [UInt8] = []
        var tick = 60_000
    }

    private func schedule(_ revision: Int) -> Schedule {
        Schedule(
            .every(.seconds(60)), job: "a", arguments: "[\(revision)]",
            options: JobOptions(queue: "q"), name: "s")
    }

    @Test(arguments: Array(1...12) as [UInt64])
    func `the scripts do what the model does, whoever asks`(seed: UInt64) async throws {
        let queue = try QueueFixture()
        let store = queue.store
        var random = SeededRandom(seed: seed)
        var model = ScheduleModel()
        var views = [View](repeating: View(), count: 3)
        var revision = 0
        var fired = 0
        for step in 0..<400 {
            let who = Int.random(in: views.indices, using: &random)
            let view = views[who]
            let comment = Comment("seed \(seed), step \(step)")
            switch Int.random(in: 0..<12, using: &random) {
            case 0...5:
                let job = TickJob(schedule(0), tick: view.tick)
                let moves = Int.random(in: 1...3, using: &random)
                let next = view.tick + moves * 60_000
                let fires = Int.random(in: 0..<5, using: &random) > 0
                let firing = Firing(
                    name: "s", definition: view.definition, expected: view.tick,
                    tick: fires ? view.tick : nil, next: next, nextDue: next, missed: moves - 1,
                    id: job.id, json: try job.json(now: 0), overlap: .allow, lock: nil)
                let reply = try await queue.send(store.fire(firing))
                #expect(reply == model.fire(firing), comment)
                if reply == .fired { fired += 1 }
            case 6...8:
                views[who] = View(definition: model.definition, tick: model.tick ?? 60_000)
            default:
                let tick = (model.tick ?? 0) + 60_000
                let change: ScheduleChange
                switch Int.random(in: 0..<10, using: &random) {
                case 0: change = .remove
                case 1, 2: change = .pause(reason: "")
                case 3, 4: change = .resume(next: tick, due: tick)
                default:
                    revision += 1
                    let json = Definition(schedule(revision), source: .cli, revision: revision).json
                    change = .put(json, next: tick, due: tick, keep: .random(using: &random))
                }
                let reply = try await queue.send(store.change("s", from: view.definition, change))
                #expect(reply == model.change(from: view.definition, change), comment)
            }
            let stands = try await queue.text("ZSCORE", queue.keys.ticks, "s")
            #expect(stands == (model.isStanding ? model.tick.map { "\($0)" } : nil), comment)
        }
        let ids = try await queue.waiting()
        #expect(ids == model.ready)
        #expect(fired == ids.count && fired > 5)
        let missed = try await queue.text("HGET", queue.keys.schedule("s"), "missed") ?? "0"
        #expect(missed == "\(model.missed)")
    }
}
