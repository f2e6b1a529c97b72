internal import RedisLink

/// A job that ended at this worker: its tag, and the writes that hang on it.
package struct Ack: Sendable {
    /// The fence it was delivered with.
    package let tag: Int
    /// None is simply done.
    package var writes: [Write]

    package init(tag: Int, writes: [Write] = []) {
        self.tag = tag
        self.writes = writes
    }

    /// The job goes back untried.
    var isRelease: Bool { if case .release? = writes.first { true } else { false } }

    /// One write of an ack; made only while the worker holds the tag.
    package enum Write: Sendable {
        /// Keep the outcome of a job id for this many ms, and tell a client that waits for it.
        case result(id: String, milliseconds: Int, json: [UInt8], client: String? = nil)
        /// Run again in ms, as these bytes.
        case retry(milliseconds: Int, job: [UInt8])
        /// Give up; the reason is one line.
        case bury(reason: String, job: [UInt8])
        /// Keep until a worker comes that knows this kind.
        case park(kind: JobKind, job: [UInt8])
        /// Keep aside until what it waits for is there.
        case block(String, job: [UInt8])
        /// Back to the fetch end, untried.
        case release(job: [UInt8])
        /// Enqueue a follow-up in this queue.
        case next(milliseconds: Int, job: [UInt8])
        /// Drop the unique key if this id holds it.
        case unlock(key: String, id: String)
        /// Let the unique key live for this many ms if this id holds it.
        case hold(key: String, id: String, milliseconds: Int)
        /// Drop what steps of this id returned.
        case drop(id: String)
        /// Drop the crash count and the mark of a cancel.
        case forget(id: String)
        /// A step of a workflow whose jobs are all in this queue has ended; nil is no value.
        case step(FlowPlace, letter: String, id: String, json: [UInt8]?)
    }
}

/// A job as the server delivered it.
package struct Delivery: Sendable {
    /// Its tag and fence: a number that grows with every delivery of the queue.
    package let tag: Int
    package let json: [UInt8]
    /// How many workers it was lost with.
    package let crashes: Int
    package internal(set) var isCancelled: Bool
}

/// What `cycle` answered.
package enum CycleReply: Sendable {
    /// The lease is lost; nothing was done.
    case lost
    /// - `held`: How many jobs the server says this worker holds now.
    /// - `wait`: ms until the queue's own limit has a token; 0 it has, or is not limited.
    case done(isPaused: Bool, acked: Int, held: Int, deliveries: [Delivery], wait: Int = 0)
}

extension QueueStore {
    /// `cycle.lua`: hands back what is finished and takes up to `want` more.
    ///
    /// Acks may be sent again after a lost reply; a fetch may not: it fetches more.
    ///
    /// - Parameters:
    ///   - want: 0 to 1,000.
    ///   - acks: At most 1,000.
    ///   - floor: The highest tag that this worker has seen: what it is given gets higher ones,
    ///     also from a server that lost its last writes.
    package func cycle(
        worker: String, want: Int, acks: [Ack], floor: Int = 0
    ) -> Call<CycleReply> {
        var extra = 0
        var bytes = 512
        for ack in acks {
            bytes += 32
            for write in ack.writes {
                bytes += 96 + write.size
                extra += write.keys
            }
        }
        var words = Arguments()
        words.reserve(words: 16 + extra + acks.count * 5, bytes: bytes)
        words.begin(calling: Scripts.cycle, keys: 10 + extra)
        words.append(keys.ready)
        words.append(keys.landing)
        words.append(keys.base, "active:", worker)
        words.append(keys.workers)
        words.append(keys.scheduled)
        words.append(keys.dead)
        words.append(keys.crashes)
        words.append(keys.cancelled)
        words.append(keys.meta)
        words.append(keys.ordered)
        for ack in acks {
            for write in ack.writes {
                switch write {
                case .result(let id, _, _, _): words.append(keys.base, "result:", id)
                case .drop(let id): words.append(keys.base, "steps:", id)
                case .unlock(let key, _), .hold(let key, _, _):
                    words.append(keys.base, "unique:", key)
                case .block(let what, _):
                    words.append(keys.blocked)
                    words.append(keys.blocked(what))
                case .step(let place, _, _, _):
                    words.append(keys.base, "flow:", place.id)
                    words.append(keys.base, "result:", place.id)
                case .park(let kind, _):
                    words.append(keys.parked)
                    words.append(keys.parked(kind))
                default: break
                }
            }
        }
        words.append(worker)
        words.append(want, acks.count)
        words.append(floor)
        for ack in acks {
            words.append(ack.tag, ack.writes.count)
            for write in ack.writes { words.append(write, keys) }
        }
        let call = Call(
            key: keys.ready, command: Command(script: Scripts.cycle, words), read: Self.readCycle)
        if !acks.isEmpty { return call.passing(.ackSending, .ackSent) }
        return want > 0 ? call.passing(.fetchSending, .fetchSent) : call
    }

    static func readCycle(_ value: RedisValue) throws(RedisError) -> CycleReply {
        guard let reply = value.array, let state = reply.first?.integer else {
            throw .unexpectedReply(command: "cycle", got: value.kind)
        }
        if state == -1 { return .lost }
        guard reply.count >= 7, let acked = reply[1].integer, let held = reply[2].integer,
            let fence = reply[3].integer, let jobs = reply[4].array,
            let crashes = reply[5].array, let cancelled = reply[6].array
        else { throw .unexpectedReply(command: "cycle", got: value.kind) }
        var deliveries: [Delivery] = []
        deliveries.reserveCapacity(jobs.count)
        for (index, job) in jobs.enumerated() {
            guard let json = job.bytes else {
                throw .unexpectedReply(command: "cycle", got: job.kind)
            }
            deliveries.append(
                Delivery(
                    tag: fence + index, json: json,
                    crashes: index < crashes.count ? crashes[index].integer ?? 0 : 0,
                    isCancelled: index < cancelled.count && cancelled[index] != .null))
        }
        return .done(
            isPaused: state == 0, acked: acked, held: held, deliveries: deliveries,
            wait: reply.count > 7 ? reply[7].integer ?? 0 : 0)
    }
}

extension Ack.Write {
    /// How many keys of its own it names.
    fileprivate var keys: Int {
        switch self {
        case .park, .block, .step: 2
        case .result, .unlock, .hold, .drop: 1
        default: 0
        }
    }

    fileprivate var size: Int {
        switch self {
        case .result(_, _, let json, let client): json.count + (client?.utf8.count ?? 0)
        case .retry(_, let job), .bury(_, let job), .park(_, let job), .block(_, let job),
            .release(let job), .next(_, let job):
            job.count
        case .step(_, _, _, let json): json?.count ?? 0
        case .unlock, .hold, .drop, .forget: 0
        }
    }
}

extension Arguments {
    fileprivate mutating func append(_ write: Ack.Write, _ keys: QueueKeys) {
        switch write {
        case .result(_, let milliseconds, let json, nil):
            append("result")
            append(milliseconds)
            append(json)
        case .result(_, let milliseconds, let json, let client?):
            append("answer")
            append("\(milliseconds) \(keys.answers)\(client)")
            append(json)
        case .retry(let milliseconds, let job):
            append("retry")
            append(milliseconds)
            append(job)
        case .bury(let reason, let job):
            append("bury")
            append(reason)
            append(job)
        case .park(let kind, let job):
            append("park")
            append(kind.description)
            append(job)
        case .block(let what, let job):
            append("park")
            append(what)
            append(job)
        case .release(let job):
            append("release")
            append(0)
            append(job)
        case .next(let milliseconds, let job):
            append("next")
            append(milliseconds)
            append(job)
        case .unlock(_, let id):
            append("unlock")
            append(id)
            append("-")
        case .hold(_, let id, let milliseconds):
            append("hold")
            append(id)
            append(milliseconds)
        case .drop:
            append("drop")
            append("-")
            append("-")
        case .forget(let id):
            append("forget")
            append(id)
            append("-")
        case .step(let place, let letter, let id, let json):
            append("step")
            append("\(place.step) \(letter) \(place.next?.description ?? "") \(id)")
            append(json ?? [])
        }
    }
}
