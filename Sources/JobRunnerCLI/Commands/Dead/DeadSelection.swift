internal import JobRunner

/// The dead jobs that a command line means, read page by page.
struct DeadSelection: Sendable {
    let client: JobClient
    /// By name.
    private(set) var queues: [String]
    var filter: DeadFilter
    var limit: Int?

    /// Reads the selectors, and finds the jobs that are named.
    ///
    /// - Throws: `CommandFailure` for an id that is unknown (1) or means several jobs (64).
    init(_ invocation: Invocation, _ client: JobClient, ids: [String]) async throws {
        self.client = client
        let named = Set(invocation.all(DeadOptions.queues)).sorted()
        queues = named.isEmpty ? try await client.queueNames() : named
        filter = DeadFilter()
        filter.job = invocation.optional(DeadOptions.job)
        filter.error = invocation.optional(DeadOptions.error)
        limit = invocation.optional(DeadOptions.limit)
        if !ids.isEmpty { filter.handles = try await find(ids) }
    }

    /// Only the jobs of a command that takes nothing but ids.
    init(_ client: JobClient, queues named: [String], ids: [String]) async throws {
        self.client = client
        queues = named.isEmpty ? try await client.queueNames() : Set(named).sorted()
        filter = DeadFilter()
        filter.handles = try await find(ids)
    }

    /// The same of one queue.
    func only(_ queue: String, limit: Int?) -> DeadSelection {
        var copy = self
        copy.queues = [queue]
        copy.limit = limit
        return copy
    }

    /// Gives the selected jobs to `body`, the newest of a queue first, never all at once.
    func forEachPage(_ body: (_ queue: String, [DeadJob]) async throws -> Void) async throws {
        var left = limit ?? .max
        for queue in queues where left > 0 {
            var pages = client.dead(in: queue)
            while left > 0, let page = try await pages.next() {
                let filter = filter
                let jobs = page.filter { filter.matches($0) }.prefix(left)
                left -= jobs.count
                if !jobs.isEmpty { try await body(queue, Array(jobs)) }
            }
        }
    }

    private func find(_ ids: [String]) async throws -> Set<String> {
        var search = DeadSearch(ids)
        for queue in queues {
            var pages = client.dead(in: queue)
            while let page = try await pages.next() {
                for job in page { search.look(at: job) }
            }
        }
        var handles: Set<String> = []
        for id in ids {
            switch search.found(id) {
            case .none: throw CommandFailure("no dead job '\(escaped(id))'", exit: .no)
            case .one(let handle): handles.insert(handle)
            case .several(let candidates):
                let shown = candidates.prefix(5).map { escaped($0, limit: 160) }
                let more = candidates.count > 5 ? ", …" : ""
                throw CommandFailure(
                    "'\(escaped(id))' could be \(shown.joined(separator: ", "))\(more)",
                    hint: "Give more of the id, or queue/id.")
            }
        }
        return handles
    }
}
