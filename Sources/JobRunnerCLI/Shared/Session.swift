internal import JobRunner

/// A command's way to Redis: the client, and how long to try.
struct Session {
    let client: JobClient
    let url: RedisURL
    let info: ServerInfo

    /// Connects and looks at the server, with the patience the options ask for.
    ///
    /// Says once, on standard error, that it is trying again.
    ///
    /// - Throws: `CommandFailure`.
    static func open(
        _ invocation: Invocation, configure: (inout ClientOptions) -> Void = { _ in }
    ) async throws -> Session {
        var options = ClientOptions()
        options.prefix = invocation[GlobalOptions.prefix]
        let console = invocation.console
        options.onEvent = { console.note($0.description) }
        configure(&options)
        do {
            let url = try RedisURL(invocation[GlobalOptions.redisURL])
            let client = try JobClient(url, options: options)
            let info = try await reach(
                client, patience: invocation[GlobalOptions.patience], console: invocation.console)
            return Session(client: client, url: url, info: try info.requireSupported())
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Asks the server about itself until it answers.
    ///
    /// - Parameters:
    ///   - patience: Nil is for ever.
    ///   - console: Told once that it is trying again; nil is silent.
    /// - Throws: `RedisError`.
    static func reach(_ client: JobClient, patience: Duration?, console: Console?) async throws
        -> ServerInfo
    {
        let deadline = patience.map { ContinuousClock.now + $0 }
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        var console = console
        while true {
            let error: RedisError
            do throws(RedisError) {
                return try await client.serverInfo(timeout: .seconds(2))
            } catch let caught {
                error = caught
            }
            let isOver = deadline.map { ContinuousClock.now >= $0 } ?? false
            guard error.isTransient, !isOver else { throw error }
            if let said = console, let patience {
                let span = DurationText.format(patience)
                said.note("\(error); trying again for \(span)")
                console = nil
            }
            try await Task.sleep(for: .nanoseconds(backoff.next(using: &random)))
        }
    }
}
