internal import RedisLink

/// Gives jobs that a limit had put off the times that it has for them now.
///
/// Tasks:
/// 1. forget what was reserved: new jobs do not queue up behind the old rate;
/// 2. page through what is scheduled, by due time;
/// 3. move the jobs that this limit put off, in calls of 200.
struct LimitRespacer {
    /// Jobs moved, and looked at, at most: a million takes some seconds.
    static let mostMoved = 100_000
    static let mostLooked = 1_000_000
    /// Jobs a page: they may be 64 KiB each.
    private static let page = 200

    let client: JobClient
    let limit: LimitReading

    /// What is decided of jobs, as it goes.
    private struct Plan {
        var spacing: Respacing
        var moved = 0
        var looked = 0
        let rates: [String: RateLimit]
        /// As lenient as a worker may be.
        private let limits = Envelope.Limits(maxBytes: 1 << 20)

        init(_ rates: [String: RateLimit], spacing: Respacing) {
            self.rates = rates
            self.spacing = spacing
        }

        /// The jobs of a page to be moved, and when to.
        mutating func moves(_ jobs: [(job: [UInt8], due: Int)]) -> [(index: Int, time: Int)] {
            var moves: [(index: Int, time: Int)] = []
            for (index, (job, due)) in jobs.enumerated() {
                looked += 1
                guard let envelope = try? Envelope(job, limits: limits),
                    envelope.state.reserved > 0,
                    let rate = rates[envelope.job]
                else { continue }
                let value = envelope.value(countedBy: rate.argument)
                if let time = spacing.time(of: value, rate, due: due) {
                    moves.append((index, time))
                }
            }
            return moves
        }
    }

    /// - Returns: How many were given an earlier time.
    func run() async throws(RedisError) -> Int {
        var rates: [String: RateLimit] = [:]
        for declaration in limit.declarations {
            if let rate = limit.rate(of: declaration) { rates[declaration.job] = rate }
        }
        guard !rates.isEmpty else { return 0 }
        try await forgetReserved(isOneValue: rates.values.allSatisfy { $0.argument == nil })
        let now = try await client.serverTime()
        var plan = Plan(rates, spacing: Respacing(now: now, closed: limit.closed))
        for queue in try await client.queueNames() {
            try await move(QueueStore(client.keys.queue(queue)), &plan)
        }
        return plan.moved
    }

    private func forgetReserved(isOneValue: Bool) async throws(RedisError) {
        let keys = client.keys.limit(limit.name)
        var found = [keys.tokens(WorkerEngine.allValues)]
        if !isOneValue {
            let scan = KeyScan(client: client, pattern: keys.tokens("*"), type: "hash")
            found = try await scan.all()
        }
        let reads = found.map { Pipeline.Read("HDEL", $0, "reserved") }
        _ = try await Pipeline(router: client.router).replies(to: reads)
    }

    /// By due time and not by rank: workers take from the front meanwhile, and what is moved comes
    /// to stand before what was looked at.
    private func move(_ store: QueueStore, _ plan: inout Plan) async throws(RedisError) {
        var from = 0
        var seen = 0
        while plan.moved < Self.mostMoved, plan.looked < Self.mostLooked {
            let call = store.scheduled(from: from, skipping: seen, limit: Self.page)
            let page = try await client.send(call)
            guard let last = page.last else { return }
            let moves = plan.moves(page)
            if !moves.isEmpty {
                let jobs = moves.map { (job: page[$0.index].job, due: $0.time) }
                plan.moved += try await client.send(store.reschedule(jobs))
            }
            let ofLast =
                page.count { $0.due == last.due }
                - moves.count { page[$0.index].due == last.due }
            seen = last.due > from ? ofLast : seen + ofLast
            from = last.due
            if page.count < Self.page { return }
        }
    }
}

extension QueueStore {
    /// A page of what is scheduled, by due time, server ms.
    ///
    /// - Parameters:
    ///   - time: From then on.
    ///   - skipping: So many of the first.
    func scheduled(from time: Int, skipping: Int, limit: Int)
        -> Call<[(job: [UInt8], due: Int)]>
    {
        Call(
            key: keys.ready,
            command: Command(
                "ZRANGE", keys.scheduled, "\(time)", "+inf", "BYSCORE", "LIMIT", "\(skipping)",
                "\(limit)", "WITHSCORES")
        ) { Self.timed($0.array ?? []) }
    }
}

extension Envelope {
    /// By what a limit counts a job: a name of its own for any value of an argument.
    func value(countedBy argument: String?) -> String {
        guard let argument else { return WorkerEngine.allValues }
        let text = withArguments { arguments in
            JSONArgument.text(
                of: argument, in: arguments.assumingMemoryBound(to: UInt8.self))
        }
        guard let text else { return WorkerEngine.noValue }
        let name = String(decoding: text, as: UTF8.self)
        return (try? NameError.check(name, as: .limit)) ?? sha1Hex(text)
    }
}
