internal import RedisLink

/// One limit while it is read: which commands, and what their replies say.
struct LimitReading: Sendable {
    let name: String
    let declarations: [LimitDeclaration]
    private let keys: LimitKeys
    private let now: Int
    /// What an operator set, with the burst and spacing that are in force then.
    private(set) var setRate: RateLimit?
    private(set) var setSlots: Int?
    /// Nothing starts until then, server ms; nil when that is not to come.
    private(set) var closed: Int?
    private var running: Int?

    /// - Parameter now: Server ms.
    init(_ name: String, _ declarations: [LimitDeclaration], _ keys: Keys, now: Int) {
        self.name = name
        self.declarations = declarations
        self.keys = keys.limit(name)
        self.now = now
    }

    /// All that workers have left, by name; what is not ours is left out.
    static func all(_ reply: RedisValue, _ keys: Keys, now: Int) -> [LimitReading] {
        let fields = reply.array ?? []
        var found: [String: [LimitDeclaration]] = [:]
        for index in stride(from: 0, to: fields.count - 1, by: 2) {
            guard let field = fields[index].text, let json = fields[index + 1].bytes,
                let declaration = LimitDeclaration(field: field, json: json)
            else { continue }
            found[declaration.limit, default: []].append(declaration)
        }
        return found.keys.sorted().map { name in
            let declarations = (found[name] ?? []).sorted { $0.job < $1.job }
            return LimitReading(name, declarations, keys, now: now)
        }
    }

    /// Two.
    var reads: [Pipeline.Read] {
        [
            Pipeline.Read("HMGET", keys.rule, "rate", "slots", "closed"),
            Pipeline.Read("ZCOUNT", keys.running("all"), "(\(now)", "+inf"),
        ]
    }

    mutating func take(_ replies: ArraySlice<RedisValue>) {
        guard let rule = replies.first?.array, rule.count == 3 else { return }
        setRate = rule[0].text.flatMap { try? RateLimit($0) }
        setSlots = rule[1].integer
        closed = rule[2].integer.flatMap { $0 > now ? $0 : nil }
        let slots = declarations.compactMap(\.slots)
        let isCounted = !slots.isEmpty && slots.allSatisfy { $0.argument == nil }
        running = isCounted ? replies.last?.integer : nil
    }

    var stats: LimitStats {
        let rates = Set(declarations.compactMap { $0.rate?.description }).sorted()
        return LimitStats(
            name: name, jobs: declarations.map(\.job),
            codeRate: rates.isEmpty ? nil : rates.joined(separator: ", "),
            codeSlots: declarations.compactMap { $0.slots?.most }.min(),
            setRate: setRate?.description, setSlots: setSlots,
            closedUntil: closed.map { StatsReader.date($0) }, running: running)
    }

    /// The rate in force for a kind of jobs; nil when it has none.
    func rate(of declaration: LimitDeclaration) -> RateLimit? {
        guard let code = declaration.rate else { return nil }
        guard var rate = setRate else { return code }
        rate.cost = code.cost
        rate.argument = code.argument
        return rate
    }
}
