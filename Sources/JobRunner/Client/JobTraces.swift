internal import RedisLink

/// What keys tell of one job, none of which lists jobs: each costs the same however many wait.
package struct JobTraces: Sendable {
    package let outcome: JobOutcome?
    /// How much longer the outcome is kept; nil without one.
    package let outcomeLeft: Duration?
    package let progress: JobProgress?
    /// The id was accepted, and is still remembered for that.
    package let isSeen: Bool
    /// Somebody asked to cancel it, and the mark is still kept.
    package let isCancelled: Bool
    /// How many workers it was lost with.
    package let crashes: Int

    /// Nothing is known of the id: it never was, or all of it has expired.
    package var isEmpty: Bool {
        outcome == nil && progress == nil && !isSeen && !isCancelled && crashes == 0
    }
}

extension JobClient {
    /// Looks a job up by its id, in one pipeline; O(1).
    package func traces(queue: String, id: String) async throws(RedisError) -> JobTraces {
        let store = QueueStore(keys.queue(queue))
        let connection = router.connection(for: store.keys.ready)
        async let result = connection.send(store.result(id, atMost: options.resultBytes))
        async let left = connection.send(store.resultLeft(id))
        async let progress = connection.send(store.progress(id))
        async let isSeen = connection.send(store.isSeen(id))
        async let isCancelled = connection.send(store.cancelled([id]))
        async let crashes = connection.send(store.crashes(id))
        do {
            return try await JobTraces(
                outcome: result.flatMap { JobOutcome(json: $0) }, outcomeLeft: left,
                progress: progress.flatMap { JobProgress(json: $0) },
                isSeen: isSeen, isCancelled: isCancelled.first ?? false, crashes: crashes)
        } catch let error as RedisError {
            throw error
        } catch {
            throw .cancelled
        }
    }

    /// Marks a job as not wanted any more: it does not start, and is stopped when it runs.
    ///
    /// - Parameter keep: How long the mark waits for a job that is not fetched before.
    /// - Returns: False when it was marked already; the mark's life is renewed.
    package func cancel(
        queue: String, id: String, keep: Duration = JobClient.keptMarks
    ) async throws(RedisError) -> Bool {
        let call = QueueStore(keys.queue(queue)).cancel(id, keep: keep)
        return try await router.connection(for: call.key).send(call)
    }
}

extension JobOutcome {
    /// The handler's output as JSON, as it was stored; nil for none.
    package var valueJSON: [UInt8]? {
        // Its last member, behind a word and numbers; of any depth.
        guard state == .done, let key = json.firstRange(of: Array(#","value":"#.utf8)),
            let end = json.lastIndex(of: UInt8(ascii: "}"))
        else { return nil }
        return Array(json[key.upperBound..<end])
    }

    /// It is done, and its results were too large together to be kept.
    package var isOmitted: Bool {
        state == .done && json.firstRange(of: Array(#","omitted":true"#.utf8)) != nil
            && valueJSON == nil
    }
}
