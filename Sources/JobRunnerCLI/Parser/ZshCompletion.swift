/// The completion script for zsh, with the help of every option.
enum ZshCompletion {
    static func script(_ root: CommandSpec, executable: String) -> String {
        let table = CompletionTable(root, executable: executable)
        let function = "_" + table.identifier
        return """
            #compdef \(escaped(executable))
            # Put it as \(function) into a directory of $fpath, or source it after compinit.
            \(function)() {
                local at="" option="" word="" i
                local -a steps flags values
                for ((i = 2; i < CURRENT; i++)); do
                    word="${words[i]}"
                    if [[ -n $option ]]; then option=""; continue; fi
                    if [[ $word == "--" ]]; then _files; return; fi
                    case "$at:$word" in
            \(table.entries.flatMap(walk).joined(separator: "\n"))
                    esac
                done
                if [[ -z $option && $PREFIX == --*=* ]]; then
                    option="${PREFIX%%=*}"
                    compset -P 1 '*='
                fi
                if [[ -n $option ]]; then
                    case "$at:$option" in
            \(table.entries.flatMap(values).joined(separator: "\n"))
                    esac
                    return
                fi
                case "$at" in
            \(table.entries.map(offers).joined(separator: "\n"))
                esac
                if [[ $PREFIX == -* ]]; then
                    _describe -o option flags
                else
                    (( $#steps )) && _describe command steps
                    (( $#values )) && compadd -- "${values[@]}"
                fi
            }
            if [[ "${funcstack[1]}" == "\(function)" ]]; then
                \(function) "$@"
            else
                compdef \(function) \(BashCompletion.quoted(executable))
            fi

            """
    }

    private static func walk(_ entry: CompletionTable.Entry) -> [String] {
        var lines = entry.steps.map { step in
            "            \(pattern(entry, step.words))) at=\(BashCompletion.quoted(step.to)) ;;"
        }
        let valued = entry.options.filter { !$0.isFlag }.flatMap(\.spellings)
        if !valued.isEmpty {
            lines.append("            \(pattern(entry, valued))) option=\"$word\" ;;")
        }
        return lines
    }

    private static func values(_ entry: CompletionTable.Entry) -> [String] {
        entry.options.compactMap { option in
            let offer: String
            switch option.completion {
            case .none: return nil
            case .file: offer = "_files"
            case .choices:
                offer = "compadd -- " + option.completion.safeChoices.joined(separator: " ")
            }
            return "            \(pattern(entry, option.spellings))) \(offer) ;;"
        }
    }

    private static func offers(_ entry: CompletionTable.Entry) -> String {
        let commands = entry.steps.map { described($0.words[0], $0.help) }
        let options = entry.options.flatMap { option in
            option.spellings.map { described($0, option.help) }
        }
        let files = entry.steps.isEmpty && entry.arguments == .file ? "; _files" : ""
        return """
                        \(BashCompletion.quoted(entry.at)))
                            steps=(\(commands.joined(separator: " ")))
                            values=(\(entry.arguments.safeChoices.joined(separator: " ")))
                            flags=(\(options.joined(separator: " ")))\(files)
                            ;;
            """
    }

    /// `word:help`, where a colon in the word would end it.
    private static func described(_ word: String, _ help: String) -> String {
        BashCompletion.quoted("\(word):\(help)")
    }

    private static func pattern(_ entry: CompletionTable.Entry, _ words: [String]) -> String {
        words.map { BashCompletion.quoted("\(entry.at):\($0)") }.joined(separator: "|")
    }
}
