internal import RedisLink

extension RedisError {
    /// The server answered, and waiting will not change its mind.
    var isRefusal: Bool {
        if case .server(let error) = self { !error.code.isTransient } else { false }
    }
}
