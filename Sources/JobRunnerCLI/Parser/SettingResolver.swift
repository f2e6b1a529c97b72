/// Gives every option of a command its value: the flag, else a variable, else the default.
struct SettingResolver {
    let environment: [String: String]
    /// Where a variable was set, for the hint; only variables from a file are in it.
    let places: [String: String]

    func settings(
        of options: [any AnyOption], given: [String: [String]]
    ) throws(CommandFailure) -> [String: Invocation.Setting] {
        var settings: [String: Invocation.Setting] = [:]
        // What was typed is checked first: it is what the user has before their eyes.
        for option in options {
            guard let texts = given[option.info.long] else { continue }
            var values: [any Sendable] = []
            for text in texts {
                values.append(try option.read(text, named: option.info.name, exit: .usage))
            }
            settings[option.info.long] = Invocation.Setting(values: values, origin: .flag)
        }
        for option in options where settings[option.info.long] == nil {
            var setting = try fromEnvironment(option)
            if setting == nil { setting = try fallback(of: option) }
            settings[option.info.long] = setting
        }
        return settings
    }

    private func fromEnvironment(
        _ option: any AnyOption
    ) throws(CommandFailure) -> Invocation.Setting? {
        for variable in option.info.env {
            guard let text = environment[variable] else { continue }
            let hint = places[variable].map { "It is set in \($0)." }
            guard !text.isEmpty else {
                throw CommandFailure(
                    "\(variable) is set but empty", hint: hint, exit: .configuration)
            }
            var values: [any Sendable] = []
            do throws(CommandFailure) {
                for piece in pieces(of: text, for: option.info) {
                    values.append(try option.read(piece, named: variable, exit: .configuration))
                }
            } catch {
                throw CommandFailure(error.message, hint: hint, exit: error.exit)
            }
            return Invocation.Setting(values: values, origin: .environment, variable: variable)
        }
        return nil
    }

    /// A variable cannot be given twice, so one for an option that repeats is a list.
    private func pieces(of text: String, for option: OptionInfo) -> [String] {
        guard option.repeats, !option.isFlag else { return [text] }
        return text.split(separator: ",", omittingEmptySubsequences: false)
            .map { String($0.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
    }

    private func fallback(of option: any AnyOption) throws(CommandFailure) -> Invocation.Setting {
        if let value = option.anyDefault {
            return Invocation.Setting(values: [value], origin: .default)
        }
        guard !option.info.isRequired else {
            let variable = option.info.env.first.map { " or set \($0)" } ?? ""
            let value = option.info.placeholder ?? "VALUE"
            throw CommandFailure(
                "option '\(option.info.name)' is missing",
                hint: "Give \(option.info.name) \(value)\(variable).")
        }
        return Invocation.Setting(values: [], origin: .default)
    }
}
