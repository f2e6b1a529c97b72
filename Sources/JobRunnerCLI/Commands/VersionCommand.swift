internal import JobRunner

/// `jobrunner version`: the same line as `--version`.
enum VersionCommand {
    static let spec = CommandSpec(name: "version", abstract: "Show the version.") { invocation in
        invocation.console.print("\(invocation.executable) \(JobRunner.version)")
        return .success
    }
}
