internal import Synchronization

/// A command on its way, and who waits for it.
struct Request: Sendable {
    let command: Command
    let timeout: Duration
    /// Monotonic nanoseconds.
    let deadline: Int64
    let isWanted: (@Sendable () -> Bool)?
    let completion: Connection.Completion
    /// Bytes of it that its caller has written; the thread writes the rest.
    var sent = 0

    /// Its caller may write it: nothing has to happen right before it is sent.
    fileprivate var mayBeSentByCaller: Bool {
        #if DEBUG
            if command.onWrite != nil { return false }
        #endif
        return isWanted?() ?? true
    }
}

/// What callers and the connection's thread share.
final class ConnectionShared: Sendable {
    private struct State {
        /// Appended by callers, taken whole by the thread.
        var outbox: [Request] = []
        /// Written by the thread: it is, or is about to be, in `poll`.
        var isAsleep = false
        /// While it sleeps with nothing on the wire, and until when: the next caller may write.
        var quiet: (socket: Socket, until: Int64)?
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

    /// Larger ones are left to the thread: callers wait for each other while one writes.
    private static let mostDirectBytes = 16 << 10

    /// Takes requests for the thread; on a connection where nothing is under way the caller writes
    /// them itself, which saves waking the thread: it reads the reply in any case.
    ///
    /// - Returns: False when the connection was stopped or ends.
    func queue(_ requests: some Collection<Request>) -> Bool {
        let (accepted, wake) = state.withLock { state in
            if state.isStopped || state.endBy != nil { return (false, false) }
            state.outbox.append(contentsOf: requests)
            if let (socket, until) = state.quiet.take(),
                Self.write(&state.outbox, to: socket, awakeAt: until)
            {
                return (true, false)
            }
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if wake { wakeup.signal() }
        return accepted
    }

    /// - Parameter time: When the thread wakes by itself: it has to see the deadlines.
    /// - Returns: True when all was written; what was not is the thread's.
    private static func write(
        _ requests: inout [Request], to socket: Socket, awakeAt time: Int64
    ) -> Bool {
        var bytes = 0
        for request in requests {
            bytes += request.command.wire.count
            guard bytes <= mostDirectBytes, request.deadline >= time, request.mayBeSentByCaller
            else { return false }
        }
        let wire =
            requests.count == 1 ? requests[0].command.wire : requests.flatMap(\.command.wire)
        guard case .moved(let moved) = wire.withUnsafeBytes({ socket.write($0) }) else {
            return false
        }
        var left = moved
        for index in requests.indices {
            requests[index].sent = min(left, requests[index].command.wire.count)
            left -= requests[index].sent
        }
        return moved == bytes
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

    /// True when nothing is queued: whoever queues next signals `wakeup`, or writes to `quiet`.
    ///
    /// - Parameter quiet: A socket on which nothing is under way; the thread does not touch it
    ///   before `takeSent`.
    func fallAsleep(_ quiet: (socket: Socket, until: Int64)? = nil) -> Bool {
        state.withLock { state in
            guard state.outbox.isEmpty, !state.isStopped, !state.hurries else { return false }
            state.isAsleep = true
            state.quiet = quiet
            return true
        }
    }

    /// What callers wrote to `quiet`, wholly or in part: to be awaited before anything is read.
    func takeSent() -> ArraySlice<Request> {
        state.withLock { state in
            state.quiet = nil
            let sent = state.outbox.prefix { $0.sent > 0 }
            state.outbox.removeFirst(sent.count)
            return sent
        }
    }

    var clientID: Int? {
        get { state.withLock { $0.clientID } }
        set { state.withLock { $0.clientID = newValue } }
    }
}
