internal import RedisLink
internal import Synchronization

/// A stream of what a job tells: the newest report, then how it ended.
///
/// Two watches feed it. Nothing is kept but the newest update: a slow reader misses those between.
final class JobUpdates: Sendable {
    typealias Stream = AsyncThrowingStream<JobUpdate, any Error>

    private struct State {
        var watches: [WatchBook.ID] = []
        var last: [UInt8] = []
        var isOver = false
    }

    private let watch: KeyWatch
    private let handle: String
    private let timeout: Duration?
    private let continuation: Stream.Continuation
    private let state = Mutex(State())

    /// Begins to watch; ends with the stream, or when nobody reads it any more.
    static func stream(
        of id: String, _ keys: QueueKeys, _ watch: KeyWatch, timeout: Duration?
    ) -> Stream {
        let (stream, continuation) = Stream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let updates = JobUpdates(watch, "\(keys.name)/\(id)", timeout, continuation)
        continuation.onTermination = { _ in updates.end() }
        let deadline = timeout.map { monotonicDeadline(after: $0) } ?? .max
        updates.add(Reports(updates: updates), keys.progress(id), deadline: .max)
        updates.add(Outcome(updates: updates), keys.result(id), deadline: deadline)
        return stream
    }

    private init(
        _ watch: KeyWatch, _ handle: String, _ timeout: Duration?,
        _ continuation: Stream.Continuation
    ) {
        self.watch = watch
        self.handle = handle
        self.timeout = timeout
        self.continuation = continuation
    }

    private func add(_ watcher: any KeyWatcher, _ key: String, deadline: Int64) {
        let id = watch.add(watcher, key: key, deadline: deadline, isFresh: false)
        guard let id else { return }
        let isOver = state.withLock { state in
            state.watches.append(id)
            return state.isOver
        }
        if isOver { watch.remove(id) }
    }

    private func end() {
        let watches = state.withLock { state in
            state.isOver = true
            return state.watches
        }
        for id in watches { watch.remove(id) }
    }

    private func saw(_ json: [UInt8]) {
        // Read again without a change, it is no news.
        let isNews = state.withLock { state in
            defer { state.last = json }
            return state.last != json
        }
        guard isNews, let report = JobProgress(json: json) else { return }
        continuation.yield(.progress(report))
    }

    private func ended(_ end: WatchEnd) {
        switch end {
        case .value(let json):
            guard let outcome = JobOutcome(json: json) else {
                continuation.finish(
                    throwing: JobRunnerError.undecodable(handle: handle, reason: "not an outcome"))
                return
            }
            continuation.yield(.ended(outcome.state))
            continuation.finish()
        case .timeIsUp(nil):
            continuation.finish(
                throwing: JobRunnerError.timedOut(handle: handle, after: timeout ?? .zero))
        case .timeIsUp(let error?), .failed(let error):
            continuation.finish(throwing: JobRunnerError.redis(error))
        case .stopped:
            continuation.finish(throwing: JobRunnerError.stopped)
        }
    }

    private struct Reports: KeyWatcher {
        let updates: JobUpdates
        let wantsChanges = true

        func saw(_ value: [UInt8]) { updates.saw(value) }

        func ended(_ end: WatchEnd) {
            // Only when it cannot be read at all; a report that is there is told by `saw`.
            updates.ended(end)
        }
    }

    private struct Outcome: KeyWatcher {
        let updates: JobUpdates
        let wantsChanges = false

        func saw(_ value: [UInt8]) {}
        func ended(_ end: WatchEnd) { updates.ended(end) }
    }
}
