internal import RedisLink

/// A job on its way into a queue.
package struct NewJob: Sendable {
    package let id: String
    /// The whole job, beginning with `{"id":"<id>"`.
    package let json: [UInt8]

    package init(id: String, json: [UInt8]) {
        self.id = id
        self.json = json
    }
}

/// When a job may start.
package enum Due: Sendable, Equatable {
    case now
    /// After this long, by the server's clock.
    case after(milliseconds: Int)
    /// At this time, ms since 1970, by the server's clock.
    case at(milliseconds: Int)
}

extension Due {
    /// ms from now, by this machine's clock where it is a time of day.
    var wait: Int {
        switch self {
        case .now: 0
        case .after(let milliseconds): milliseconds
        case .at(let milliseconds): max(0, milliseconds - WallClock.milliseconds())
        }
    }
}

/// What an enqueue asks for beside its place in time.
package struct Terms: Sendable, Hashable {
    /// A lock to take with the job.
    package var unique: UniqueLock?
    /// `keep`, `replace` or `debounce`: when the lock is held.
    package var policy = "keep"
    /// Longest a debounced job is put off, ms; 0 is for ever.
    package var mostDebounce = 0
    /// A conflict is an error for the caller.
    package var rejects = false
    /// Fetched next, before all that wait.
    package var isFront = false
    /// It names a priority or a tenant.
    package var isRanked = false

    package init() {}

    /// Nothing but to be run: many travel together.
    package var isPlain: Bool { unique == nil && !isFront && !isRanked }
}

/// What became of one enqueue.
package enum Acceptance: Sendable, Equatable {
    case accepted
    /// This id was accepted before, within the window: success for the caller.
    case duplicate
    /// Another job holds the unique key.
    case held(by: String)
    /// Accepted in the place of another, which is gone, or else is cancelled.
    case replaced(String, isGone: Bool)
    /// The queue is as long as it may be.
    case full
}

extension QueueStore {
    /// `enqueue.lua`: accepts one job, once.
    ///
    /// - Parameters:
    ///   - window: How long this id is remembered; 0 ms is not at all.
    ///   - terms: What else it asks for.
    ///   - longest: Most jobs that may be ready; 0 is no limit.
    ///   - isFollowUp: Another job's end led to it: a full server takes it as well.
    package func enqueue(
        _ job: NewJob, due: Due, window: Int, terms: Terms = Terms(), longest: Int = 0,
        isFollowUp: Bool = false
    ) -> Call<Acceptance> {
        var named = [
            keys.ready, keys.scheduled, keys.seen(job.id), keys.ordered, keys.turns, keys.meta,
            keys.cancelled,
        ]
        // A job for now rings for nobody, so its command is no longer for that.
        if due != .now || terms.unique != nil { named.append(keys.bell) }
        if let unique = terms.unique {
            let minute = WallClock.milliseconds() / 60_000
            named += [keys.unique(unique.key), keys.count(minute)]
        }
        let script = isFollowUp ? Scripts.followUp : Scripts.enqueue
        var words = Arguments(calling: script, keys: named)
        words.append(job.id)
        words.append(job.json)
        switch due {
        case .now: words.append(0, 0)
        case .after(let milliseconds): words.append(milliseconds, 0)
        case .at(let milliseconds): words.append(0, milliseconds)
        }
        // The lock's time counts from when the job is due.
        let life = (terms.unique?.milliseconds ?? 0) + due.wait
        words.append(window, life, longest)
        words.append(terms.policy)
        words.append(terms.isFront ? 1 : 0, terms.mostDebounce)
        return Call(key: keys.ready, command: Command(script: script, words)) {
            value throws(RedisError) in
            let reply = value.array ?? []
            switch (reply.first?.integer, reply.last?.text) {
            case (1, _): return .accepted
            case (0, _): return .duplicate
            case (-1, let holder?): return .held(by: holder)
            case (-2, _): return .full
            case (2, let other?): return .replaced(other, isGone: true)
            case (3, let other?): return .replaced(other, isGone: false)
            default: throw .unexpectedReply(command: "enqueue", got: value.kind)
            }
        }.passing(.enqueueSending, .enqueueSent)
    }

    /// `enqueue_many.lua`: accepts a batch of at most 1,000 for now, each job once.
    ///
    /// - Returns: One answer a job, in order; the first that fit are accepted.
    package func enqueueMany(_ jobs: [NewJob], window: Int, longest: Int = 0)
        -> Call<[Acceptance]>
    {
        var words = Arguments()
        words.reserve(
            words: 2 * jobs.count + 8,
            bytes: jobs.reduce(256) { $0 + $1.json.count + keys.base.utf8.count + 40 })
        words.begin(calling: Scripts.enqueueMany, keys: window > 0 ? jobs.count + 1 : 1)
        words.append(keys.ready)
        if window > 0 {
            for job in jobs { words.append(keys.base, "seen:", job.id) }
        }
        words.append(window, longest)
        for job in jobs { words.append(job.json) }
        let count = jobs.count
        return Call(key: keys.ready, command: Command(script: Scripts.enqueueMany, words)) {
            value throws(RedisError) in
            guard let reply = value.array, reply.count == count else {
                throw .unexpectedReply(command: "enqueue_many", got: value.kind)
            }
            return reply.map {
                switch $0 {
                case .integer(0): .duplicate
                case .integer(-2): .full
                default: .accepted
                }
            }
        }.passing(.enqueueSending, .enqueueSent)
    }

    /// `unlock.lua`: lets go of a unique key, if this id holds it.
    package func unlock(_ key: String, id: String) -> Call<Void> {
        var words = Arguments(calling: Scripts.unlock, keys: [keys.unique(key)])
        words.append(id)
        return Call(key: keys.ready, command: Command(script: Scripts.unlock, words)) { _ in }
    }

    /// `cancel.lua`: marks an id as not wanted any more.
    package func cancel(_ id: String, keep: Duration) -> Call<Bool> {
        var words = Arguments(calling: Scripts.cancel, keys: [keys.cancelled, keys.meta])
        words.append(id)
        words.append(keep.milliseconds)
        return Call(key: keys.ready, command: Command(script: Scripts.cancel, words)) {
            $0.integer == 1
        }
    }
}
