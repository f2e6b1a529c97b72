/// The environment of every program: an allow-list, never the worker's own.
///
/// The worker's has the Redis URL and every secret of the app in it.
struct ProgramEnvironment: Sendable {
    /// What a program may need to find its tools, its home and its language.
    static let allowed = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"]

    private let variables: [String: String]

    /// - Parameters:
    ///   - environment: The worker's environment, or what stands for it.
    ///   - names: Further names to pass on; those not set are left out.
    init(_ environment: [String: String], passing names: [String]) {
        let passed = Set(Self.allowed + names)
        variables = environment.filter { passed.contains($0.key) }
    }

    /// `NAME=value` for `exec`; what `job` says wins over the worker's.
    func entries(adding job: [String: String]) -> [String] {
        variables.merging(job) { $1 }.map { "\($0.key)=\($0.value)" }
    }
}
