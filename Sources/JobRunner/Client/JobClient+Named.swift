public import FoundationEssentials

extension JobClient {
    /// Enqueues a job whose name and arguments are known only at run time.
    ///
    /// - Parameters:
    ///   - arguments: Any JSON value; checked before it is sent.
    ///   - options: Of the job: where it goes and how it is kept.
    ///   - reply: Where its outcome is sent as a job.
    public func enqueue(
        name: String, arguments: String = "{}", options: JobOptions = JobOptions(),
        at time: Date? = nil, in delay: Duration? = nil, id: String? = nil, front: Bool = false,
        tenant: String? = nil, replyTo reply: ReplyAddress? = nil
    ) async throws -> JobHandle<JSONValue> {
        let due = try Due(at: time, in: delay, debounce: options.unique?.debounce)
        let draft = try Draft(
            name: name, checking: Array(arguments.utf8), options: options, id: id, due: due,
            isFront: front, tenant: tenant, ties: Ties(reply: reply),
            maxBytes: self.options.maxJobBytes)
        return try await enqueue(draft, due: due)
    }
}
