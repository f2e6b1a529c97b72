/// The completion script for bash 3.2 and later.
enum BashCompletion {
    static func script(_ root: CommandSpec, executable: String) -> String {
        let table = CompletionTable(root, executable: executable)
        let function = "_" + table.identifier
        return """
            # bash completion for \(escaped(executable)); source it from ~/.bashrc.
            \(function)() {
                local at="" option="" words="" options="" files="" word i
                local cur="${COMP_WORDS[COMP_CWORD]}"
                COMPREPLY=()
                for ((i = 1; i < COMP_CWORD; i++)); do
                    word="${COMP_WORDS[i]}"
                    # readline splits --option=value into three words.
                    [[ $word == "=" ]] && continue
                    if [[ -n $option ]]; then option=""; continue; fi
                    [[ $word == "--" ]] && return 0
                    case "$at:$word" in
            \(table.entries.flatMap(walk).joined(separator: "\n"))
                    esac
                done
                [[ $cur == "=" ]] && cur=""
                if [[ -n $option ]]; then
                    case "$at:$option" in
            \(table.entries.flatMap(values).joined(separator: "\n"))
                        *) return 0 ;;
                    esac
                else
                    case "$at" in
            \(table.entries.map(offers).joined(separator: "\n"))
                    esac
                    [[ $cur == -* ]] && words="$options" files=""
                fi
                [[ -n $files ]] && compopt -o default 2>/dev/null
                COMPREPLY=($(compgen -W "$words" -- "$cur"))
            }
            complete -F \(function) \(quoted(executable))

            """
    }

    /// Steps into commands, and options whose next word is a value.
    private static func walk(_ entry: CompletionTable.Entry) -> [String] {
        var lines = entry.steps.map { step in
            "            \(pattern(entry, step.words))) at=\(quoted(step.to)) ;;"
        }
        let valued = entry.options.filter { !$0.isFlag }.flatMap(\.spellings)
        if !valued.isEmpty {
            lines.append("            \(pattern(entry, valued))) option=\"$word\" ;;")
        }
        return lines
    }

    private static func values(_ entry: CompletionTable.Entry) -> [String] {
        entry.options.compactMap { option in
            guard let offer = offer(option.completion) else { return nil }
            return "            \(pattern(entry, option.spellings))) \(offer) ;;"
        }
    }

    private static func offers(_ entry: CompletionTable.Entry) -> String {
        var words = entry.steps.flatMap { $0.words.prefix(1) }
        if !words.isEmpty { words.append("help") }
        let first =
            words.isEmpty
            ? offer(entry.arguments) ?? ":" : "words=\(quoted(words.joined(separator: " ")))"
        let options = entry.options.flatMap(\.spellings).joined(separator: " ")
        return "            \(quoted(entry.at))) \(first); options=\(quoted(options)) ;;"
    }

    private static func offer(_ completion: ValueCompletion) -> String? {
        switch completion {
        case .none: nil
        case .file: "files=1"
        case .choices: "words=\(quoted(completion.safeChoices.joined(separator: " ")))"
        }
    }

    private static func pattern(_ entry: CompletionTable.Entry, _ words: [String]) -> String {
        words.map { quoted("\(entry.at):\($0)") }.joined(separator: "|")
    }

    /// One word for a POSIX shell, whatever is in it.
    static func quoted(_ text: String) -> String {
        "'"
            + text.split(separator: "'", omittingEmptySubsequences: false).joined(
                separator: #"'\''"#)
            + "'"
    }
}
