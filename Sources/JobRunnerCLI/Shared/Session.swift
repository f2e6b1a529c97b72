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
        configure(&options)
        do {
            let url = try RedisURL(invocation[GlobalOptions.redisURL])
            let client = try JobClient(url, options: options)
            let info = try await reach(client, patience: invocation[GlobalOptions.patience])
            return Session(client: client, url: url, info: try info.requireSupported())
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func reach(_ client: JobClient, patience: Duration) async throws -> ServerInfo {
        let deadline = ContinuousClock.now + patience
        var backoff = Backoff()
        var random = SystemRandomNumberGenerator()
        var hasSaid = false
        while true {
            let error: RedisError
            do throws(RedisError) {
                return try await client.serverInfo(timeout: .seconds(2))
            } catch let caught {
                error = caught
            }
            guard error.isTransient, ContinuousClock.now < deadline else { throw error }
            if !hasSaid {
                let span = DurationText.format(patience)
                SystemFile.write("\(error); trying again for \(span)\n", to: 2)
                hasSaid = true
            }
            try await Task.sleep(for: .nanoseconds(backoff.next(using: &random)))
        }
    }
}
