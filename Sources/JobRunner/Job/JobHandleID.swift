/// Where a job and its result are found: its queue and its id, printed as `queue/id`.
///
/// The queue is part of it, so that a result is found on a cluster without a directory.
package struct JobHandleID: Sendable, Hashable, CustomStringConvertible {
    /// The queue that the job was enqueued to.
    package let queue: QueueName
    /// The job's id.
    package let id: JobID

    /// Puts the two together.
    package init(queue: QueueName, id: JobID) {
        self.queue = queue
        self.id = id
    }

    /// Parses `queue/id`; a text without a slash is taken for an id in `fallback`.
    ///
    /// - Throws: `NameError` for the part that is not allowed.
    package init(_ text: String, fallback: QueueName = .default) throws(NameError) {
        if let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")) {
            queue = try QueueName(String(text[..<slash]))
            id = try JobID(String(text[text.utf8.index(after: slash)...]))
        } else {
            queue = fallback
            id = try JobID(text)
        }
    }

    /// `queue/id`.
    package var description: String { "\(queue)/\(id)" }
}
