public import FoundationEssentials

/// A rate or concurrency limit that the code of workers has.
public struct LimitStats: Sendable {
    /// Its name; that of a job when it is one job's own.
    public var name: String
    /// The kinds of jobs under it, by name.
    public var jobs: [String]
    /// How many may start in a time, as the code says: `10/s burst 20`; several where it differs.
    public var codeRate: String?
    /// How many may run at once, as the code says.
    public var codeSlots: Int?
    /// What an operator set instead.
    public var setRate: String?
    /// What an operator set instead.
    public var setSlots: Int?
    /// Nothing starts until then, by the server's clock.
    public var closedUntil: Date?
    /// How many run under it; nil where they are counted by an argument, or not at all.
    public var running: Int?

    /// How many may start in a time; nil is as many as wanted.
    public var rate: String? { setRate ?? codeRate }
    /// How many may run at once; nil is as many as wanted.
    public var slots: Int? { setSlots ?? codeSlots }
}
