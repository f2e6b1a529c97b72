public import JobRunner

/// An executable that has jobs: declares its handlers and gets every command for free.
///
///     @main struct App: JobRunnerApp {
///         func register(on worker: inout WorkerBuilder) async throws {
///             worker.handle(WelcomeEmail.self) { job, context in … }
///         }
///     }
///
/// `myapp work` then runs them; `jobrunner work --app PATH` executes it in place.
public protocol JobRunnerApp: Sendable {
    /// Called once, before a command runs.
    init()

    /// Registers the handlers; called by the commands that need them.
    ///
    /// - Throws: Anything; the command ends with its text and exit code 78.
    func register(on worker: inout WorkerBuilder) async throws
}

extension JobRunnerApp {
    /// Runs the command line and ends the process with its exit code.
    ///
    /// Concurrent, so that `@main` accepts it in modules with and without SE-0461.
    @concurrent public static func main() async {
        let app = Self()
        await CommandTree.main(isApp: true) { try await app.register(on: &$0) }
    }
}

/// `jobrunner` itself: all commands, and no handlers of its own.
public enum JobRunnerTool {
    /// Runs the command line and ends the process with its exit code.
    public static func main() async {
        await CommandTree.main(isApp: false) { _ in }
    }
}
