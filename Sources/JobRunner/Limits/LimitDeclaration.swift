internal import FoundationEssentials
internal import RedisLink

/// What the code of workers says of a limit, for one kind of jobs that it has.
///
/// Workers leave it in `limits` when they start, under `<limit>/<job>`: so several programs whose
/// jobs share a limit do not write over each other, and who lists limits need not search for keys.
package struct LimitDeclaration: Sendable, Hashable {
    package let limit: String
    package let job: String
    package var rate: RateLimit?
    package var slots: ConcurrencyLimit?

    /// What stands under the field.
    private struct Text: Codable {
        /// As `RateLimit` is written: `10/s burst 20`.
        var rate: String?
        /// Tokens a job; 1 unless it says.
        var cost: Int?
        /// The argument by whose value starts are counted.
        var rateBy: String?
        var slots: Int?
        /// The argument by whose value those that run are counted.
        var slotsBy: String?
    }

    init(limit: String, job: String) {
        self.limit = limit
        self.job = job
    }

    /// Reads a field of `limits` and its value; nil for what is none of ours.
    init?(field: String, json: [UInt8]) {
        let parts = field.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 128 }),
            let text = try? JSONDecoder().decode(Text.self, from: Data(json))
        else { return nil }
        self.init(limit: parts[0], job: parts[1])
        if let written = text.rate {
            guard var rate = try? RateLimit(written) else { return nil }
            rate.cost = max(1, text.cost ?? 1)
            rate.argument = text.rateBy
            self.rate = rate
        }
        if let most = text.slots { slots = ConcurrencyLimit(most, by: text.slotsBy) }
        guard rate != nil || slots != nil else { return nil }
    }

    /// The field it stands under.
    var field: String { "\(limit)/\(job)" }

    /// What stands there.
    var json: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = Text(
            rate: rate?.description, cost: rate.flatMap { $0.cost > 1 ? $0.cost : nil },
            rateBy: rate?.argument, slots: slots?.most, slotsBy: slots?.argument)
        return (try? encoder.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
    }

    /// The limits that some handlers have, by limit and job.
    ///
    /// - Parameter host: Of the worker: limits of a host are named after it.
    static func all(of handlers: [String: Handler], host: String) -> [LimitDeclaration] {
        var found: [String: LimitDeclaration] = [:]
        for (job, handler) in handlers {
            if let rate = handler.options.rateLimit {
                var name = rate.name ?? handler.name
                if rate.scope == .host { name += "@" + host }
                let new = LimitDeclaration(limit: name, job: job)
                found[new.field, default: new].rate = rate
            }
            if let slots = handler.options.concurrencyLimit {
                let new = LimitDeclaration(limit: slots.name ?? handler.name, job: job)
                found[new.field, default: new].slots = slots
            }
        }
        return found.values.sorted { ($0.limit, $0.job) < ($1.limit, $1.job) }
    }

    /// The command that leaves them there; nil for none.
    static func note(_ declarations: [LimitDeclaration], _ keys: Keys) -> Command? {
        guard !declarations.isEmpty else { return nil }
        return Command(["HSET", keys.limits] + declarations.flatMap { [$0.field, $0.json] })
    }
}
