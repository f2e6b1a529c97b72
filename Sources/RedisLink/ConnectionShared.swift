internal import Synchronization

/// A command on its way, and who waits for it.
struct Request: Sendable {
    let command: Command
    let timeout: Duration
    /// Monotonic nanoseconds.
    let deadline: Int64
    let isWanted: (@Sendable () -> Bool)?
    let completion: Connection.Completion
}

/// What callers and the connection's thread share.
final class ConnectionShared: Sendable {
    private struct State {
        /// Appended by callers, taken whole by the thread.
        var outbox: [Request] = []
        /// Written by the thread: it is, or is about to be, in `poll`.
        var isAsleep = false
        /// A sibling has reached the server: the next try need not wait.
        var hurries = false
        var isStopped = false
        /// Monotonic nanoseconds until which what is on the wire is awaited; no more is accepted.
        var endBy: Int64?
        /// The thread is over, or will do nothing more.
        var isOver = false
        var onEnd: [@Sendable () -> Void] = []
        /// Written by the thread after it has logged in.
        var clientID: Int?
    }

    let endpoint: Endpoint
    let options: ConnectionOptions
    let wakeup: Wakeup
    private let siblings: Siblings?
    private let state = Mutex(State())

    init(
        _ endpoint: Endpoint, _ options: ConnectionOptions, _ wakeup: Wakeup,
        _ siblings: Siblings? = nil
    ) {
        self.endpoint = endpoint
        self.options = options
        self.wakeup = wakeup
        self.siblings = siblings
        siblings?.add(self)
    }

    /// False when the connection was stopped or ends.
    func queue(_ requests: some Collection<Request>) -> Bool {
        let (accepted, wake) = state.withLock { state in
            if state.isStopped || state.endBy != nil { return (false, false) }
            state.outbox.append(contentsOf: requests)
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if wake { wakeup.signal() }
        return accepted
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        wakeup.signal()
    }

    /// Accepts no more, and calls when the thread is over; an earlier deadline stays.
    func end(by deadline: Int64, _ onEnd: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if state.isOver { return true }
            state.endBy = state.endBy ?? deadline
            state.onEnd.append(onEnd)
            state.isAsleep = false
            return false
        }
        if isOver { onEnd() } else { wakeup.signal() }
    }

    /// The thread is over.
    func ended() {
        let onEnd = state.withLock { state in
            state.isOver = true
            defer { state.onEnd = [] }
            return state.onEnd
        }
        for call in onEnd { call() }
    }

    var endBy: Int64? { state.withLock { $0.endBy } }

    /// What was queued since the last call; on the thread.
    func take() -> (requests: [Request], isStopped: Bool, hurries: Bool) {
        state.withLock { state in
            state.isAsleep = false
            let hurries = state.hurries
            state.hurries = false
            guard !state.outbox.isEmpty else { return ([], state.isStopped, hurries) }
            var taken: [Request] = []
            taken.reserveCapacity(min(state.outbox.capacity, 256))
            swap(&taken, &state.outbox)
            return (taken, state.isStopped, hurries)
        }
    }

    /// Tells the others that the server is there; on the thread.
    func tellSiblings() { siblings?.hasReached(self) }

    /// Lets a connection that waits for its next try make it now.
    func hurry() {
        let isDown = state.withLock { state in
            guard state.clientID == nil, !state.isStopped else { return false }
            state.hurries = true
            state.isAsleep = false
            return true
        }
        if isDown { wakeup.signal() }
    }

    /// True when nothing is queued: whoever queues next signals `wakeup`.
    func fallAsleep() -> Bool {
        state.withLock { state in
            guard state.outbox.isEmpty, !state.isStopped, !state.hurries else { return false }
            state.isAsleep = true
            return true
        }
    }

    var clientID: Int? {
        get { state.withLock { $0.clientID } }
        set { state.withLock { $0.clientID = newValue } }
    }
}
