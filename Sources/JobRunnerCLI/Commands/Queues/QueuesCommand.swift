internal import JobRunner

/// `jobrunner queues`: looks at queues, pauses, limits and empties them.
enum QueuesCommand {
    static let queue = Argument("queue", help: "Which queue.", read: .name)
    static let queues = Argument("queue", help: "Which queues.", repeats: true, read: .name)

    static let spec = CommandSpec(
        name: "queues", aliases: ["q"], abstract: "Look at queues, pause, limit and empty them.",
        subcommands: [
            QueuesList.list, QueuesList.show, QueuesPause.pause, QueuesPause.resume,
            QueuesPurge.spec, QueuesLimit.spec,
        ])

    /// Reads queues that must have been used: a name with a slip of the finger is told, not made.
    ///
    /// - Throws: `CommandFailure`.
    static func check(_ names: [String], _ client: JobClient) async throws {
        for name in names where try await !client.isKnown(queue: name) {
            throw UnknownName.failure(
                "queue", name, among: try await client.queueNames(), list: "queues list")
        }
    }

    /// What a library call says of a text of the command line: that is usage, not data.
    ///
    /// - Throws: `CommandFailure`, or what `body` throws otherwise.
    static func reading<Value>(_ body: () throws(JobRunnerError) -> Value) throws(CommandFailure)
        -> Value
    {
        do { return try body() } catch {
            throw CommandFailure(error.description)
        }
    }
}
