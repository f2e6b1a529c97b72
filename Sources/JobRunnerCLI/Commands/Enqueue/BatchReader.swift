internal import Dispatch
internal import JobRunner
internal import Synchronization

/// Reads batches on a thread of its own, one ahead of who sends them.
///
/// A pipe may be silent for hours: reading it in a task would hold a thread of the pool.
final class BatchReader: Sendable {
    private struct State {
        var ready: LineBatch?
        var waiter: CheckedContinuation<LineBatch, Never>?
        var isStopped = false
    }

    private let state = Mutex(State())
    /// One batch may be ready while the one before it is sent: signalled once from the start.
    ///
    /// Made with 0, since Dispatch ends a process that frees a semaphore below its first value.
    private let room = DispatchSemaphore(value: 0)
    private let interrupts: Interrupts

    /// - Parameter make: Called on the thread, for what only lives there.
    init(interrupts: Interrupts, _ make: @escaping @Sendable () -> LineBatcher) {
        self.interrupts = interrupts
        room.signal()
        startCommandThread("lines") { [self] in
            var batcher = make()
            while true {
                room.wait()
                if state.withLock({ $0.isStopped }) { return }
                let batch = batcher.next()
                deliver(batch)
                if batch.end != .open { return }
            }
        }
    }

    /// The next batch; not to be asked for by two at once, nor after the last.
    func next() async -> LineBatch {
        await withCheckedContinuation { continuation in
            let ready: LineBatch? = state.withLock { state in
                guard let ready = state.ready.take() else {
                    state.waiter = continuation
                    return nil
                }
                return ready
            }
            guard let ready else { return }
            room.signal()
            continuation.resume(returning: ready)
        }
    }

    /// Ends the thread when nobody wants what it reads any more.
    func stop() {
        state.withLock { $0.isStopped = true }
        interrupts.request()
        room.signal()
    }

    private func deliver(_ batch: LineBatch) {
        let waiter = state.withLock { state in
            if state.waiter == nil { state.ready = batch }
            return state.waiter.take()
        }
        guard let waiter else { return }
        room.signal()
        waiter.resume(returning: batch)
    }
}
