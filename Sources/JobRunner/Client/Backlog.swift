internal import RedisLink

/// What handlers would make of the jobs that wait, without running any.
package struct BacklogReport: Sendable {
    /// Why a job would not run.
    package enum Problem: Sendable, Hashable {
        /// No handler of this name: it would be parked.
        case unknownName
        /// Newer than the handler: it would be parked.
        case newer(known: Int)
        /// Its arguments do not decode: each attempt would fail.
        case undecodable(reason: String)
        /// It is no job: it would be buried.
        case unreadable(reason: String)
    }

    /// Jobs of a kind in a queue that share a problem.
    package struct Finding: Sendable {
        package let queue: String
        /// `<name>@<version>`; empty for what is no job.
        package let kind: String
        package let problem: Problem
        package internal(set) var jobs = 0
        /// The id of one of them; empty when it has none.
        package let example: String
    }

    /// Jobs that were looked at.
    package internal(set) var sampled = 0
    /// Jobs that wait: ready, scheduled, parked and blocked.
    package internal(set) var waiting = 0
    package internal(set) var findings: [Finding] = []
}

extension JobClient {
    /// Decodes a sample of what waits in some queues as the handlers of a worker would.
    ///
    /// Of each queue the jobs that are next: up to `sample` of each list that is ready, as many
    /// scheduled, and as many of each parked kind and of each limit. Changes nothing.
    ///
    /// - Parameters:
    ///   - queues: Nil is every queue that was ever used.
    ///   - sample: 1 to 100,000.
    package func checkBacklog(
        _ queues: [String]?, handlers: [String: Handler], sample: Int
    ) async throws(RedisError) -> BacklogReport {
        var names = queues ?? []
        if queues == nil {
            let reply = try await router.connection(for: keys.queues).send(
                Command("SMEMBERS", keys.queues))
            names = (reply.array ?? []).compactMap(\.text).filter { (try? QueueName($0)) != nil }
        }
        var check = BacklogCheck(handlers: handlers)
        for name in names.sorted() {
            let store = QueueStore(keys.queue(name))
            for place in try await places(of: store) {
                let connection = router.connection(for: store.keys.ready)
                check.report.waiting += try await connection.send(place.length).integer ?? 0
                try await look(place, sample) { check.look(at: $0, in: name) }
            }
        }
        check.report.findings.sort { ($0.queue, $0.kind) < ($1.queue, $1.kind) }
        return check.report
    }

    /// Page by page: jobs may be large.
    private func look(
        _ place: Place, _ sample: Int, _ body: ([UInt8]) -> Void
    ) async throws(RedisError) {
        var start = 0
        while start < sample {
            let count = min(500, sample - start)
            let jobs = try await send(place.page(from: start, count))
            for job in jobs { body(job) }
            if jobs.count < count { return }
            start += count
        }
    }
}

/// Collects findings.
struct BacklogCheck {
    let handlers: [String: Handler]
    var report = BacklogReport()

    mutating func look(at bytes: [UInt8], in queue: String) {
        report.sampled += 1
        do {
            let envelope = try Envelope(bytes)
            guard let problem = problem(of: envelope) else { return }
            note(queue, envelope.kind.description, problem, envelope.id?.description ?? "")
        } catch {
            let id = Envelope.idAtStart(of: bytes)?.description ?? ""
            note(queue, "", .unreadable(reason: "\(error)"), id)
        }
    }

    private func problem(of envelope: Envelope) -> BacklogReport.Problem? {
        guard let handler = handlers[envelope.job] else { return .unknownName }
        if envelope.version > handler.version { return .newer(known: handler.version) }
        do { try handler.check?(envelope) } catch {
            return .undecodable(reason: printable("\(error)", limit: 300))
        }
        return nil
    }

    private mutating func note(
        _ queue: String, _ kind: String, _ problem: BacklogReport.Problem, _ id: String
    ) {
        let known = report.findings.firstIndex {
            $0.queue == queue && $0.kind == kind && $0.problem == problem
        }
        if let known { return report.findings[known].jobs += 1 }
        report.findings.append(
            BacklogReport.Finding(
                queue: queue, kind: kind, problem: problem, jobs: 1, example: id))
    }
}
