internal import RedisLink

extension JobClient {
    /// Looks at queues, their workers and kinds of jobs.
    ///
    /// Costs about 30 small commands a queue and 3 a worker, in pipelines of 512; writes nothing.
    ///
    /// - Parameter queues: Which queues; nil is all that were ever used through a client or a
    ///   worker. A name that nothing ever used is a queue of zeros.
    /// - Throws: `NameError`; `ForeignKey` when the list of queues is not ours;
    ///   `JobRunnerError.redis`. What is wrong with one queue is in its `faults` instead.
    public func stats(queues: [String]? = nil) async throws -> Stats {
        var names: [String]?
        if let queues {
            names = []
            for queue in queues { names?.append(try QueueName(queue).description) }
        }
        do {
            return try await StatsReader(client: self).read(names)
        } catch let error as RedisError {
            throw JobRunnerError.redis(error)
        }
    }
}
