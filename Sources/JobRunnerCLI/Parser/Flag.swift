/// An option without a value: off unless it is given.
struct Flag: Sendable, AnyOption {
    let info: OptionInfo

    /// - Parameters:
    ///   - env: The variable that sets it: 1, true, yes, on or 0, false, no, off.
    ///   - inversion: Whether `--no-<long>` turns it off against its variable.
    ///   - repeats: Whether it may be given again, as in `-vv`; then read with `Invocation.count`.
    init(
        _ long: String, short: Character? = nil, env: String?, help: String,
        inversion: Bool = false, repeats: Bool = false
    ) {
        info = OptionInfo(
            long: long, short: short, env: env.map { [$0] } ?? [], help: help, repeats: repeats,
            inversion: inversion, defaultText: nil)
    }

    var anyDefault: (any Sendable)? { false }

    func read(
        _ text: String, named name: String, exit: ExitCode
    ) throws(CommandFailure) -> any Sendable {
        try Self.reader.value(of: text, named: name, exit: exit)
    }

    private static let reader = ValueReader<Bool>(
        describe: "1, true, yes, on, 0, false, no or off"
    ) { text throws(InvalidValue) in
        switch text.lowercased() {
        case "1", "true", "yes", "on": return true
        case "0", "false", "no", "off": return false
        default: throw InvalidValue()
        }
    }
}
