internal import JobRunner

/// What `jobrunner enqueue` asks for beside a place in time: a rank, a tenant, a unique key.
struct EnqueueTerms: Sendable {
    static let priority = Option(
        "priority", env: "JOBRUNNER_ENQUEUE_PRIORITY", default: 0, placeholder: "N",
        help: "0 to 9: jobs of a higher one are fetched first.", read: .int(0...9))
    static let front = Flag(
        "front", env: "JOBRUNNER_ENQUEUE_FRONT",
        help: "Put it before those that wait without a priority or a tenant.")
    static let tenant = Option(
        "tenant", env: "JOBRUNNER_ENQUEUE_TENANT", default: nil, placeholder: "NAME",
        help: "Whose it is: tenants take turns, so one's many do not hold up another's few.",
        read: .name)
    static let unique = Option(
        "unique", env: "JOBRUNNER_ENQUEUE_UNIQUE", default: nil, placeholder: "KEY",
        bareValue: "",
        help: "Only when no job of this name holds the same key; without KEY the arguments are it.",
        read: .text(allowEmpty: true))
    static let until = Option(
        "unique-until", env: "JOBRUNNER_ENQUEUE_UNIQUE_UNTIL", default: Unique.End.done,
        placeholder: "WHEN",
        help: "Hold the key until it starts, is done, for a time, or only while it runs: start, "
            + "done, time or running.",
        read: ValueReader<Unique.End>.choice())
    static let lifetime = Option(
        "unique-for", env: "JOBRUNNER_ENQUEUE_UNIQUE_FOR", default: .seconds(86_400),
        placeholder: "DURATION", help: "Hold the key no longer than this after it is due.",
        read: .duration(.milliseconds(1)...StartTime.longest))
    static let conflict = Option(
        "on-conflict", env: "JOBRUNNER_ENQUEUE_ON_CONFLICT", default: Unique.Conflict.keep,
        placeholder: "WHAT",
        help: "When the key is held: keep the other job, reject this one with exit code 1, or "
            + "replace the other.",
        read: ValueReader<Unique.Conflict>.choice())
    static let debounce = Option(
        "debounce", env: "JOBRUNNER_ENQUEUE_DEBOUNCE", default: nil, placeholder: "DURATION",
        help: "Start after this time in which no other of the same key came; the last one stays.",
        read: .duration(.milliseconds(1) ... .seconds(86_400)))
    static let throttle = Option(
        "throttle", env: "JOBRUNNER_ENQUEUE_THROTTLE", default: nil, placeholder: "DURATION",
        help: "At most one of the same key in this time; others are not enqueued.",
        read: .duration(.milliseconds(1)...StartTime.longest))

    static let options: [any AnyOption] = [
        priority, front, tenant, unique, until, lifetime, conflict, debounce, throttle,
    ]

    private let rank: Int
    private let owner: String?
    private let isFront: Bool
    private let key: Unique?

    init(_ invocation: Invocation) {
        rank = invocation[Self.priority]
        owner = invocation.optional(Self.tenant)
        isFront = invocation[Self.front]
        key = Self.unique(invocation)
    }

    private static func unique(_ invocation: Invocation) -> Unique? {
        var text = invocation.optional(unique)
        // Of a variable, words that mean yes or no are no keys.
        if invocation.origin(of: unique) != .flag {
            switch text {
            case "true", "1": text = ""
            case "false", "0": text = nil
            default: break
            }
        }
        let key = text.flatMap { $0.isEmpty ? nil : Unique.Key.key($0) } ?? .arguments
        if let time = invocation.optional(debounce) { return .debounce(for: time, key: key) }
        if let time = invocation.optional(throttle) {
            var throttled = Unique.throttle(for: time, key: key)
            throttled.onConflict = invocation[conflict]
            return throttled
        }
        guard text != nil else { return nil }
        return Unique(
            by: key, until: invocation[until], for: invocation[lifetime],
            onConflict: invocation[conflict])
    }

    /// The job with all that is asked for it.
    ///
    /// - Parameter writer: Its arguments checked.
    func draft(
        _ writer: EnvelopeWriter, hasOwnID: Bool, maxBytes: Int
    ) throws(EnvelopeError) -> Draft {
        var writer = writer
        writer.priority = rank
        writer.tenant = owner
        // The bounds of its times are those of the options, and it names no argument.
        writer.unique = try? key?.lock(job: writer.job, arguments: writer.arguments)
        let terms = Terms(writer, key, isFront: isFront)
        return try Draft(writer, hasOwnID: hasOwnID, terms: terms, maxBytes: maxBytes)
    }

    // MARK: Combinations

    /// - Throws: `CommandFailure` for what means nothing together.
    static func check(_ invocation: Invocation, help: String) throws(CommandFailure) {
        func isGiven(_ option: some AnyOption) -> Bool {
            invocation.origin(of: option) != .default
        }
        func isTyped(_ option: some AnyOption) -> Bool { invocation.origin(of: option) == .flag }
        let isMany = invocation.optional(EnqueueCommand.ndjson) != nil
        if isMany, invocation.optional(EnqueueCommand.name) == nil {
            let typed = options.first { isTyped($0) }
            if let label = typed?.info.name {
                throw CommandFailure(
                    "\(label) needs a <name>: lines that are whole jobs have their own", hint: help)
            }
        }
        let isLater = isGiven(EnqueueCommand.delay) || isGiven(EnqueueCommand.time)
        let excluded: [(any AnyOption, any AnyOption, Bool)] = [
            (front, EnqueueCommand.ndjson, isMany),
            (front, debounce, isGiven(debounce)), (debounce, throttle, isGiven(throttle)),
            (front, priority, isGiven(priority) && invocation[priority] > 0),
            (front, tenant, isGiven(tenant)),
            (throttle, conflict, isTyped(conflict) && invocation[conflict] == .replace),
            (debounce, until, isTyped(until)), (debounce, lifetime, isTyped(lifetime)),
            (debounce, conflict, isTyped(conflict)), (throttle, until, isTyped(until)),
            (throttle, lifetime, isTyped(lifetime)),
        ]
        for (one, other, isThere) in excluded where isThere && isSet(one, invocation) {
            throw CommandFailure(
                "\(one.info.name) cannot go with \(other.info.name)", hint: help)
        }
        for one: any AnyOption in [front, debounce] where isLater && isSet(one, invocation) {
            throw CommandFailure("\(one.info.name) cannot go with --in or --at", hint: help)
        }
        let hasKey = isGiven(unique) || isGiven(throttle)
        for one: any AnyOption in [until, lifetime, conflict]
        where isTyped(one) && !hasKey && !isGiven(debounce) {
            throw CommandFailure("\(one.info.name) needs --unique", hint: help)
        }
        if isMany, invocation[conflict] == .reject, hasKey {
            throw CommandFailure("--on-conflict reject cannot go with --ndjson", hint: help)
        }
        if let key = invocation.optional(unique), let first = key.first, "{[@".contains(first),
            !isMany, invocation.optional(EnqueueCommand.json) == nil
        {
            throw CommandFailure(
                "--unique took '\(escaped(key))' as its key, and there are no arguments",
                hint: "Write --unique behind the arguments, or --unique=KEY.")
        }
    }

    /// A flag that is off is not set.
    private static func isSet(_ option: any AnyOption, _ invocation: Invocation) -> Bool {
        option is Flag ? invocation[front] : invocation.origin(of: option) != .default
    }
}
