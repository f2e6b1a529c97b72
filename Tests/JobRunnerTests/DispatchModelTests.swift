import RedisLink
import Testing

@testable import JobRunner

/// A server of one queue, in memory: enough to answer cycles and listings.
private struct ServerModel {
    var ready: [Int] = []
    var produced = 0
    /// Tag → job, of the one worker there is.
    var held: [Int: Int] = [:]
    var fence = 100
    /// Times each job was done for good.
    var done: [Int: Int] = [:]
    /// Tags that were given back.
    var released = Set<Int>()

    mutating func cycle(_ flight: Lane.Flight) -> CycleReply {
        for ack in flight.acks {
            guard let job = held.removeValue(forKey: ack.tag) else { continue }
            if case .release = ack.writes.first {
                ready.append(job)
                released.insert(ack.tag)
            } else {
                done[job, default: 0] += 1
            }
        }
        var tags: [Int] = []
        while tags.count < flight.want, let job = ready.popLast() {
            fence += 1
            held[fence] = job
            tags.append(fence)
        }
        return .done(
            isPaused: false, acked: 0, held: held.count,
            deliveries: tags.map { DispatchFixture.delivery($0) })
    }

    mutating func produce(_ jobs: Int) {
        ready.insert(contentsOf: produced..<(produced + jobs), at: 0)
        produced += jobs
    }

    /// The lease lapsed and a reaper was there.
    mutating func reap() {
        for tag in held.keys.sorted(by: >) { if let job = held[tag] { ready.append(job) } }
        held = [:]
    }
}

/// Random events: replies, broken connections, commands executed late, lost leases, ends of jobs.
@Suite(.timeLimit(.minutes(1))) struct DispatchModelTests {
    /// What is on the wire of a lane, in order.
    private enum Request {
        case cycle(life: Int, Lane.Flight)
        case list(life: Int)
        case read(life: Int, [Int])
    }

    private struct World {
        var dispatch: Dispatch
        var servers: [ServerModel]
        var wires: [[Request]]
        /// Fetches behind a BRPOPLPUSH: on a connection of their own, so answered in any order.
        var parked: [(lane: Int, life: Int, serial: Int, reply: CycleReply?)] = []
        /// Executed by nobody yet, though their connection is gone.
        var late: [[(life: Int, Lane.Flight)]]
        var now: Int64 = 0
        var random: SeededRandom
        var started = Set<[Int]>()
        var isOver = false
        /// Slots open and close.
        var scales = false
    }

    private func apply(_ orders: Dispatch.Orders, _ world: inout World, _ place: String) {
        var slots = Set<Int>()
        for (slot, job) in orders.starts {
            #expect(slots.insert(slot).inserted, "\(place)")
            #expect(world.dispatch.slots[slot]?.delivery.tag == job.delivery.tag, "\(place)")
            note(job, &world, place)
        }
        for cycle in orders.cycles {
            let flights = world.dispatch.lanes[cycle.lane].flights
            guard let flight = flights.first(where: { $0.serial == cycle.serial }) else {
                #expect(Bool(false), "a cycle without a flight: \(place)")
                continue
            }
            #expect(flight.want >= 0 && flight.want <= Dispatch.batch, "\(place)")
            world.wires[cycle.lane].append(.cycle(life: cycle.life, flight))
        }
        for lane in orders.reconciles {
            world.wires[lane].append(.list(life: world.dispatch.lanes[lane].life))
        }
        for park in orders.parks {
            guard let fetch = park.fetch else { continue }
            world.parked.append((park.lane, park.life, fetch.serial, nil))
        }
        if orders.isDrained { world.isOver = true }
        #expect(world.dispatch.wanted >= 0, "\(place)")
        #expect(world.dispatch.busy <= world.dispatch.openSlots, "\(place)")
        #expect(world.dispatch.closing <= world.dispatch.busy, "\(place)")
        #expect(
            world.dispatch.busy == world.dispatch.slots.count { $0 != nil }, "\(place)")
    }

    /// A delivery starts once.
    private func note(_ job: Held, _ world: inout World, _ place: String) {
        let key = [job.lane, job.life, job.delivery.tag]
        #expect(world.started.insert(key).inserted, "started twice: \(place)")
    }

    private func answer(_ lane: Int, _ world: inout World, _ place: String) {
        let request = world.wires[lane].removeFirst()
        let current = world.dispatch.lanes[lane].life
        switch request {
        case .cycle(let life, let flight):
            guard life == current else { return }
            let reply = world.servers[lane].cycle(flight)
            let orders = world.dispatch.cycled(
                lane, life: life, serial: flight.serial, reply, now: world.now)
            apply(orders, &world, place)
        case .list(let life):
            guard life == current else { return }
            let tags = Array(world.servers[lane].held.keys)
            let strange = world.dispatch.listed(lane, life: life, tags: tags)
            if strange.isEmpty {
                apply(
                    world.dispatch.reconciled(lane, life: life, strange: [], now: world.now),
                    &world, place)
            } else {
                world.wires[lane].append(.read(life: life, strange))
            }
        case .read(let life, let tags):
            guard life == current else { return }
            let found = tags.filter { world.servers[lane].held[$0] != nil }
            apply(
                world.dispatch.reconciled(
                    lane, life: life, strange: found.map { ($0, [UInt8(1)]) },
                    missing: tags.count - found.count, now: world.now), &world, place)
        }
    }

    /// A parked fetch is executed, or answered, or its connection breaks before or after.
    private func wake(_ world: inout World, _ place: String) {
        let index = Int.random(in: 0..<world.parked.count, using: &world.random)
        let (lane, life, serial, reply) = world.parked[index]
        let isCurrent = life == world.dispatch.lanes[lane].life
        if reply == nil, Bool.random(using: &world.random) {
            guard isCurrent, let flight = world.dispatch.lanes[lane].parked,
                flight.serial == serial
            else {
                world.parked.remove(at: index)
                return
            }
            world.parked[index].reply = world.servers[lane].cycle(flight)
            return
        }
        world.parked.remove(at: index)
        guard let reply, Int.random(in: 0..<4, using: &world.random) > 0 else {
            let orders = world.dispatch.cycleFailed(
                lane, life: life, serial: serial, now: world.now, using: &world.random)
            return apply(orders, &world, place)
        }
        let orders = world.dispatch.cycled(
            lane, life: life, serial: serial, isCurrent ? reply : .lost, now: world.now)
        apply(orders, &world, place)
    }

    /// The connection breaks: what is on the wire was executed, or not, or will be.
    private func cut(_ lane: Int, _ world: inout World, _ place: String) {
        let wire = world.wires[lane]
        world.wires[lane] = []
        var fate = Int.random(in: 0..<3, using: &world.random)
        for request in wire {
            switch request {
            case .cycle(let life, let flight):
                if life == world.dispatch.lanes[lane].life {
                    if fate == 0 { _ = world.servers[lane].cycle(flight) }
                    if fate == 1 { world.late[lane].append((life, flight)) }
                }
                let orders = world.dispatch.cycleFailed(
                    lane, life: life, serial: flight.serial, now: world.now, using: &world.random)
                apply(orders, &world, place)
            case .list(let life):
                apply(
                    world.dispatch.reconciled(lane, life: life, strange: [], now: world.now),
                    &world, place)
            case .read(let life, let tags):
                apply(
                    world.dispatch.reconciled(
                        lane, life: life, strange: [], missing: tags.count, now: world.now),
                    &world, place)
            }
            // Once one was not executed, those behind it were not.
            fate = max(fate, Int.random(in: 0..<3, using: &world.random))
        }
    }

    private func step(_ world: inout World, _ place: String, breaks: Bool) {
        world.now += Int64.random(in: 1...2_000_000, using: &world.random)
        let lane = Int.random(in: 0..<world.servers.count, using: &world.random)
        let life = world.dispatch.lanes[lane].life
        if Int.random(in: 0..<8, using: &world.random) == 0 { world.servers[lane].produce(1) }
        if world.scales, Int.random(in: 0..<10, using: &world.random) == 0 {
            let open = Int.random(in: 1...world.dispatch.slots.count, using: &world.random)
            world.dispatch.open(open)
            #expect(world.dispatch.openSlots - world.dispatch.closing == open, "\(place)")
            apply(world.dispatch.orders(now: world.now), &world, place)
        }
        switch Int.random(in: 0..<(breaks ? 20 : 12), using: &world.random) {
        case 0..<4:
            if !world.wires[lane].isEmpty { answer(lane, &world, place) }
        case 4..<9:
            let busy = world.dispatch.slots.indices.filter { world.dispatch.slots[$0] != nil }
            guard let slot = busy.randomElement(using: &world.random),
                let job = world.dispatch.slots[slot]
            else { return }
            let next = world.dispatch.finished(
                job, slot: slot, ack: Ack(tag: job.delivery.tag),
                goesOn: Bool.random(using: &world.random), now: world.now)
            if let next { note(next, &world, place) }
            apply(world.dispatch.orders(now: world.now), &world, place)
        case 9:
            // A wake-up; of the two kinds of answer both are handled.
            if !world.parked.isEmpty { return wake(&world, place) }
            guard world.dispatch.lanes[lane].isParked else { return }
            let orders = world.dispatch.woke(
                lane, hasJob: Bool.random(using: &world.random), wait: 0, now: world.now)
            apply(orders, &world, place)
        case 10: apply(world.dispatch.orders(now: world.now, isForced: true), &world, place)
        case 11: world.dispatch.releaseStale(now: world.now)
        case 12..<14: cut(lane, &world, place)
        case 14..<16:
            // A command of a connection that is gone is executed after all.
            guard !world.late[lane].isEmpty else { return }
            let (itsLife, flight) = world.late[lane].removeFirst()
            if itsLife == life { _ = world.servers[lane].cycle(flight) }
        case 16:
            guard Int.random(in: 0..<10, using: &world.random) == 0 else { return }
            world.servers[lane].reap()
            _ = world.dispatch.lost(lane, newWorker: "w+\(life + 1)")
        default:
            if !world.dispatch.lanes[lane].isJoined {
                world.dispatch.lanes[lane].isJoined = true
                apply(world.dispatch.orders(now: world.now), &world, place)
            }
        }
    }

    @Test(arguments: 1...60, [false, true])
    func `random events lose no job and finish none twice`(_ seed: Int, scales: Bool) {
        print("DispatchModelTests: seed \(seed), slots \(scales ? "open and close" : "fixed")")
        let lanes = 1 + seed % 3
        let weights: [Int?] = (0..<lanes).map { seed % 2 == 0 ? nil : 1 + $0 * 3 }
        var world = World(
            dispatch: DispatchFixture.dispatch(
                weights: weights, concurrency: 1 + seed % 5, most: scales ? 6 + seed % 3 : nil),
            servers: Array(repeating: ServerModel(), count: lanes),
            wires: Array(repeating: [], count: lanes), late: Array(repeating: [], count: lanes),
            random: SeededRandom(seed: UInt64(seed)), scales: scales)
        // Long queues and nearly empty ones.
        for lane in 0..<lanes { world.servers[lane].produce(seed % 2 == 0 ? 200 : 2) }
        apply(world.dispatch.orders(now: 0), &world, "start")
        for step in 0..<1500 { self.step(&world, "seed \(seed), step \(step)", breaks: true) }

        // The faults end; the late commands are executed; the worker goes on, then stops.
        for lane in world.servers.indices {
            for (life, flight) in world.late[lane] where life == world.dispatch.lanes[lane].life {
                _ = world.servers[lane].cycle(flight)
            }
            world.late[lane] = []
            world.dispatch.lanes[lane].isJoined = true
        }
        world.now += 10_000_000_000
        for _ in 0..<20 {
            apply(world.dispatch.orders(now: world.now, isForced: true), &world, "settle")
            settle(&world)
        }
        for lane in world.servers.indices {
            #expect(
                world.dispatch.lanes[lane].holding == world.servers[lane].held.count,
                "seed \(seed): lane \(lane) at rest")
            let known = world.dispatch.tags(of: lane)
            #expect(known == Set(world.servers[lane].held.keys), "seed \(seed): lane \(lane)")
        }
        stop(&world)
        #expect(world.isOver, "seed \(seed): not drained")
        // What was given back as strange runs elsewhere: it must not have run here as well.
        for key in world.started {
            let wasReleased = world.servers[key[0]].released.contains(key[2])
            #expect(!wasReleased, "seed \(seed): started and given back: \(key)")
        }
        for (lane, server) in world.servers.enumerated() {
            #expect(server.held.isEmpty, "seed \(seed): lane \(lane) holds \(server.held)")
            #expect(server.done.values.allSatisfy { $0 == 1 }, "seed \(seed): lane \(lane)")
            let all = Set(server.ready).union(server.done.keys)
            #expect(all.count == server.produced, "seed \(seed)")
            #expect(server.ready.count + server.done.count == server.produced, "seed \(seed)")
        }
    }

    @Test(arguments: 1...60)
    func `without faults no delivery is given back that runs here`(_ seed: Int) {
        print("DispatchModelTests: calm seed \(seed)")
        var world = World(
            dispatch: DispatchFixture.dispatch(concurrency: 2 + seed % 5), servers: [ServerModel()],
            wires: [[]], late: [[]], random: SeededRandom(seed: UInt64(seed)))
        apply(world.dispatch.orders(now: 0), &world, "start")
        for step in 0..<1500 { self.step(&world, "seed \(seed), step \(step)", breaks: false) }
        #expect(world.started.count > 50)
        for key in world.started {
            #expect(!world.servers[0].released.contains(key[2]), "seed \(seed): \(key)")
        }
    }

    /// Answers all that is on the wires, and the fetches that are parked now.
    private func settle(_ world: inout World) {
        answerAll(&world)
        for _ in 0..<world.parked.count {
            let (lane, life, serial, executed) = world.parked.removeFirst()
            guard life == world.dispatch.lanes[lane].life,
                let flight = world.dispatch.lanes[lane].parked, flight.serial == serial
            else { continue }
            let reply = executed ?? world.servers[lane].cycle(flight)
            let orders = world.dispatch.cycled(
                lane, life: life, serial: serial, reply, now: world.now)
            apply(orders, &world, "settle")
            answerAll(&world)
        }
    }

    private func answerAll(_ world: inout World) {
        for _ in 0..<200 {
            guard let lane = world.wires.indices.first(where: { !world.wires[$0].isEmpty }) else {
                return
            }
            answer(lane, &world, "settle")
        }
        #expect(Bool(false), "the wires never rest")
    }

    private func stop(_ world: inout World) {
        world.dispatch.phase = .draining
        while world.dispatch.openParkings > 0 {
            apply(world.dispatch.parkingEnded(now: world.now), &world, "stop")
        }
        for slot in world.dispatch.slots.indices {
            guard let job = world.dispatch.slots[slot] else { continue }
            _ = world.dispatch.finished(
                job, slot: slot, ack: Ack(tag: job.delivery.tag), goesOn: true, now: world.now)
        }
        for _ in 0..<20 where !world.isOver {
            world.now += 10_000_000
            apply(world.dispatch.orders(now: world.now, isForced: true), &world, "stop")
            settle(&world)
        }
    }
}
