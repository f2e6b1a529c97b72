internal import RedisLink
internal import Synchronization

/// Jobs that are enqueued for a time before the next tick: whoever enqueues one rings, and one
/// worker hears it, a busy one too, for it only has to promote them.
extension WorkerEngine {
    /// Longest that a connection says nothing, s: one that is cut off is noticed after that.
    private static let silence = 60

    /// Listens for the bell of a queue, if it does not; with every tick, so that a connection that
    /// broke is made again when the server answers.
    func listen(_ index: Int) {
        let store: QueueStore? = state.withLock { state in
            guard state.dispatch.phase == .working, state.listening.insert(index).inserted
            else { return nil }
            return state.dispatch.lanes[index].store
        }
        if let store { hear(index, store) }
    }

    private func hear(_ index: Int, _ store: QueueStore) {
        // Longer than the server's by the 5 s that a slow server may take.
        let timeout: Duration = .seconds(Self.silence + 5)
        bells[index].submit(store.listen(seconds: Self.silence), timeout: timeout) { result in
            guard case .success(let isRung) = result else {
                return self.state.withLock { _ = $0.listening.remove(index) }
            }
            if isRung {
                let now = monotonicNanoseconds()
                self.state.withLock { $0.dispatch.lanes[index].promoteAt = now }
                self.clock.wake(at: now)
            }
            self.hear(index, store)
        }
    }
}
