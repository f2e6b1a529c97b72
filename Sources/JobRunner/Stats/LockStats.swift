public import FoundationEssentials

/// A lock between runs, by the word of the worker whose run holds it; at most a second old.
public struct LockStats: Sendable {
    /// What `withLock` was given.
    public var name: String
    /// The worker's id.
    public var worker: String
    /// The name of the job whose run holds it.
    public var job: String
    /// That job's id.
    public var id: String
    /// Where that job came from.
    public var queue: String
    /// When it was taken, by the worker's clock.
    public var since: Date
    /// How long ago that is.
    public var age: Duration

    package init(
        name: String, worker: String, job: String, id: String, queue: String, since: Date,
        age: Duration
    ) {
        self.name = name
        self.worker = worker
        self.job = job
        self.id = id
        self.queue = queue
        self.since = since
        self.age = age
    }
}
