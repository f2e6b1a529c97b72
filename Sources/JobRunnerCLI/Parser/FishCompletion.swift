/// The completion script for fish, with the help of every option.
enum FishCompletion {
    static func script(_ root: CommandSpec, executable: String) -> String {
        let table = CompletionTable(root, executable: executable)
        let function = "__\(table.identifier)_at"
        let name = quoted(executable)
        var lines = [
            "# fish completion for \(escaped(executable)); put it into ~/.config/fish/completions.",
            "function \(function)",
            "    set -l at ''",
            "    set -l option ''",
            "    set -l line (commandline -opc)",
            "    for word in $line[2..-1]",
            "        if test -n \"$option\"",
            "            set option ''",
            "            continue",
            "        end",
            "        switch \"$at:$word\"",
        ]
        lines += table.entries.flatMap(walk)
        lines += ["        end", "    end", "    echo \"at:$at\"", "end", ""]
        lines.append("complete -c \(name) -f")
        for entry in table.entries {
            let here = "complete -c \(name) -n " + quoted("test (\(function)) = 'at:\(entry.at)'")
            lines += offers(entry).map { "\(here) \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func walk(_ entry: CompletionTable.Entry) -> [String] {
        let steps = entry.steps.flatMap { step in
            [
                "            case " + patterns(entry, step.words),
                "                set at \(quoted(step.to))",
            ]
        }
        let valued = entry.options.filter { !$0.isFlag }.flatMap(\.spellings)
        guard !valued.isEmpty else { return steps }
        return steps + [
            "            case " + patterns(entry, valued), "                set option $word",
        ]
    }

    private static func offers(_ entry: CompletionTable.Entry) -> [String] {
        var offers = entry.steps.map { "-a \(quoted($0.words[0])) -d \(quoted($0.help))" }
        if entry.steps.isEmpty {
            switch entry.arguments {
            case .none: break
            case .file: offers.append("-F")
            case .choices:
                let words = entry.arguments.safeChoices.joined(separator: " ")
                offers.append("-a \(quoted(words))")
            }
        }
        for option in entry.options {
            var parts = option.short.map { ["-s \($0)"] } ?? []
            parts.append("-l \(option.long)")
            if !option.isFlag { parts.append(option.completion == .file ? "-r -F" : "-x") }
            let choices = option.completion.safeChoices
            if !choices.isEmpty { parts.append("-a \(quoted(choices.joined(separator: " ")))") }
            offers.append(parts.joined(separator: " ") + " -d \(quoted(option.help))")
            if option.inversion { offers.append("-l no-\(option.long) -d \(quoted(option.help))") }
        }
        return offers
    }

    private static func patterns(_ entry: CompletionTable.Entry, _ words: [String]) -> String {
        words.map { quoted("\(entry.at):\($0)") }.joined(separator: " ")
    }

    /// One word for fish, where a single-quoted string knows two escapes.
    private static func quoted(_ text: String) -> String {
        let inner = text.map { $0 == "'" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
        return "'\(inner)'"
    }
}
