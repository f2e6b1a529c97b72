/// Splits a command line into the command, the texts of its options and its other words.
///
/// Pure: it knows which options take a value, and nothing of what their values mean.
struct ArgumentScanner {
    enum Request { case help, version }

    let executable: String
    /// From the root to the command that the words have led to so far.
    private(set) var path: [CommandSpec]
    /// The texts of each option by its long name, in order; a flag's are `true` and `false`.
    private(set) var given: [String: [String]] = [:]
    private(set) var words: [String] = []
    private(set) var rest: ArraySlice<String>
    var isUnknownCommand = false

    init(root: CommandSpec, executable: String, arguments: [String]) {
        self.executable = executable
        path = [root]
        rest = arguments[...]
    }

    var command: CommandSpec { path[path.count - 1] }

    /// Every option understood here, the nearest declaration first.
    var options: [any AnyOption] {
        path.reversed().flatMap(\.options) + BuiltIn.options
    }

    /// - Returns: What was asked for instead of running the command, if anything.
    mutating func scan() throws(CommandFailure) -> Request? {
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                rest = []
            } else if argument.hasPrefix("--") {
                if let request = try long(argument) { return request }
            } else if isShort(argument) {
                if let request = try short(argument) { return request }
            } else if try word(argument) {
                return .help
            }
        }
        return nil
    }

    /// Whether help is asked for behind the place where the scan failed.
    ///
    /// Not after an unknown command: the suggestion is the better answer there.
    var stillAsksHelp: Bool {
        !isUnknownCommand
            && rest.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
    }

    // MARK: Options

    private mutating func long(_ argument: String) throws(CommandFailure) -> Request? {
        let parts = argument.dropFirst(2).split(
            separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        let value = parts.count > 1 ? String(parts[1]) : nil
        if let option = options.first(where: { $0.info.long == name })?.info {
            return try take(option, value: value, flag: "true")
        }
        let negated = options.map(\.info).first { $0.isFlag && "no-" + $0.long == name }
        guard let negated else { throw unknownOption("--" + name) }
        guard negated.inversion else {
            throw failure("option '\(negated.name)' cannot be negated")
        }
        return try take(negated, value: value, flag: "false")
    }

    /// `-c5`, `-c=5`, `-c 5`, or flags joined as in `-abc`; the last of them may take a value.
    private mutating func short(_ argument: String) throws(CommandFailure) -> Request? {
        var letters = argument.dropFirst()
        while let letter = letters.popFirst() {
            guard let option = options.first(where: { $0.info.short == letter })?.info else {
                throw unknownOption("-\(letter)", in: argument)
            }
            var value: String?
            if letters.first == "=" || (!option.isFlag && !letters.isEmpty) {
                value = String(letters.first == "=" ? letters.dropFirst() : letters)
                letters = ""
            }
            if let request = try take(option, value: value, flag: "true") { return request }
        }
        return nil
    }

    private mutating func take(
        _ option: OptionInfo, value: String?, flag: String
    ) throws(CommandFailure) -> Request? {
        var text = flag
        if option.isFlag {
            guard value == nil else { throw failure("option '\(option.name)' takes no value") }
        } else if let value {
            text = value
        } else if let next = rest.first, !looksLikeOption(next) {
            text = next
            rest.removeFirst()
        } else if let bare = option.bareValue {
            text = bare
        } else {
            throw missingValue(option)
        }
        if option.long == BuiltIn.help.info.long { return .help }
        if option.long == BuiltIn.version.info.long { return .version }
        if given[option.long] != nil, !option.repeats {
            throw failure("option '\(option.name)' is given twice")
        }
        given[option.long, default: []].append(text)
        return nil
    }

    /// `-` alone is a word (standard input), and so is a negative number.
    private func isShort(_ argument: String) -> Bool {
        guard argument.utf8.count > 1, argument.hasPrefix("-") else { return false }
        return !isNegativeNumber(argument)
    }

    private func looksLikeOption(_ argument: String) -> Bool {
        argument.hasPrefix("--") || isShort(argument)
    }

    /// `-5`, `-.5`, `-5m`, unless a command has a short option of that digit.
    private func isNegativeNumber(_ argument: String) -> Bool {
        let digits: ClosedRange<Character> = "0"..."9"
        let body = argument.dropFirst()
        guard let digit = body.first == "." ? body.dropFirst().first : body.first else {
            return false
        }
        return digits.contains(digit) && !options.contains { $0.info.short == digit }
    }

    // MARK: Words

    /// - Returns: Whether the words ask for help, as in `help jobs list`.
    private mutating func word(_ word: String) throws(CommandFailure) -> Bool {
        guard words.isEmpty, !command.subcommands.isEmpty else {
            words.append(word)
            return false
        }
        if let subcommand = command.subcommand(word) {
            path.append(subcommand)
        } else if word == "help" {
            for word in rest where !word.hasPrefix("-") {
                guard let subcommand = command.subcommand(word) else { throw unknownCommand(word) }
                path.append(subcommand)
            }
            return true
        } else if command.arguments.isEmpty {
            throw unknownCommand(word)
        } else {
            words.append(word)
        }
        return false
    }
}
