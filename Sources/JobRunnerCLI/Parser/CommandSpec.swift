/// One command: its words, what it understands and what it does.
///
/// A group (`jobs`) has subcommands and no `run`. What the root declares in `options` is understood
/// by every command below it.
struct CommandSpec: Sendable {
    var name: String
    var aliases: [String]
    /// One sentence.
    var abstract: String
    /// Paragraphs for the command's own help.
    var discussion: String
    var options: [any AnyOption]
    var arguments: [any AnyArgument]
    var subcommands: [CommandSpec]
    var run: (@Sendable (Invocation) async throws -> ExitCode)?

    init(
        name: String, aliases: [String] = [], abstract: String, discussion: String = "",
        options: [any AnyOption] = [], arguments: [any AnyArgument] = [],
        subcommands: [CommandSpec] = [],
        run: (@Sendable (Invocation) async throws -> ExitCode)? = nil
    ) {
        self.name = name
        self.aliases = aliases
        self.abstract = abstract
        self.discussion = discussion
        self.options = options
        self.arguments = arguments
        self.subcommands = subcommands
        self.run = run
    }

    /// The subcommand of that name or alias.
    func subcommand(_ word: String) -> CommandSpec? {
        subcommands.first { $0.name == word || $0.aliases.contains(word) }
    }

    /// This command and all below it, each with the names that lead to it, this one's left out.
    func tree(from path: [String] = []) -> [(path: [String], command: CommandSpec)] {
        [(path, self)] + subcommands.flatMap { $0.tree(from: path + [$0.name]) }
    }
}

/// What every tree understands without declaring it.
enum BuiltIn {
    static let envFile = Option(
        "env-file", env: nil, default: nil, placeholder: "PATH",
        help: "Read variables from this file; the real environment wins.", read: .path)
    static let help = Flag("help", short: "h", env: nil, help: "Show help.")
    static let version = Flag("version", env: nil, help: "Show the version.")

    static let options: [any AnyOption] = [envFile, help, version]
}
