/// A key that another program uses: it holds another type than ours would.
public struct ForeignKey: Error, Sendable, Hashable, CustomStringConvertible {
    /// The key, as it is.
    public let key: String

    /// One sentence, safe to show.
    public var description: String {
        "key '\(printable(key, limit: 200))' holds another type; it was not made by jobrunner"
    }
}
