/// Every option of a tree, for the texts that are made from the declarations.
struct OptionTable {
    struct Row: Sendable {
        /// The commands that declare it, as typed; the root's options have the empty name.
        var commands: [String]
        var option: OptionInfo
    }

    /// In the order of the tree; an option that several commands share is one row.
    let rows: [Row]

    init(_ root: CommandSpec) {
        var rows: [Row] = []
        for (path, command) in root.tree() {
            let name = path.joined(separator: " ")
            for option in command.options.map(\.info) {
                let same = rows.firstIndex { $0.option.isSame(as: option) }
                if let same {
                    rows[same].commands.append(name)
                } else {
                    rows.append(Row(commands: [name], option: option))
                }
            }
        }
        self.rows = rows
    }

    /// The rows by the commands that have them, in the order of first use.
    var groups: [(title: String, rows: [Row])] {
        var groups: [(title: String, rows: [Row])] = []
        for row in rows {
            let title =
                row.commands.contains("")
                ? "every command" : row.commands.joined(separator: ", ")
            if let index = groups.firstIndex(where: { $0.title == title }) {
                groups[index].rows.append(row)
            } else {
                groups.append((title, [row]))
            }
        }
        return groups
    }

    /// A Markdown table for the README.
    var markdown: String {
        var lines = [
            "| command | option | variable | default | meaning |",
            "| --- | --- | --- | --- | --- |",
        ]
        for (title, rows) in groups {
            for option in rows.map(\.option) {
                let short = option.short.map { "`-\($0)`, " } ?? ""
                let value = option.placeholder.map { " \($0)" } ?? ""
                let cells = [
                    title, "\(short)`\(option.name)\(value)`",
                    option.env.map { "`\($0)`" }.joined(separator: ", "),
                    option.defaultText.map { "`\($0)`" + (option.unit.map { " \($0)" } ?? "") }
                        ?? (option.isRequired ? "required" : ""),
                    option.help,
                ]
                let safe = cells.map { $0.split(separator: "|").joined(separator: "\\|") }
                lines.append("| " + safe.joined(separator: " | ") + " |")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension OptionInfo {
    /// Whether two commands declare the same constant, or as good as.
    fileprivate func isSame(as other: OptionInfo) -> Bool {
        long == other.long && short == other.short && env == other.env
            && defaultText == other.defaultText && unit == other.unit && help == other.help
    }
}
