/// Where the value of an option came from.
enum Origin: Sendable {
    case flag
    case environment
    case `default`
}

/// A command line that was understood: the values of its options and arguments.
///
/// Asking for an option that the command did not declare is a defect of the program and stops it.
struct Invocation: Sendable {
    struct Setting: Sendable {
        var values: [any Sendable]
        var origin: Origin
        /// The variable that decided, when one did.
        var variable: String?
    }

    /// How the program was called, for texts that name it.
    let executable: String
    /// The names from below the root, aliases resolved: `["jobs", "list"]`.
    let command: [String]
    /// The process's environment over the file of `--env-file`.
    let environment: [String: String]
    /// Where the command reads and writes.
    var console = Console()
    private let settings: [String: Setting]
    private let arguments: [String: [any Sendable]]

    init(
        executable: String, command: [String], environment: [String: String],
        settings: [String: Setting], arguments: [String: [any Sendable]]
    ) {
        self.executable = executable
        self.command = command
        self.environment = environment
        self.settings = settings
        self.arguments = arguments
    }

    /// The value of an option that has a default or is required; the last one if it repeats.
    subscript<V>(option: Option<V>) -> V {
        guard let value = all(option).last else {
            preconditionFailure("\(option.info.name) may be absent: read it with optional(_:)")
        }
        return value
    }

    /// The value of an argument that has a default or is required; the first one if it repeats.
    subscript<V>(argument: Argument<V>) -> V {
        guard let value = all(argument).first else {
            preconditionFailure("\(argument.info.label) may be absent: read it with optional(_:)")
        }
        return value
    }

    /// Whether the flag is on.
    subscript(flag: Flag) -> Bool {
        values(of: flag, as: Bool.self).last ?? false
    }

    /// Nil when the option was not given and has no default.
    func optional<V>(_ option: Option<V>) -> V? {
        all(option).last
    }

    /// Nil when the argument was not given and has no default.
    func optional<V>(_ argument: Argument<V>) -> V? {
        all(argument).first
    }

    /// Every value of an option that repeats, as given; its default alone when none was.
    func all<V>(_ option: Option<V>) -> [V] {
        values(of: option, as: V.self)
    }

    /// Every value of an argument that repeats, as given.
    func all<V>(_ argument: Argument<V>) -> [V] {
        guard let values = arguments[argument.info.name] as? [V] else {
            preconditionFailure("\(argument.info.label) is not an argument of this command")
        }
        return values
    }

    /// How often a flag that repeats was given, as in `-vv`.
    func count(of flag: Flag) -> Int {
        values(of: flag, as: Bool.self).count { $0 }
    }

    func origin(of option: some AnyOption) -> Origin {
        setting(of: option).origin
    }

    /// The variable that set the option; nil when a flag or the default did.
    func variable(of option: some AnyOption) -> String? {
        setting(of: option).variable
    }

    private func setting(of option: some AnyOption) -> Setting {
        guard let setting = settings[option.info.long] else {
            preconditionFailure("\(option.info.name) is not an option of this command")
        }
        return setting
    }

    private func values<V>(of option: some AnyOption, as type: V.Type) -> [V] {
        guard let values = setting(of: option).values as? [V] else {
            preconditionFailure("\(option.info.name) holds values of another type than \(type)")
        }
        return values
    }
}
