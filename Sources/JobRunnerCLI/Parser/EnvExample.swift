/// The text of `.env.example`: every variable with what it means, commented out.
enum EnvExample {
    static func render(_ root: CommandSpec) -> String {
        var text = ""
        var seen: Set<String> = []
        for (title, rows) in OptionTable(root).groups {
            let options = rows.map(\.option).filter { option in
                // A variable of two options with differing defaults stands where it came first.
                option.env.first.map { seen.insert($0).inserted } ?? false
            }
            guard !options.isEmpty else { continue }
            text += (text.isEmpty ? "" : "\n") + "# --- \(title) ---\n"
            for option in options { text += entry(option) }
        }
        return text
    }

    private static func entry(_ option: OptionInfo) -> String {
        var notes: [String] = []
        if let unit = option.unit { notes.append(unit) }
        if option.isFlag { notes.append("true or false") }
        if option.repeats, !option.isFlag { notes.append("separated by commas") }
        let value = option.isFlag ? "false" : option.defaultText
        notes.append(value.map { "default: \($0)" } ?? (option.isRequired ? "required" : "unset"))
        notes += option.env.dropFirst().map { "else \($0)" }
        let name = option.env.first ?? ""
        return "\n# \(option.help) (\(notes.joined(separator: "; ")))\n"
            + "# \(name)=\(quoted(value ?? ""))\n"
    }

    /// As `EnvironmentFile` reads it back.
    private static func quoted(_ value: String) -> String {
        guard value.contains(where: { " \t#'\"\\\n".contains($0) }) else { return value }
        let escapes: [Character: String] = [
            "\"": "\\\"", "\\": "\\\\", "\n": "\\n", "\t": "\\t", "$": "\\$",
        ]
        return "\"" + value.map { escapes[$0] ?? String($0) }.joined() + "\""
    }
}
