internal import RedisLink

/// What is kept of how jobs of a kind end.
public enum ResultPolicy: Sendable, Hashable {
    /// Nothing: for jobs that nobody waits for; the least work for the server.
    case ignored
    /// How it ended, and what its handler returned, for so long: 1 s to 30 days.
    case kept(for: Duration)
    /// Only that it did not end well, for so long: 1 s to 30 days. What the handler returns is
    /// dropped, as its worker's code says.
    case onlyErrors(for: Duration)

    /// An hour.
    public static let standard = ResultPolicy.kept(for: .seconds(3600))

    /// How long an outcome is kept; zero for not at all.
    package var duration: Duration {
        switch self {
        case .ignored: .zero
        case .kept(let duration), .onlyErrors(let duration): duration
        }
    }

    /// What a job on the wire says: zero is `ignored`.
    package init(keeping duration: Duration) {
        self = duration == .zero ? .ignored : .kept(for: duration)
    }

    /// That a job is done is stored, where its envelope does not say that nothing is.
    package var keepsDone: Bool {
        if case .onlyErrors = self { false } else { true }
    }

    /// What the handler returns can be waited for.
    package var keepsValues: Bool { keepsDone && self != .ignored }

    /// - Throws: `JobRunnerError.invalid` for a time out of bounds.
    package func check(of job: String) throws(JobRunnerError) {
        if case .ignored = self { return }
        let bounds = Duration.seconds(1)...Duration.seconds(30 * 86_400)
        guard !bounds.contains(duration) else { return }
        throw .invalid(
            "results of '\(printable(job))' must be kept for 1 s to 30 days, got \(duration); "
                + "'ignored' keeps none")
    }
}
