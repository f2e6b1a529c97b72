extension ArgumentScanner {
    /// The command as it is typed: `jobrunner jobs list`.
    var called: String { Self.called(executable, path) }

    static func called(_ executable: String, _ path: [CommandSpec]) -> String {
        ([executable] + path.dropFirst().map(\.name)).joined(separator: " ")
    }

    func failure(_ message: String) -> CommandFailure {
        CommandFailure(message, hint: "See '\(called) --help'.")
    }

    func missingValue(_ option: OptionInfo) -> CommandFailure {
        let expected = option.placeholder.map { " <\($0)>" } ?? ""
        guard let next = rest.first, next != "--" else {
            return failure("option '\(option.name)' needs a value\(expected)")
        }
        return CommandFailure(
            "option '\(option.name)' needs a value\(expected), got '\(escaped(next))'",
            hint: "A value that begins with a dash is written \(option.name)=VALUE.")
    }

    func unknownOption(_ name: String, in joined: String? = nil) -> CommandFailure {
        var message = "option '\(escaped(name))' is unknown"
        if let joined, joined != name { message += " in '\(escaped(joined))'" }
        let known = options.map(\.info.name)
        if name.hasPrefix("--"), let near = Suggestion.nearest(to: name, among: known) {
            return failure(message + "; did you mean '\(near)'?")
        }
        // Right option, wrong place: `jobrunner --concurrency 5 work`.
        let owner = command.tree().dropFirst().first {
            $0.command.options.contains { $0.info.name == name }
        }
        if let owner {
            let words = ([called] + owner.path).joined(separator: " ")
            return CommandFailure(message + " here", hint: "It belongs after '\(words)'.")
        }
        return failure(message)
    }

    mutating func unknownCommand(_ word: String) -> CommandFailure {
        isUnknownCommand = true
        let prefix = path.dropFirst().map { $0.name + " " }.joined()
        let message = "unknown command '\(prefix)\(escaped(word))'"
        let known = command.subcommands.flatMap { [$0.name] + $0.aliases }
        guard let near = Suggestion.nearest(to: word, among: known) else { return failure(message) }
        return CommandFailure(
            message + "; did you mean '\(prefix)\(near)'?", hint: "See '\(called) \(near) --help'.")
    }
}
