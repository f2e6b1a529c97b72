extension CommandSpec {
    /// What is wrong with this tree, one sentence each; empty for a sound one.
    ///
    /// For a test beside the commands: two options of one name, a command that no word reaches,
    /// or an argument that never gets a word would show only when a user trips over them.
    func problems() -> [String] {
        problems(inherited: BuiltIn.options, called: name) + variablesWithTwoMeanings()
    }

    private func problems(inherited: [any AnyOption], called: String) -> [String] {
        let scope = inherited + options
        var found: [String] = []
        // `--no-x` of a flag that can be negated is a name like any other.
        let longs =
            scope.map(\.info.long)
            + scope.map(\.info).filter(\.inversion).map { "no-" + $0.long }
        found += Self.doubles(longs.map { "--" + $0 })
        found += Self.doubles(scope.compactMap(\.info.short).map { "-\($0)" })
        found += Self.doubles(subcommands.flatMap { [$0.name] + $0.aliases })
        found += Self.doubles(arguments.map(\.info.label))
        found = found.map { "\(called): \($0) is declared twice" }
        for word in [name] + aliases + options.map(\.info.long) where !Self.isPlain(word) {
            found.append("\(called): '\(word)' is not of a-z, 0-9 and dashes inside")
        }
        if subcommands.isEmpty, run == nil { found.append("\(called): does nothing") }
        if !subcommands.isEmpty, !arguments.isEmpty {
            found.append("\(called): has both commands and arguments")
        }
        found += argumentProblems().map { "\(called): \($0)" }
        return found
            + subcommands.flatMap { $0.problems(inherited: scope, called: "\(called) \($0.name)") }
    }

    private func argumentProblems() -> [String] {
        let infos = arguments.map(\.info)
        var found = infos.dropLast().filter(\.repeats).map { "\($0.label) repeats but is not last" }
        for (before, after) in zip(infos, infos.dropFirst())
        where !before.isRequired && after.isRequired {
            found.append("\(after.label) is required behind \(before.label), which is not")
        }
        return found
    }

    /// A variable is set for all commands at once, so it must mean one thing in all of them.
    private func variablesWithTwoMeanings() -> [String] {
        let pairs = tree().flatMap(\.command.options).flatMap { option in
            option.info.env.map { (variable: $0, option: option.info.name) }
        }
        return Dictionary(grouping: pairs, by: \.variable)
            .filter { Set($0.value.map(\.option)).count > 1 }
            .map {
                "\($0.key) sets " + Set($0.value.map(\.option)).sorted().joined(separator: ", ")
            }
            .sorted()
    }

    private static func doubles(_ names: [String]) -> [String] {
        Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
    }

    /// Also what makes a name safe to put into a completion script.
    private static func isPlain(_ word: String) -> Bool {
        !word.isEmpty && !word.hasPrefix("-") && !word.hasSuffix("-")
            && word.utf8.allSatisfy {
                $0 == UInt8(ascii: "-") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }
}
