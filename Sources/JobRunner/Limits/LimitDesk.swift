internal import RedisLink
internal import Synchronization

/// Asks rate limits for starts: what comes while a script is on the wire travels in the next.
///
/// So a worker with many limited jobs pays one script for as many as come together.
final class LimitDesk: Sendable {
    private typealias Waiting = (
        ask: LimitStore.Ask, CheckedContinuation<Result<LimitStore.Grant, RedisError>, Never>
    )

    private struct Line {
        let store: LimitStore
        let value: String
        let limit: RateLimit
        var waiting: [Waiting] = []
    }

    /// By key; one that is there has a script on the wire.
    private let lines = Mutex([String: Line]())
    private let router: RedisRouter

    init(_ router: RedisRouter) {
        self.router = router
    }

    func ask(_ store: LimitStore, _ value: String, _ limit: RateLimit, reserved: Int64)
        async throws(RedisError) -> LimitStore.Grant
    {
        let ask = LimitStore.Ask(cost: limit.cost, reserved: reserved)
        let result: Result<LimitStore.Grant, RedisError> = await withCheckedContinuation {
            continuation in
            let line: Line? = lines.withLock { lines in
                let key = store.keys.tokens(value)
                if lines[key] != nil {
                    lines[key]?.waiting.append((ask, continuation))
                    return nil
                }
                var line = Line(store: store, value: value, limit: limit)
                lines[key] = line
                line.waiting = [(ask, continuation)]
                return line
            }
            if let line { send(line) }
        }
        return try result.get()
    }

    private func send(_ line: Line) {
        let call = line.store.take(line.value, line.limit, line.waiting.map(\.ask))
        router.connection(for: call.key).submit(call) { result in
            // The next ones first: the wire should not wait for those that were answered.
            if let next = self.next(line) { self.send(next) }
            for (index, (_, continuation)) in line.waiting.enumerated() {
                continuation.resume(returning: result.map { $0[index] })
            }
        }
    }

    private func next(_ line: Line) -> Line? {
        lines.withLock { lines in
            let key = line.store.keys.tokens(line.value)
            guard var next = lines[key], !next.waiting.isEmpty else {
                lines[key] = nil
                return nil
            }
            let rest = Array(next.waiting.dropFirst(1000))
            next.waiting = Array(next.waiting.prefix(1000))
            lines[key]?.waiting = rest
            return next
        }
    }
}
