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
    private var backoff = Backoff()
    private var random = SystemRandomNumberGenerator()
    /// Monotonic time before which no connect is tried, and why the last one failed.
    private var retryAt: Int64 = 0
    private var lastFault: RedisError?

    init(_ shared: ConnectionShared) {
        self.shared = shared
    }

    func run() {
        while true {
            let (requests, isStopped) = shared.take()
            for request in requests { waiting.append(request) }
            if isStopped { return stop() }
            if link == nil, !waiting.isEmpty, monotonicNanoseconds() >= retryAt { connect() }
            if link == nil { awaitWork() } else { turn() }
        }
    }

    // MARK: Connected

    /// One turn: send what waits, sleep until something happens, hand out replies.
    private func turn() {
        guard var link = link.take() else { return }
        while !waiting.isEmpty, link.hasRoom, let request = waiting.popFirst() {
            if let isWanted = request.isWanted, !isWanted() {
                request.completion(.failure(.cancelled))
            } else {
                link.stage(request)
            }
        }
        do throws(RedisError) {
            try link.write()
            let mayWait = shared.fallAsleep()
            let timeout = mayWait ? link.pollTimeout(now: monotonicNanoseconds()) : 0
            var entries = [
                pollfd(fd: link.descriptor, events: link.interest, revents: 0),
                pollfd(fd: shared.wakeup.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&entries, 2, timeout)
            if entries[1].revents != 0 { shared.wakeup.clear() }
            if ready > 0, entries[0].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
                try link.read()
            }
            try link.checkDeadline(now: monotonicNanoseconds())
            self.link = consume link
        } catch {
            let address = shared.endpoint.description
            shared.clientID = nil
            link.fail(error, address: address)
            shared.options.onEvent(.lost(shared.endpoint, reason: error.description))
            lastFault = error
        }
    }

    // MARK: Not connected

    private func connect() {
        do throws(RedisError) {
            let link = try Link.open(shared.endpoint, shared.options)
            shared.clientID = link.clientID
            self.link = consume link
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
        var kept = Fifo<Request>()
        var next = waiting.isEmpty ? Int64.max : retryAt
        for request in waiting.removeAll() {
            if request.deadline <= now {
                request.completion(.failure(unreachable))
            } else if let isWanted = request.isWanted, !isWanted() {
                request.completion(.failure(.cancelled))
            } else {
                next = min(next, request.deadline)
                kept.append(request)
            }
        }
        waiting = kept
        guard shared.fallAsleep() else { return }
        var entry = pollfd(fd: shared.wakeup.descriptor, events: Int16(POLLIN), revents: 0)
        let wait = waiting.isEmpty ? -1 : Int32(clamping: (next - now + 999_999) / 1_000_000)
        if poll(&entry, 1, waiting.isEmpty ? -1 : max(0, wait)) > 0 { shared.wakeup.clear() }
    }

    private var unreachable: RedisError {
        switch lastFault {
        case .unreachable, .server: lastFault ?? .stopped
        case .closed(let address, let reason):
            .unreachable(address: address, reason: reason)
        default:
            .unreachable(
                address: shared.endpoint.description,
                reason: lastFault.map { "\($0)" } ?? "not connected in time")
        }
    }

    private func stop() {
        if let link = link.take() { link.fail(.stopped, address: shared.endpoint.description) }
        for request in waiting.removeAll() { request.completion(.failure(.stopped)) }
    }
}
