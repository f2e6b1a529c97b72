internal import FoundationEssentials
internal import RedisLink
internal import Synchronization

/// A place that a run holds under a concurrency limit.
///
/// An object: a slot without one should not pay for its size.
final class Claim: Sendable {
    let store: LimitStore
    let limit: ConcurrencyLimit
    let value: String
    /// `<worker>/<tag>`.
    let holder: String

    init(store: LimitStore, limit: ConcurrencyLimit, value: String, holder: String) {
        self.store = store
        self.limit = limit
        self.value = value
        self.holder = holder
    }
}

/// What jobs wait for that were put aside; its text names a key of the queue.
enum Blockade: Sendable, Hashable, CustomStringConvertible {
    /// A kind of jobs is paused.
    case paused(String)
    /// All places of a concurrency limit are taken.
    case slots(limit: String, value: String)

    var description: String {
        switch self {
        case .paused(let job): "paused/\(job)"
        case .slots(let limit, let value): "slots/\(limit)/\(value)"
        }
    }

    init?(_ text: String) {
        let parts = text.split(separator: "/").map(String.init)
        switch (parts.first, parts.count) {
        case ("paused", 2): self = .paused(parts[1])
        case ("slots", 3): self = .slots(limit: parts[1], value: parts[2])
        default: return nil
        }
    }
}

/// Whether a job may start: its kind is not paused, it has a place, and its rate limit a token.
extension WorkerEngine {
    enum Admission: Sendable {
        case start(Claim?)
        case refused(Verdict)
    }

    func admit(
        _ held: Held, _ slot: Int, _ envelope: Envelope, _ handler: Handler, newID: JobID,
        startedAt: Int64
    ) async -> Admission {
        if hasMuted.load(ordering: .relaxed),
            state.withLock({ $0.dispatch.lanes[held.lane].muted.contains(envelope.job) })
        {
            let blockade = Blockade.paused(envelope.job)
            return .refused(run(held, startedAt).blocked(envelope, blockade, newID: newID))
        }
        let admission =
            handler.isLimited || envelope.unique?.end == .running
            ? await admitLimited(held, slot, envelope, handler, newID: newID, startedAt: startedAt)
            : .start(nil)
        if case .start = admission, let unique = envelope.unique, unique.end == .start {
            await unlock(unique, newID.description, held)
        }
        return admission
    }

    private func admitLimited(
        _ held: Held, _ slot: Int, _ envelope: Envelope, _ handler: Handler, newID: JobID,
        startedAt: Int64
    ) async -> Admission {
        do throws(RedisError) {
            let claim = try await claim(held, envelope, handler)
            if case .full(let blockade)? = claim {
                note(blockade, in: held.lane)
                return .refused(run(held, startedAt).blocked(envelope, blockade, newID: newID))
            }
            let place = claim?.claim
            if let place { state.withLock { $0.runs[slot].claim = place } }
            guard let limit = handler.options.rateLimit else { return .start(place) }
            let grant = try await desk.ask(
                LimitStore(client.keys.limit(name(of: limit, handler))),
                value(of: limit.argument, in: envelope), limit, reserved: envelope.state.reserved)
            switch grant {
            case .start(let wait):
                // The limit named a time, and times have no event. One that is cut short is a run
                // that must not begin.
                if wait > 0 { try? await Task.sleep(for: .microseconds(wait)) }
                guard let reason = state.withLock({ $0.runs[slot].cancel }) else {
                    return .start(place)
                }
                if let place { letGo(place, slot, lane: held.lane) }
                let run = run(held, startedAt)
                return .refused(
                    reason == .notWanted
                        ? run.cancelled(envelope)
                        : run.released(envelope, reason: "cancelled before it began"))
            case .reserved(let at, let wait):
                if let place { letGo(place, slot, lane: held.lane) }
                let verdict = run(held, startedAt).deferred(
                    envelope, until: at, wait: wait, newID: newID)
                return .refused(verdict)
            }
        } catch {
            options.onEvent(.trouble(queue: options.queues[held.lane].name, error))
            let place = state.withLock { $0.runs[slot].claim }
            if let place { letGo(place, slot, lane: held.lane) }
            // Not at once: what the server refuses now it refuses in a moment as well.
            return .refused(
                run(held, startedAt).deferred(
                    envelope, until: envelope.state.reserved, wait: 1_000_000, newID: newID))
        }
    }

    /// The limit's name; one of a host is named after it.
    func name(of limit: RateLimit, _ handler: Handler) -> String {
        let name = limit.name ?? handler.name
        return limit.scope == .host ? "\(name)@\(identity.host)" : name
    }

    /// By what a limit counts: a name of its own for any value.
    func value(of argument: String?, in envelope: Envelope) -> String {
        envelope.value(countedBy: argument)
    }

    /// What a limit that counts all together is counted by.
    static let allValues = "all"
    /// Of a job that lacks the argument.
    static let noValue = "none"

    // MARK: Places

    private enum Place: Sendable {
        case held(Claim)
        case full(Blockade)

        var claim: Claim? { if case .held(let claim) = self { claim } else { nil } }
    }

    /// Nil without a limit.
    private func claim(_ held: Held, _ envelope: Envelope, _ handler: Handler)
        async throws(RedisError) -> Place?
    {
        let (limit, name, value): (ConcurrencyLimit, String, String)
        if let own = handler.options.concurrencyLimit {
            (limit, name) = (own, own.name ?? handler.name)
            value = self.value(of: own.argument, in: envelope)
        } else if let unique = envelope.unique, unique.end == .running {
            (limit, name, value) = (ConcurrencyLimit(1), "running.\(envelope.job)", unique.key)
        } else {
            return nil
        }
        let claim = Claim(
            store: LimitStore(client.keys.limit(name)), limit: limit, value: value,
            holder: "\(identity.id)/\(held.delivery.tag)")
        let call = claim.store.claim(
            .take, claim.value, most: limit.most, lease: upkeep.lease, holders: [claim.holder])
        do {
            let isHeld = try await router.connection(for: call.key).send(call).held.first ?? false
            return isHeld ? .held(claim) : .full(.slots(limit: name, value: claim.value))
        } catch {
            // It may have been taken all the same.
            free(claim)
            throw error
        }
    }

    /// Gives a place back, and lets one that waits for it come.
    func letGo(_ claim: Claim, _ slot: Int, lane: Int) {
        state.withLock { $0.runs[slot].claim = nil }
        let call = claim.store.claim(
            .free, claim.value, most: claim.limit.most, lease: upkeep.lease,
            holders: [claim.holder])
        router.connection(for: call.key).submit(call) { result in
            // Unanswered: it lapses.
            guard let free = try? result.get().free, free > 0 else { return }
            let blockade = Blockade.slots(limit: claim.store.keys.name, value: claim.value)
            let isWaitedFor = self.state.withLock {
                $0.dispatch.lanes[lane].blockades.contains(blockade)
            }
            if isWaitedFor { self.unblock(blockade, lane, jobs: 1) }
        }
    }

    private func free(_ claim: Claim) {
        let call = claim.store.claim(
            .free, claim.value, most: claim.limit.most, lease: upkeep.lease,
            holders: [claim.holder])
        router.connection(for: call.key).submit(call) { _ in }
    }

    private func note(_ blockade: Blockade, in lane: Int) {
        state.withLock { _ = $0.dispatch.lanes[lane].blockades.insert(blockade) }
    }

    /// Lets jobs that were put aside be fetched again.
    func unblock(_ blockade: Blockade, _ lane: Int, jobs: Int) {
        let store = state.withLock { $0.dispatch.lanes[lane].store }
        let call = store.unblock(blockade, limit: jobs)
        router.connection(for: call.key).submit(call) { result in
            guard let reply = try? result.get() else { return }
            let orders = self.state.withLock { state in
                if reply.left == 0 { state.dispatch.lanes[lane].blockades.remove(blockade) }
                if reply.moved > 0 { state.dispatch.lanes[lane].isEmpty = false }
                return state.orders(now: monotonicNanoseconds())
            }
            self.perform(orders)
        }
    }

    /// Renews the places that runs hold; with every tick.
    func keepClaims() {
        let claims = state.withLock { state in state.runs.compactMap(\.claim) }
        guard !claims.isEmpty else { return }
        for (_, group) in Dictionary(grouping: claims, by: { $0.store.keys.running($0.value) }) {
            let call = group[0].store.claim(
                .regain, group[0].value, most: group[0].limit.most, lease: upkeep.lease,
                holders: group.map(\.holder))
            heartbeat.submit(call) { _ in }
        }
    }

    /// Looks after what was put aside: a wake-up may have been lost, a limit may have gone.
    ///
    /// - Parameter workers: How many would do the same now: two of them do, on average.
    func checkBlockades(_ blocked: [String], _ lane: Int, workers: Int) {
        let blockades = blocked.compactMap { Blockade($0) }
        let muted = state.withLock { state in
            state.dispatch.lanes[lane].blockades.formUnion(blockades)
            return state.dispatch.lanes[lane].muted
        }
        guard !blockades.isEmpty, Int.random(in: 0..<max(1, workers)) < 2 else { return }
        for blockade in blockades {
            switch blockade {
            case .paused(let job):
                if !muted.contains(job) { unblock(blockade, lane, jobs: 1000) }
            case .slots(let limit, let value):
                // Of a limit that nobody here knows one comes when none runs: it may have gone from
                // the code, or be that of a newer program.
                let call = LimitStore(client.keys.limit(limit)).claim(
                    .keep, value, most: concurrencyLimits[limit] ?? 1, lease: upkeep.lease,
                    holders: [])
                heartbeat.submit(call) { result in
                    guard let free = try? result.get().free, free > 0 else { return }
                    self.unblock(blockade, lane, jobs: min(free, 1000))
                }
            }
        }
    }

    /// Lets go of a lock that held only until the start; unanswered it lapses.
    private func unlock(_ unique: UniqueLock, _ id: String, _ held: Held) async {
        let store = state.withLock { $0.dispatch.lanes[held.lane].store }
        let call = store.unlock(unique.key, id: id)
        _ = try? await router.connection(for: call.key).send(call)
    }

    // MARK: Told by a handler

    /// Closes a rate limit for the whole fleet until a time: somebody said 429.
    func close(_ limit: RateLimit, _ handler: Handler, until: Int) {
        let call = LimitStore(client.keys.limit(name(of: limit, handler))).close(until: until)
        router.connection(for: call.key).submit(call) { _ in }
    }
}
