/// What a shell needs to know of a tree to complete a line; the scripts differ only in syntax.
struct CompletionTable {
    struct Entry {
        /// `jobs list`; empty for the root.
        var at: String
        /// The words that lead on, each with where it leads and what it is.
        var steps: [(words: [String], to: String, help: String)]
        var options: [OptionInfo]
        /// What the arguments of the command may be.
        var arguments: ValueCompletion
    }

    let entries: [Entry]
    let executable: String
    /// Part of names of shell functions.
    let identifier: String

    init(_ root: CommandSpec, executable: String) {
        self.executable = executable
        identifier = String(
            executable.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        entries = Self.entries(root, at: [], inherited: BuiltIn.options)
    }

    private static func entries(
        _ command: CommandSpec, at path: [String], inherited: [any AnyOption]
    ) -> [Entry] {
        let options = command.options + inherited
        let steps = command.subcommands.map { step in
            (
                words: [step.name] + step.aliases,
                to: (path + [step.name]).joined(separator: " "), help: step.abstract
            )
        }
        let kinds = command.arguments.map(\.info.completion).filter { $0 != .none }
        let entry = Entry(
            at: path.joined(separator: " "), steps: steps, options: options.map(\.info),
            arguments: kinds.first ?? .none)
        return [entry]
            + command.subcommands.flatMap {
                entries($0, at: path + [$0.name], inherited: options)
            }
    }
}

extension OptionInfo {
    /// Every way it is written.
    var spellings: [String] {
        [name] + (inversion ? ["--no-\(long)"] : []) + (short.map { ["-\($0)"] } ?? [])
    }
}

extension ValueCompletion {
    /// The choices that no shell can take for anything but a word.
    var safeChoices: [String] {
        guard case .choices(let choices) = self else { return [] }
        return choices.filter { choice in
            !choice.isEmpty
                && choice.allSatisfy {
                    $0.isASCII && ($0.isLetter || $0.isNumber || "._/@%+-".contains($0))
                }
        }
    }
}
