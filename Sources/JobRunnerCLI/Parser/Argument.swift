/// An argument without a name: known by its place among the words of a command line.
struct Argument<Value: Sendable>: Sendable, AnyArgument {
    let info: ArgumentInfo
    let defaultValue: Value?
    let reader: ValueReader<Value>

    /// - Parameters:
    ///   - required: Ignored when there is a default.
    ///   - repeats: Whether it takes all the words that are left; the last argument only.
    init(
        _ name: String, help: String, required: Bool = true, default: Value? = nil,
        repeats: Bool = false, read: ValueReader<Value>
    ) {
        info = ArgumentInfo(
            name: name, help: help, isRequired: required && `default` == nil, repeats: repeats,
            defaultText: `default`.map(read.show), completion: read.completion)
        defaultValue = `default`
        reader = read
    }

    var anyDefault: (any Sendable)? { defaultValue }

    func read(_ text: String) throws(CommandFailure) -> any Sendable {
        try reader.value(of: text, named: info.label, exit: .usage)
    }
}

/// What of an argument does not depend on the type of its value.
struct ArgumentInfo: Sendable {
    var name: String
    var help: String
    var isRequired: Bool
    var repeats: Bool
    var defaultText: String?
    var completion: ValueCompletion

    /// As help and messages call it.
    var label: String { "<\(name)>" }
}

/// An argument of any type, as lists of them are kept.
protocol AnyArgument: Sendable {
    var info: ArgumentInfo { get }
    var anyDefault: (any Sendable)? { get }

    func read(_ text: String) throws(CommandFailure) -> any Sendable
}
