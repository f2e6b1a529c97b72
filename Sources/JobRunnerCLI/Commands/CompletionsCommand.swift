/// `jobrunner completions`: what a shell needs to complete command lines.
enum CompletionsCommand {
    enum Shell: String, CaseIterable, Sendable {
        case bash, zsh, fish
    }

    static let shell = Argument(
        "shell", help: "bash, zsh or fish.", read: ValueReader<Shell>.choice())

    /// - Parameter root: The whole tree, which this command is part of.
    static func spec(of root: @escaping @Sendable () -> CommandSpec) -> CommandSpec {
        CommandSpec(
            name: "completions", abstract: "Print the completion script of a shell.",
            discussion: """
                For bash: add 'source <(jobrunner completions bash)' to ~/.bashrc. For zsh: the \
                same in ~/.zshrc, after compinit. For fish: save it as \
                ~/.config/fish/completions/jobrunner.fish.
                """,
            arguments: [shell]
        ) { invocation in
            let executable = invocation.executable
            let script =
                switch invocation[shell] {
                case .bash: BashCompletion.script(root(), executable: executable)
                case .zsh: ZshCompletion.script(root(), executable: executable)
                case .fish: FishCompletion.script(root(), executable: executable)
                }
            invocation.console.write(script, 1)
            return .success
        }
    }
}
