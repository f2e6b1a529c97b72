#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The thread of one connection: its socket, its reader, and the order of replies.
///
/// Not Sendable: made, used and dropped on its thread.
final class ConnectionThread {
    private let shared: ConnectionShared
    private var link: Link?
    /// Queued and not sent.
    private var waiting = Fifo<Request>()
    /// No request in `waiting` is overdue before this monotonic time.
    private var nextDeadline = Int64.max
    /// Longest wait before the next try to connect.
    ///
    /// A sixth of the shortest visibility timeout: when Redis is back, a worker that waits longer
    /// than others would lose its lease to them, and work is to go on within 2 s.
    static let longestWait: Duration = .milliseconds(500)

    private var backoff = Backoff(limit: longestWait)
    private var random = SystemRandomNumberGenerator()
    /// Monotonic time before which no connect is tried, and why the last one failed.
    private var retryAt: Int64 = 0
    private var lastFault: RedisError?
    /// The last link was left because its server takes no writes.
    private var isMisled = false
    private var isEnding = false
    /// Longest sleep on a link where a caller may write: it has to see what that awaits.
    private let idleWait: Int64
    private let subscribed: SubscribedLink?

    init(_ shared: ConnectionShared, _ subscription: Subscription?) {
        self.shared = shared
        idleWait = max(1_000_000_000, shared.options.commandTimeout.nanoseconds / 2)
        subscribed = subscription.map { SubscribedLink(shared.endpoint, shared.options, $0) }
    }

    func run() {
        while true {
            let (requests, isStopped, hurries) = shared.take()
            for request in requests {
                waiting.append(request)
                nextDeadline = min(nextDeadline, request.deadline)
            }
            if isStopped { return stop() }
            if !isEnding, let deadline = shared.endBy { end(by: deadline) }
            if isEnding, link == nil { return stop() }
            subscribed?.keepUp()
            // Not one that left a server which takes no writes: a sibling may reach that as well.
            if hurries, !isMisled { retryAt = 0 }
            if link == nil, !waiting.isEmpty, monotonicNanoseconds() >= retryAt { connect() }
            if link == nil { awaitWork() } else { turn() }
        }
    }

    /// False when nobody waits for it any more; then it has been told so, unsent.
    private func isDue(_ request: Request, now: Int64) -> Bool {
        if let isWanted = request.isWanted, !isWanted() {
            request.completion(.failure(.cancelled))
        } else if request.deadline <= now {
            request.completion(.failure(unreachable))
        } else {
            return true
        }
        return false
    }

    // MARK: Connected

    /// One turn: send what waits, sleep until something happens, hand out replies.
    private func turn() {
        guard var link = link.take() else { return }
        if !waiting.isEmpty {
            let now = monotonicNanoseconds()
            while link.hasRoom, let request = waiting.popFirst() {
                if isDue(request, now: now) { link.stage(request) }
            }
        }
        do throws(RedisError) {
            try link.write()
            if isEnding { link.closeWriting() }
            let now = monotonicNanoseconds()
            let quiet = isEnding ? nil : link.quiet.map { ($0, now + idleWait) }
            let mayWait = shared.fallAsleep(quiet)
            var timeout = mayWait ? link.pollTimeout(now: now) : 0
            if mayWait, quiet != nil { timeout = Int32(clamping: idleWait / 1_000_000) }
            let events = awaitEvents(
                at: link.descriptor, for: link.interest, milliseconds: timeout)
            if quiet != nil { for request in shared.takeSent() { link.stage(request) } }
            if events & Int16(POLLIN | POLLHUP | POLLERR) != 0 { try link.read() }
            try link.checkDeadline(now: monotonicNanoseconds())
            try link.checkRole()
            self.link = consume link
        } catch {
            isMisled = link.isMisled
            shared.clientID = nil
            link.fail(isEnding ? .stopped : error)
            lastFault = error
            if isEnding { return }
            // A server that takes no writes would be asked in a tight loop.
            if isMisled { retryAt = monotonicNanoseconds() + Self.longestWait.nanoseconds }
            shared.options.onEvent(.lost(shared.endpoint, reason: error.description))
        }
    }

    /// Sleeps until something happens; serves the wakeup and the subscription itself.
    ///
    /// - Parameters:
    ///   - descriptor: Of the link; -1 for none.
    ///   - timeout: Milliseconds; -1 for none.
    /// - Returns: What happened at the descriptor.
    private func awaitEvents(
        at descriptor: Int32, for interest: Int16, milliseconds timeout: Int32
    ) -> Int16 {
        var timeout = timeout
        if let subscribed, timeout != 0, subscribed.wakeAt != .max {
            let left = (subscribed.wakeAt - monotonicNanoseconds() + 999_999) / 1_000_000
            let wait = Int32(clamping: max(0, left))
            timeout = timeout < 0 ? wait : min(timeout, wait)
        }
        var entries = [
            pollfd(fd: descriptor, events: interest, revents: 0),
            pollfd(fd: shared.wakeup.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(
                fd: subscribed?.descriptor ?? -1, events: subscribed?.interest ?? 0, revents: 0),
        ]
        guard poll(&entries, nfds_t(subscribed == nil ? 2 : 3), timeout) > 0 else { return 0 }
        if entries[1].revents != 0 { shared.wakeup.clear() }
        subscribed?.turn(entries[2].revents)
        return entries[0].revents
    }

    // MARK: Not connected

    private func connect() {
        do throws(RedisError) {
            let link = try Link.open(shared.endpoint, shared.options)
            shared.clientID = link.clientID
            self.link = consume link
            if lastFault != nil, !isMisled { shared.tellSiblings() }
            isMisled = false
            backoff.reset()
            lastFault = nil
            shared.options.onEvent(.connected(shared.endpoint))
        } catch {
            let wait = backoff.next(using: &random)
            retryAt = monotonicNanoseconds() + wait
            lastFault = error
            if error.isTransient == false {
                // Waiting does not mend a wrong password: those who wait hear of it now.
                for request in waiting.removeAll() { request.completion(.failure(error)) }
            }
            shared.options.onEvent(
                .failed(shared.endpoint, error: error, retryIn: .nanoseconds(wait)))
        }
    }

    /// Sleeps until there is work and the next connect is due; lets the overdue go.
    private func awaitWork() {
        let now = monotonicNanoseconds()
        // Not at each turn: callers that keep queueing would make this a square.
        if nextDeadline <= now {
            nextDeadline = .max
            for request in waiting.removeAll() where isDue(request, now: now) {
                waiting.append(request)
                nextDeadline = min(nextDeadline, request.deadline)
            }
        }
        guard shared.fallAsleep() else { return }
        let left = min(retryAt, nextDeadline) - now
        let wait = waiting.isEmpty ? -1 : Int32(clamping: max(0, (left + 999_999) / 1_000_000))
        _ = awaitEvents(at: -1, for: 0, milliseconds: wait)
    }

    /// What those hear whose time is over and who were never sent.
    private var unreachable: RedisError {
        let address = shared.endpoint.description
        return switch lastFault {
        case .some(.unreachable(_, let reason)), .some(.closed(_, let reason)):
            .unreachable(address: address, reason: reason)
        case .some(.server(let error)): .server(error)
        case .some(let error): .unreachable(address: address, reason: error.description)
        case nil: .unreachable(address: address, reason: "not sent in time")
        }
    }

    /// Nothing more is sent; what is on the wire has until the deadline.
    private func end(by deadline: Int64) {
        isEnding = true
        subscribed?.close()
        for request in waiting.removeAll() { request.completion(.failure(.stopped)) }
        if var link = link.take() {
            link.endBy = deadline
            self.link = consume link
        }
    }

    private func stop() {
        shared.clientID = nil
        defer { shared.ended() }
        subscribed?.close()
        if let link = link.take() { link.fail(.stopped) }
        for request in waiting.removeAll() { request.completion(.failure(.stopped)) }
    }
}
