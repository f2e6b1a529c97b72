import JobRunner

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Starts a thread that a command cannot do without.
///
/// When the system gives none, that is said and the process ends with 70: what a worker held is
/// given back by another after the visibility timeout.
func startCommandThread(_ name: String, _ body: @escaping @Sendable () -> Void) {
    do { try startThread(name, body) } catch {
        SystemFile.write("jobrunner: error: \(error)\n", to: 2)
        exit(ExitCode.internal.rawValue)
    }
}
