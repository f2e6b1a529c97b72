internal import RedisLink

/// A key that another program uses: it holds another type than ours would.
public struct ForeignKey: Error, Sendable, Hashable, CustomStringConvertible {
    /// The key, as it is.
    public let key: String

    /// One sentence, safe to show.
    public var description: String {
        "key '\(printable(key, limit: 200))' holds another type; it was not made by jobrunner"
    }
}

extension JobClient {
    /// The first key of a queue that is of another program's making: what a WRONGTYPE means, which
    /// does not name it.
    package func foreignKey(in queue: String) async -> ForeignKey? {
        let store = QueueStore(keys.queue(queue))
        for (key, kind) in store.kinds {
            let isOurs = try? await router.connection(for: key).send(store.isAbsentOr(kind, key))
            if isOurs == false { return ForeignKey(key: key) }
        }
        return nil
    }
}
