/// What of an option does not depend on the type of its value.
struct OptionInfo: Sendable {
    /// Without the dashes.
    var long: String
    var short: Character?
    /// The variables that set it, the first one first; empty when none does.
    var env: [String] = []
    /// What stands for the value in help; nil for a flag, which takes none.
    var placeholder: String?
    /// What the option means without a value, as in `--ndjson`; nil when a value is needed.
    var bareValue: String?
    /// What the value counts, as in `jobs`.
    var unit: String?
    var help: String
    var repeats = false
    var isRequired = false
    /// Whether `--no-<long>` is understood; flags only.
    var inversion = false
    /// The default as the user would type it.
    var defaultText: String?
    var completion = ValueCompletion.none

    var isFlag: Bool { placeholder == nil }
    /// What stands behind its name in help: ` <N>`, ` [<FILE>]` when it may be left out.
    var valueLabel: String {
        placeholder.map { bareValue == nil ? " <\($0)>" : " [<\($0)>]" } ?? ""
    }
    /// As messages call it, however it was typed.
    var name: String { "--\(long)" }
}

/// An option or a flag of any type, as lists of them are kept.
protocol AnyOption: Sendable {
    var info: OptionInfo { get }
    var anyDefault: (any Sendable)? { get }

    /// - Parameter name: Where the text came from: the option or the variable.
    func read(
        _ text: String, named name: String, exit: ExitCode
    ) throws(CommandFailure) -> any Sendable
}
