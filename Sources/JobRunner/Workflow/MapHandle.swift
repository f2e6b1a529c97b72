internal import FoundationEssentials
internal import RedisLink

/// Jobs that were made from items: where to find their results.
public struct MapHandle<Element: Codable & Sendable>: Sendable, CustomStringConvertible {
    let workflow: WorkflowHandle<[Element]>

    /// 1 to 30 of `A-Z a-z 0-9 . _ -`.
    public var id: String { workflow.id }
    /// Its home queue.
    public var queue: String { workflow.queue }
    /// `queue/id`: what the command line takes.
    public var description: String { workflow.description }

    /// Waits until all have ended, and returns the results in order.
    ///
    /// - Throws: As `WorkflowHandle.value`; `undecodable` when there are over 10,000, or over 8 MiB
    ///   of them: `results` reads those.
    public func value(timeout: Duration = .seconds(30)) async throws -> [Element] {
        try await workflow.value(timeout: timeout)
    }

    /// Waits until all have ended, whatever became of them.
    ///
    /// - Throws: `timedOut`, `failed` when it was cancelled, or `redis`.
    @discardableResult
    public func wait(timeout: Duration = .seconds(30)) async throws -> BatchCounts {
        try await batch.wait(timeout: timeout)
    }

    /// How far it is.
    public func counts() async throws -> BatchCounts { try await batch.counts() }

    /// Cancels what waits or runs of it.
    @discardableResult
    public func cancel(reason: String = "cancelled") async throws -> Bool {
        try await workflow.cancel(reason: reason)
    }

    /// The results in order, read 500 at a time: any number of them needs no more memory.
    ///
    /// What has no result is a failure; once all have ended, that is one that failed.
    public func results() -> MapResults<Element> {
        MapResults(store: batch.store, client: workflow.client)
    }

    private var batch: BatchHandle {
        BatchHandle(id: id, queue: queue, client: workflow.client)
    }
}

/// The results of a map, in order.
public struct MapResults<Value: Codable & Sendable>: AsyncSequence, Sendable {
    /// What became of one item.
    public typealias Element = Attempted<Value>

    let store: FlowStore
    let client: JobClient

    /// Starts with the first.
    public func makeAsyncIterator() -> Iterator { Iterator(store: store, client: client) }

    /// Reads 500 at a time.
    public struct Iterator: AsyncIteratorProtocol {
        let store: FlowStore
        let client: JobClient
        private var page: [Attempted<Value>] = []
        private var next = 0
        private var count: Int?

        init(store: FlowStore, client: JobClient) {
            self.store = store
            self.client = client
        }

        /// The next one; nil behind the last.
        ///
        /// - Throws: `unknownOrExpired`, `undecodable`, or `redis`.
        public mutating func next() async throws -> Attempted<Value>? {
            if page.isEmpty { try await read() }
            return page.isEmpty ? nil : page.removeLast()
        }

        private mutating func read() async throws {
            let handle = "\(store.keys.name)/\(store.id)"
            if count == nil {
                let known = try await client.resending(
                    store.values(of: ["0:open"]), store.id, queue: store.keys.name)
                count = known?.first.flatMap { $0 }.flatMap {
                    Int(String(decoding: $0, as: UTF8.self))
                }
            }
            guard let count else {
                throw JobRunnerError.unknownOrExpired(handle: handle, after: .zero)
            }
            let numbers = next..<Swift.min(next + 500, count)
            guard !numbers.isEmpty else { return }
            next = numbers.upperBound
            let steps = numbers.map { "0:\($0)" }
            guard
                let values = try await client.resending(
                    store.values(of: steps), store.id, queue: store.keys.name)
            else { throw JobRunnerError.unknownOrExpired(handle: handle, after: .zero) }
            let states = try await client.resending(
                store.states(of: steps), store.id, queue: store.keys.name)
            // The next one last: it is taken from there.
            page = try zip(values, states).map { value, state in
                try Self.attempted(value, state, handle)
            }.reversed()
        }

        private static func attempted(
            _ value: [UInt8]?, _ state: String?, _ handle: String
        ) throws -> Attempted<Value> {
            let data = Data(value ?? Array("null".utf8))
            do {
                guard state?.first == "d" else {
                    let failure = try? JSONDecoder().decode(WorkflowFailure.self, from: data)
                    return .failure(
                        failure
                            ?? WorkflowFailure(
                                flow: handle, step: "", job: "", state: "waiting", type: "Waiting",
                                message: "it has not ended"))
                }
                if Value.self == NoOutput.self, let none = NoOutput() as? Value {
                    return .value(none)
                }
                return .value(try JSONDecoder().decode(Value.self, from: data))
            } catch {
                throw JobRunnerError.undecodable(handle: handle, reason: decodingReason(error))
            }
        }
    }
}
