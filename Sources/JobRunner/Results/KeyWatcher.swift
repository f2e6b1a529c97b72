internal import RedisLink

/// Somebody who waits for a key to have a value, or for all its values.
///
/// Called on a connection's thread or on a timer's task, without a lock: must be short.
protocol KeyWatcher: Sendable {
    /// False: the first value ends it. True: each change is told, the newest at least.
    var wantsChanges: Bool { get }
    /// The key has this value; only of those that want changes.
    func saw(_ value: [UInt8])
    /// It is over; called once, unless it was removed before.
    func ended(_ end: WatchEnd)
}

/// Why nobody watches a key any more.
enum WatchEnd: Sendable {
    /// It has a value.
    case value([UInt8])
    /// There was none in time, and a last look did not find one; the error of that look.
    case timeIsUp(RedisError?)
    /// It cannot be read, and waiting does not mend that.
    case failed(RedisError)
    /// The client was closed.
    case stopped
}
