package import RedisLink

/// One command to the store: where it goes, what it says, how its reply is read.
package struct Call<Reply: Sendable>: Sendable {
    /// Any of its keys: they share a slot, so it decides the connection.
    package let key: String
    package let command: Command
    package let read: @Sendable (RedisValue) throws(RedisError) -> Reply

    /// Reads a reply, error replies included.
    package func reply(from value: RedisValue) throws(RedisError) -> Reply {
        try read(try value.orThrow())
    }

    func unexpected(_ value: RedisValue) -> RedisError {
        .unexpectedReply(command: command.name, got: value.kind)
    }
}

extension Connection {
    /// Sends a call and waits for its reply.
    package func send<Reply>(_ call: Call<Reply>, timeout: Duration? = nil)
        async throws(RedisError) -> Reply
    {
        try call.reply(from: try await send(call.command, timeout: timeout))
    }

    /// Queues a call; `completion` runs on the connection's thread, exactly once.
    package func submit<Reply>(
        _ call: Call<Reply>, timeout: Duration? = nil,
        completion: @escaping @Sendable (Result<Reply, RedisError>) -> Void
    ) {
        submit(call.command, timeout: timeout) { result in
            completion(
                result.flatMap { value in
                    do throws(RedisError) {
                        return .success(try call.reply(from: value))
                    } catch {
                        return .failure(error)
                    }
                })
        }
    }
}
