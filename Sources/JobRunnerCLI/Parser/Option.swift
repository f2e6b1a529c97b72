/// An option with a value, declared once as a static constant of its command.
struct Option<Value: Sendable>: Sendable, AnyOption {
    let info: OptionInfo
    let defaultValue: Value?
    let reader: ValueReader<Value>

    /// - Parameters:
    ///   - long: Without the dashes; also the key under which an `Invocation` keeps the value.
    ///   - env: The variable that sets it. For one that `repeats`, its text is split at commas.
    ///   - fallbackEnv: Variables asked after `env`, in order; the first one that is set counts.
    ///   - default: Nil makes it optional (`Invocation.optional`), or needed if `required`.
    ///   - unit: What the number counts; leave out for durations and sizes, which carry theirs.
    ///   - bareValue: What it means without a value: behind it comes another option or nothing.
    ///   - repeats: Whether it may be given again; then read with `Invocation.all`.
    init(
        _ long: String, short: Character? = nil, env: String?, fallbackEnv: [String] = [],
        default: Value?, placeholder: String, bareValue: String? = nil, unit: String? = nil,
        help: String, repeats: Bool = false, required: Bool = false, read: ValueReader<Value>
    ) {
        info = OptionInfo(
            long: long, short: short, env: (env.map { [$0] } ?? []) + fallbackEnv,
            placeholder: placeholder, bareValue: bareValue, unit: unit, help: help,
            repeats: repeats,
            isRequired: required && `default` == nil,
            defaultText: `default`.map(read.show), completion: read.completion)
        defaultValue = `default`
        reader = read
    }

    var anyDefault: (any Sendable)? { defaultValue }

    func read(
        _ text: String, named name: String, exit: ExitCode
    ) throws(CommandFailure) -> any Sendable {
        try reader.value(of: text, named: name, exit: exit)
    }
}
