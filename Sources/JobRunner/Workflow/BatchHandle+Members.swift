internal import RedisLink

/// Jobs of an open group: enqueued first, and waited for after that.
///
/// What is enqueued and not waited for when its adder dies runs beside the group; the other way
/// round the group would wait for what is not there. The group cannot end in between: its adder, or
/// its open end, is waited for.
extension BatchHandle {
    private static let page = 500

    /// - Parameter next: The next job, and its number where the group is numbered.
    func add(_ next: () throws -> (job: FlowJob, number: Int?)?) async throws {
        try await enlist([])
        // What starts at its end is in its home queue.
        let isLocal = try await client.resending(store.isLocal(), id, queue: queue)
        var drafts: [Draft] = []
        var members: [String] = []
        while let (job, number) = try next() {
            let name = number.map(String.init) ?? JobID.generate(now: Self.now).description
            let step = "0:\(name)" + (job.options.queue == queue ? "" : "@\(job.options.queue)")
            drafts.append(
                try FlowOpening.draft(
                    job,
                    FlowPlace(
                        queue: queue, id: id, step: step,
                        isLocal: isLocal && job.options.queue == queue),
                    maxBytes: client.options.maxJobBytes))
            members.append(step)
            if drafts.count == Self.page {
                try await send(drafts, members)
                drafts.removeAll(keepingCapacity: true)
                members.removeAll(keepingCapacity: true)
            }
        }
        if !drafts.isEmpty { try await send(drafts, members) }
    }

    private static var now: Int64 { Int64(WallClock.milliseconds()) }

    private func send(_ drafts: [Draft], _ members: [String]) async throws {
        for answer in await client.enqueueEach(drafts) {
            if try answer.get() == .full { throw client.full(drafts[0].queue) }
        }
        try await enlist(members)
    }

    private func enlist(_ members: [String]) async throws {
        let call = store.enlist(0, members)
        guard try await client.resending(call, id, queue: queue) != nil else {
            throw JobRunnerError.invalid(
                "batch \(description) has ended, was cancelled, or is not known (any more)")
        }
    }

    /// - Parameter count: How many members a numbered group has.
    func seal(count: Int?) async throws {
        let payload = count.map { Array("\($0)".utf8) }
        let call = store.advance("0:open", "d", payload)
        guard let answer = try await client.resending(call, id, queue: queue) else {
            throw JobRunnerError.unknownOrExpired(handle: description, after: .zero)
        }
        for (_, job) in answer.starts {
            let call = QueueStore(client.keys.queue(job.queue)).followUp(job)
            _ = try await client.resending(call, job.id, queue: job.queue)
        }
    }

    /// How far it is.
    ///
    /// - Throws: `unknownOrExpired`, or `redis`.
    public func counts() async throws -> BatchCounts {
        let pipeline = Pipeline(router: client.router)
        do throws(RedisError) {
            let replies = try await pipeline.replies(to: [
                Pipeline.Read(key: store.flow, command: Command("EXISTS", store.flow)),
                Pipeline.Read(key: store.flow, command: Command("SCARD", store.wait("0"))),
                Pipeline.Read(key: store.flow, command: Command("SCARD", store.failed("0"))),
                Pipeline.Read(key: store.flow, command: Command("SCARD", store.done("0"))),
                Pipeline.Read(
                    key: store.flow, command: Command("SISMEMBER", store.wait("0"), "0:open")),
            ])
            let numbers = try replies.map { (value) throws(RedisError) in
                try value.orThrow().integer ?? 0
            }
            guard numbers[0] == 1 else { throw RedisError.stopped }
            var counts = BatchCounts()
            counts.isOpen = numbers[4] == 1
            counts.waiting = numbers[1] - numbers[4]
            counts.failed = numbers[2]
            // One entry is of no member.
            counts.done = max(0, numbers[3] - 1)
            return counts
        } catch {
            if case .stopped = error {
                throw JobRunnerError.unknownOrExpired(handle: description, after: .zero)
            }
            throw JobRunnerError.redis(error)
        }
    }
}

extension JobContext {
    /// The batch that this job is part of: it may add to it, whether that is sealed or not.
    ///
    /// A run that is repeated adds again: let what it adds be repeatable as well.
    public var batch: BatchHandle? {
        guard let flow, flow.step.contains(":") else { return nil }
        return BatchHandle(id: flow.id, queue: flow.queue, client: client)
    }
}
