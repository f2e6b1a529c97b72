/// The help of one command, ready to be laid out for a width.
struct HelpText: Sendable {
    let executable: String
    /// From the root to the command.
    let path: [CommandSpec]

    private var command: CommandSpec { path[path.count - 1] }
    private var called: String { ArgumentScanner.called(executable, path) }

    func render(_ style: HelpStyle) -> String {
        var page = HelpPage(style: style)
        page.paragraph(command.abstract)
        page.usage(called, parts: usage)
        for paragraph in command.discussion.split(separator: "\n\n") {
            page.paragraph(String(paragraph))
        }
        page.section("Arguments", rows: command.arguments.map { row(of: $0.info) })
        page.section("Commands", rows: command.subcommands.map(row(of:)))
        page.section("Options", rows: command.options.map { row(of: $0.info) })
        let global = path.dropLast().reversed().flatMap(\.options) + BuiltIn.options
        let title = path.count > 1 ? "Global options" : "Other options"
        page.section(title, rows: global.map { row(of: $0.info) })
        if !command.subcommands.isEmpty {
            page.paragraph("See '\(executable) help COMMAND' for each of them.")
        }
        return page.text
    }

    private var usage: [String] {
        var parts: [String] = []
        if !command.subcommands.isEmpty {
            parts.append(command.run == nil ? "<command>" : "[<command>]")
        }
        parts.append("[<options>]")
        for argument in command.arguments.map(\.info) {
            let label = argument.repeats ? "\(argument.label) ..." : argument.label
            parts.append(argument.isRequired ? label : "[\(label)]")
        }
        return parts
    }

    private func row(of command: CommandSpec) -> HelpPage.Row {
        HelpPage.Row(
            label: ([command.name] + command.aliases).joined(separator: ", "),
            text: command.abstract)
    }

    private func row(of argument: ArgumentInfo) -> HelpPage.Row {
        let note = argument.defaultText.map { " (default: \($0))" } ?? ""
        return HelpPage.Row(label: argument.label, text: argument.help + note)
    }

    private func row(of option: OptionInfo) -> HelpPage.Row {
        let short = option.short.map { "-\($0), " } ?? ""
        let long = option.inversion ? "--[no-]\(option.long)" : option.name
        let notes = option.notes.isEmpty ? "" : " (\(option.notes.joined(separator: "; ")))"
        return HelpPage.Row(label: short + long + option.valueLabel, text: option.help + notes)
    }
}

extension OptionInfo {
    /// `env: JOBRUNNER_CONCURRENCY`, `default: 10 jobs`, in that order.
    var notes: [String] {
        var notes: [String] = []
        if !env.isEmpty {
            let list = repeats && !isFlag ? ", separated by commas" : ""
            notes.append("env: " + env.joined(separator: ", then ") + list)
        }
        if let defaultText {
            notes.append("default: " + defaultText + (unit.map { " " + $0 } ?? ""))
        } else if let unit {
            notes.append("unit: \(unit)")
        }
        if isRequired { notes.append("required") }
        if repeats { notes.append("may be repeated") }
        return notes
    }
}
