internal import RedisLink

/// What is found out before a worker says it works: troubles that no waiting mends.
extension Worker {
    /// - Throws: `JobRunnerError.invalid` for keys of another program and for another visibility
    ///   timeout, `JobRunnerError.redis` for a refused login and missing rights. Outages are
    ///   waited out.
    func checkQueues() async throws {
        for (index, queue) in engine.options.queues.enumerated() {
            let store = QueueStore(engine.client.keys.queue(queue.name))
            try await checkKinds(store)
            try await agreeOnProtocol(store)
            try await agreeOnLease(store)
            // The user's rights: both do nothing for a worker without a name.
            _ = try await patiently(store.cycle(worker: "", want: 0, acks: []), queue.name)
            let tick = store.tick(worker: "", joins: false, engine.upkeep)
            let swept = try await patiently(tick, queue.name)
            engine.reap(swept.reaping, index)
        }
    }

    private func checkKinds(_ store: QueueStore) async throws {
        for (key, kind) in store.kinds {
            guard try await !patiently(store.isAbsentOr(kind, key), store.keys.name) else {
                continue
            }
            throw JobRunnerError.invalid(
                "key '\(key)' holds another type; it was not made by jobrunner")
        }
    }

    /// Keys that another version of the protocol wrote are not touched.
    private func agreeOnProtocol(_ store: QueueStore) async throws {
        let name = store.keys.name
        let mine = QueueStore.protocolVersion
        if let theirs = try await patiently(store.agreedProtocol(), name), theirs != mine {
            throw JobRunnerError.invalid(
                "queue '\(name)' was written by protocol \(theirs); this build speaks \(mine)")
        }
        do {
            try await patiently(store.proposeProtocol(), name, isFullAnAnswer: true)
        } catch JobRunnerError.redis(.server(let error)) where error.code == .OOM {
            // A full server is drained by workers: one must be able to start on it.
        }
    }

    /// All workers of a queue must use one visibility timeout.
    ///
    /// The first worker of a queue brings its own: `tick` takes that as it joins, and refuses one
    /// that would differ from another by then.
    private func agreeOnLease(_ store: QueueStore) async throws {
        let lease = engine.options.visibilityTimeout.milliseconds
        let name = store.keys.name
        let agreed = try await patiently(store.agreedLease(), name)
        guard let agreed, agreed != lease, try await patiently(store.hasWorkers(), name) else {
            return
        }
        let text = agreed % 1000 == 0 ? "\(agreed / 1000)s" : "\(agreed)ms"
        throw JobRunnerError.invalid(
            "queue '\(name)' uses \(text); all its workers must; to change it, stop them all (of "
                + "one that was killed, run: jobrunner doctor --fix)")
    }

    /// Sends a call until it is answered: an outage at the start is waited out.
    ///
    /// - Parameter isFullAnAnswer: OOM is thrown, not waited out.
    private func patiently<Reply>(
        _ call: Call<Reply>, _ queue: String, isFullAnAnswer: Bool = false
    ) async throws -> Reply {
        var backoff = Backoff(limit: .milliseconds(500))
        var random = SystemRandomNumberGenerator()
        while true {
            do {
                return try await engine.router.connection(for: call.key).send(call)
            } catch .server(let refusal) where isFullAnAnswer && refusal.code == .OOM {
                throw JobRunnerError.redis(.server(refusal))
            } catch  where error.isTransient && !isStopping {
                engine.options.onEvent(.trouble(queue: queue, error))
                try await Task.sleep(for: .nanoseconds(backoff.next(using: &random)))
            } catch {
                throw JobRunnerError.redis(error)
            }
        }
    }
}
