/// What a command line asks for.
enum ParseResult: Sendable {
    /// Help was asked for: standard output, exit code 0.
    case help(HelpText)
    /// `jobrunner 1.2.3`: standard output, exit code 0.
    case version(String)
    case invocation(Invocation, CommandSpec)
    /// No command was named: its help on standard error, exit code 64.
    case incomplete(HelpText)
    case failure(CommandFailure)
}

/// Understands command lines of a tree of commands and runs them.
struct CommandRunner: Sendable {
    let root: CommandSpec
    /// The name shown in every text; an app calls it by its own.
    let executable: String
    let version: String
    /// Reads the file of `--env-file`.
    var readFile: @Sendable (String) throws(CommandFailure) -> String
    /// Writes text to descriptor 1 or 2.
    var write: @Sendable (String, Int32) -> Void
    /// What a command has of the terminal; its `write` is always the one above.
    var console = Console()

    init(
        root: CommandSpec, executable: String, version: String,
        readFile: @escaping @Sendable (String) throws(CommandFailure) -> String = SystemFile.read,
        write: @escaping @Sendable (String, Int32) -> Void = SystemFile.write
    ) {
        self.root = root
        self.executable = executable
        self.version = version
        self.readFile = readFile
        self.write = write
    }

    /// Pure but for `--env-file`.
    ///
    /// - Parameter arguments: Without the program's own name.
    func parse(arguments: [String], environment: [String: String]) -> ParseResult {
        var scanner = ArgumentScanner(root: root, executable: executable, arguments: arguments)
        do throws(CommandFailure) {
            switch try scanner.scan() {
            case .help: return .help(HelpText(executable: executable, path: scanner.path))
            case .version: return .version("\(executable) \(version)")
            case nil: return try resolve(scanner, environment: environment)
            }
        } catch {
            // Somebody who adds --help to a wrong line wants to know what a right one is.
            if scanner.stillAsksHelp {
                return .help(HelpText(executable: executable, path: scanner.path))
            }
            return .failure(error)
        }
    }

    /// Parses, runs, prints what went wrong, and says how it went.
    func run(arguments: [String], environment: [String: String]) async -> ExitCode {
        switch parse(arguments: arguments, environment: environment) {
        case .help(let help):
            write(help.render(.detect(descriptor: 1, environment: environment)), 1)
            return .success
        case .version(let text):
            write(text + "\n", 1)
            return .success
        case .incomplete(let help):
            write(help.render(.detect(descriptor: 2, environment: environment)), 2)
            return .usage
        case .failure(let failure):
            return report(failure)
        case .invocation(var invocation, let command):
            invocation.console = console
            invocation.console.write = write
            do {
                return try await command.run?(invocation) ?? .success
            } catch let failure as CommandFailure {
                return report(failure)
            } catch {
                return report(CommandFailure(String(describing: error), exit: .internal))
            }
        }
    }

    private func resolve(
        _ scanner: ArgumentScanner, environment: [String: String]
    ) throws(CommandFailure) -> ParseResult {
        let command = scanner.path[scanner.path.count - 1]
        guard command.run != nil else {
            guard let word = scanner.words.first else {
                return .incomplete(HelpText(executable: executable, path: scanner.path))
            }
            throw scanner.failure("unexpected argument '\(escaped(word))'")
        }
        let arguments: [String: [any Sendable]]
        do {
            arguments = try ArgumentResolver.values(of: command.arguments, words: scanner.words)
        } catch {
            throw scanner.failure(error.message)
        }
        let file = try environmentFile(scanner)
        let merged = environment.merging(file.values) { real, _ in real }
        let places = file.places.filter { environment[$0.key] == nil }
        let settings = try SettingResolver(environment: merged, places: places)
            .settings(of: scanner.options, given: scanner.given)
        let invocation = Invocation(
            executable: executable, command: scanner.path.dropFirst().map(\.name),
            environment: merged, settings: settings, arguments: arguments)
        return .invocation(invocation, command)
    }

    private func environmentFile(
        _ scanner: ArgumentScanner
    ) throws(CommandFailure) -> (values: [String: String], places: [String: String]) {
        let option = BuiltIn.envFile
        guard let text = scanner.given[option.info.long]?.last else { return ([:], [:]) }
        let path = try option.reader.value(of: text, named: option.info.name, exit: .usage)
        let file = try EnvironmentFile(try readFile(path), path: path)
        try checkNames(of: file, path)
        return (file.values, file.lines.mapValues { "\(escaped(path)), line \($0)" })
    }

    /// A mistyped variable of ours would be ignored; other programs' are none of our business.
    private func checkNames(of file: EnvironmentFile, _ path: String) throws(CommandFailure) {
        let known = OptionTable(root).groups.flatMap { $0.rows }.flatMap { $0.option.env }
        let unknown = file.lines.filter {
            $0.key.hasPrefix("JOBRUNNER_") && !known.contains($0.key)
        }
        guard let first = unknown.min(by: { $0.value < $1.value }) else { return }
        let nearest = Suggestion.nearest(to: first.key, among: known)
        throw CommandFailure(
            "\(escaped(path)):\(first.value): there is no variable '\(escaped(first.key))'"
                + (nearest.map { "; did you mean '\($0)'?" } ?? ""), exit: .configuration)
    }

    private func report(_ failure: CommandFailure) -> ExitCode {
        write(failure.rendered(executable: executable), 2)
        return failure.exit
    }
}
