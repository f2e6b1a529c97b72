/// The name of a queue: 1 to 64 of `A-Z a-z 0-9 . _ -`.
package struct QueueName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The name as text.
    package let description: String

    /// The queue of those who name none: `default`.
    package static let `default` = QueueName(unchecked: "default")

    /// Checks a name.
    ///
    /// - Throws: `NameError`: `queue name 'a:b' is not allowed: use 1 to 64 of …`.
    package init(_ text: String) throws(NameError) {
        description = try NameError.check(text, as: .queue)
    }

    init(unchecked text: String) { description = text }

    package static func < (left: QueueName, right: QueueName) -> Bool {
        left.description < right.description
    }
}
