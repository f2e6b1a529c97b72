/// Which dead jobs are meant; what is nil selects nothing.
package struct DeadFilter: Sendable {
    /// The job's name.
    package var job: String?
    /// Part of the reason, or of the type or text of an error before it.
    package var error: String?
    /// `queue/id` of those that were named.
    package var handles: Set<String>?
    /// Only those that were dead then, server ms.
    package var diedUpTo: Int?

    package init() {}

    package func matches(_ dead: DeadJob) -> Bool {
        if let diedUpTo, dead.diedAt > diedUpTo { return false }
        if let handles, !handles.contains(dead.handle) { return false }
        if let job, dead.name != job { return false }
        guard let error else { return true }
        if dead.reason.contains(error) { return true }
        let failures = dead.envelope?.state.errors ?? []
        return failures.contains { $0.type.contains(error) || $0.message.contains(error) }
    }
}

/// Finds the dead jobs that texts name: whole ids and unique beginnings, with their queue or not.
///
/// Keeps ids, never jobs. A whole id wins over beginnings.
package struct DeadSearch: Sendable {
    package enum Found: Sendable, Equatable {
        case none
        /// `queue/id`.
        case one(String)
        /// The first that it could mean, in order.
        case several([String])
    }

    /// Candidates kept of a text: enough to tell that it is ambiguous, and between what.
    private static let mostTold = 6

    private var whole: [String: Set<String>]
    private var beginnings: [String: Set<String>]

    package init(_ texts: [String]) {
        whole = [:]
        beginnings = [:]
        for text in texts {
            whole[text] = []
            beginnings[text] = []
        }
    }

    /// Looks at one dead job; the cost is that of its id, however many texts there are.
    package mutating func look(at dead: DeadJob) {
        let handle = dead.handle
        for name in [dead.id, handle] {
            if whole[name] != nil, whole[name, default: []].count < Self.mostTold {
                whole[name, default: []].insert(handle)
            }
            var beginning = ""
            for character in name {
                beginning.append(character)
                guard let known = beginnings[beginning], known.count < Self.mostTold else {
                    continue
                }
                beginnings[beginning, default: []].insert(handle)
            }
        }
    }

    package func found(_ text: String) -> Found {
        var candidates = whole[text] ?? []
        if candidates.isEmpty { candidates = beginnings[text] ?? [] }
        switch candidates.count {
        case 0: return .none
        case 1: return candidates.first.map { .one($0) } ?? .none
        default: return .several(candidates.sorted())
        }
    }
}
